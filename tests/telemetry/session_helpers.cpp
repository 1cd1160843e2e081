// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/telemetry/session_helpers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
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
        case EventKind::kDraft:
            return bytes(event.draft);
        case EventKind::kProbe:
            return bytes(event.probe);
        case EventKind::kKernels:
            return bytes(event.kernels);
        case EventKind::kGpu:
            return bytes(event.gpu);
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

std::string as_text(const SummaryFigures& f) {
    const auto percentiles = [](const Percentiles& p) {
        return fmt::format("n {} p50 {} p95 {} p99 {} mean {} min {} max {}", p.n, p.p50, p.p95, p.p99,
                           p.mean, p.minimum, p.maximum);
    };
    return fmt::format(
        "requests {} finished {} stop {} length {} rejected {} cancelled {} timed out {} failed {} "
        "unfinished {} prompt {} "
        "output {} preemptions {} duration {} output/s {} prefill/s {} requests/s {} ttft [{}] tpot [{}] e2e "
        "[{}] goodput {} "
        "fraction {} good {} slo {} {} admissions {} {} {} hit {} evictions {} steps {} {} {} {} {} {} "
        "occupancy {} {} "
        "drafted {} {} {} {} {} {} "
        "causes {} knobs {} dropped {} complete {}",
        f.requests, f.finished, f.stopped, f.length, f.rejected, f.cancelled, f.timed_out, f.failed,
        f.unfinished, f.prompt_tokens, f.output_tokens, f.preemptions, f.duration_ns, f.output_tokens_per_s,
        f.prefill_tokens_per_s, f.requests_per_s, percentiles(f.ttft_ns), percentiles(f.tpot_ns),
        percentiles(f.e2e_ns), f.goodput_per_s, f.good_fraction, f.good, f.slo.ttft_ns, f.slo.tpot_ns,
        f.admissions, f.admitted_prompt_tokens, f.cached_tokens, f.hit_rate, f.evictions, f.steps.steps,
        f.steps.prefill_tokens, f.steps.recompute_tokens, f.steps.decode_tokens, f.steps.duration_ns,
        f.steps.flops, f.steps.occupancy, f.steps.peak_occupancy, f.drafted_steps, f.drafted_tokens,
        f.accepted_tokens, f.speculated_tokens, f.acceptance_rate, f.tokens_per_drafted_step,
        fmt::join(f.cause_ns, " "), f.knob_changes, f.dropped_events, f.complete);
}

void expect_sound_views(SQLite::Database& database) {
    const std::pair<const char*, const char*> rules[] = {
        {"ended requests whose causes do not sum to e2e",
         "v_request r WHERE end_ns IS NOT NULL AND e2e_ns IS NOT (SELECT coalesce(sum(duration_ns), 0) FROM "
         "v_cause "
         "WHERE request_id = r.request_id)"},
        {"causes of negative length", "v_cause WHERE duration_ns < 0"},
        {"causes without a name", "v_cause WHERE cause IS NULL"},
        {"members without a kind", "v_step_member WHERE kind IS NULL"},
        {"ended requests without a reason", "v_request WHERE (end_ns IS NULL) <> (finish_reason IS NULL)"},
        {"ttft that is not the difference of its stamps",
         "v_request WHERE ttft_ns IS NOT first_token_ns - arrival_ns"},
        {"e2e that is not the difference of its stamps", "v_request WHERE e2e_ns IS NOT end_ns - arrival_ns"},
        {"steps whose members do not sum to their tokens",
         "v_step s WHERE prefill_tokens + recompute_tokens + decode_tokens + draft_tokens IS NOT "
         "(SELECT coalesce(sum(tokens), 0) FROM v_step_member WHERE step_id = s.step_id)"},
    };
    for (const auto& [rule, sql] : rules)
        EXPECT_EQ(one(database, std::string("SELECT count(*) FROM ") + sql).getInt(), 0) << rule;
}

SQLite::Column one(SQLite::Database& database, const std::string& sql) { return database.execAndGet(sql); }

}  // namespace pitwall::telemetry::testing
