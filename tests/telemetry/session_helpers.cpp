// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/telemetry/session_helpers.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "telemetry/bus/bus.h"
#include "telemetry/bus/producer.h"
#include "telemetry/replay/session_reader.h"

namespace pitwall::telemetry::testing {

TemporaryFolder::TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "pitwall-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    folder_ = name;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

std::vector<std::string> TemporaryFolder::names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_))
        names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

Status record(const std::vector<Event>& events, const std::string& path, RecorderOptions options) {
    Bus bus;
    const auto producer = bus.add_producer();
    const auto reader = bus.add_reader(Overflow::kWait, 4096);
    Recorder recorder(reader, std::move(options));
    if (Status status = recorder.start(path); !status.ok()) return status;
    for (Event event : events) {
        producer->wait_for_room(1);
        producer->publish(event);
    }
    return recorder.stop();
}

Result<std::vector<Event>> read_session(const std::string& path, size_t at_once) {
    auto reader = SessionReader::open(path);
    if (!reader.ok()) return reader.error();
    std::vector<Event> events;
    for (;;) {
        const auto some = reader.value()->next(at_once);
        if (some.empty()) break;
        events.insert(events.end(), some.begin(), some.end());
    }
    if (!reader.value()->status().ok()) return reader.value()->status().error();
    return events;
}

namespace {
size_t keyframe_bytes(KeyframePart part) {
    switch (part) {
        case KeyframePart::kBegin:
            return sizeof(KeyframeBegin);
        case KeyframePart::kBlocks:
            return sizeof(KeyframeBlocks);
        case KeyframePart::kRequest:
            return sizeof(KeyframeRequest);
        case KeyframePart::kKnob:
            return sizeof(KeyframeKnob);
        case KeyframePart::kCounters:
            return sizeof(KeyframeCounters);
        case KeyframePart::kEnd:
            return 0;
    }
    return 0;
}
}  // namespace

std::string payload(const Event& event) {
    const auto bytes = [](const auto& part) {
        return std::string(reinterpret_cast<const char*>(&part), sizeof(part));
    };
    switch (event.kind) {
        case EventKind::kDictionary:
            return bytes(event.dictionary);
        case EventKind::kKeyframe:
            return std::string(reinterpret_cast<const char*>(&event.keyframe),
                               offsetof(KeyframeEvent, begin) + keyframe_bytes(event.keyframe.part));
        case EventKind::kStep:
            return bytes(event.step);
        case EventKind::kStepMember:
            return bytes(event.member);
        case EventKind::kRequest:
            return bytes(event.request);
        case EventKind::kBlock:
            return bytes(event.block);
        case EventKind::kCause:
            return bytes(event.cause);
        case EventKind::kKnob:
            return bytes(event.knob);
        case EventKind::kDevice:
            return bytes(event.device);
        case EventKind::kMark:
            return bytes(event.mark);
        case EventKind::kCount:
            break;
    }
    return {};
}

std::string difference(std::span<const Event> expected, std::span<const Event> got) {
    for (size_t i = 0; i < std::min(expected.size(), got.size()); ++i) {
        const Event &e = expected[i], &g = got[i];
        if (e.seq == g.seq && e.t_ns == g.t_ns && e.kind == g.kind && payload(e) == payload(g)) continue;
        return fmt::format("event {}: expected seq {} t {} kind {}, got seq {} t {} kind {}{}", i, e.seq,
                           e.t_ns, static_cast<int>(e.kind), g.seq, g.t_ns, static_cast<int>(g.kind),
                           e.seq == g.seq && e.kind == g.kind ? ", other payload" : "");
    }
    if (expected.size() != got.size())
        return fmt::format("expected {} events, got {}", expected.size(), got.size());
    return {};
}

SQLite::Column one(SQLite::Database& database, const std::string& sql) { return database.execAndGet(sql); }

}  // namespace pitwall::telemetry::testing
