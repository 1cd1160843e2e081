// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <random>
#include <thread>

#include "telemetry/bus/bus.h"
#include "telemetry/bus/producer.h"
#include "telemetry/names.h"
#include "telemetry/record/recorder.h"
#include "telemetry/record/schema.h"
#include "telemetry/replay/session_reader.h"
#include "telemetry/stats/range_stats.h"
#include "telemetry/store/store.h"
#include "telemetry/summary/session_summary.h"
#include "tests/storm.h"
#include "tests/telemetry/event_storm.h"
#include "tests/telemetry/session_helpers.h"
#include "tests/telemetry/slow_reference.h"

namespace pitwall::telemetry {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<Event> storm(uint64_t seed, size_t steps = 120) {
    StormOptions options;
    options.seed = seed;
    return storm_session(options, steps);
}

TEST(RecordReplay, GivesEveryEventBackByteForByte) {
    for (const uint32_t seed : StormSeeds(8)) {
        const auto events = storm(seed);
        TemporaryFolder folder;
        RecorderOptions options;
        options.batch_events = seed % 2 == 0 ? 37 : 16384;  // batches that cut texts and keyframes
        ASSERT_TRUE(record(events, folder.path("s.db"), options).ok());
        const auto again = read_session(folder.path("s.db"), 1 + seed % 9 * 61);
        ASSERT_TRUE(again.ok()) << again.error().text();
        EXPECT_EQ(difference(events, again.value()), "");
    }
}

TEST(RecordReplay, LeavesOneFileAlone) {
    TemporaryFolder folder;
    ASSERT_TRUE(record(storm(3), folder.path("s.db")).ok());
    EXPECT_THAT(folder.names(), ElementsAre("s.db"));
    ASSERT_TRUE(read_session(folder.path("s.db")).ok());
    EXPECT_THAT(folder.names(), ElementsAre("s.db")) << "reading leaves nothing either";
}

TEST(RecordReplay, TheSummaryOfAReplayIsTheRuns) {
    for (const uint32_t seed : StormSeeds(5)) {
        const auto events = storm(seed, 200);
        TemporaryFolder folder;
        ASSERT_TRUE(record(events, folder.path("s.db")).ok());
        SessionSummary run, replay;
        run.apply(events);
        auto reader = SessionReader::open(folder.path("s.db"));
        ASSERT_TRUE(reader.ok());
        for (auto some = reader.value()->next(77); !some.empty(); some = reader.value()->next(77))
            replay.apply(some);
        EXPECT_EQ(as_text(replay.figures()), as_text(run.figures()));
        EXPECT_EQ(replay.facts(), run.facts());
    }
}

TEST(RecordReplay, AReplayedStoreEqualsTheLiveOne) {
    const auto events = storm(12, 200);
    TemporaryFolder folder;
    ASSERT_TRUE(record(events, folder.path("s.db")).ok());
    Store live, replayed;
    live.apply(events);
    replayed.apply(read_session(folder.path("s.db")).value());
    const TimeRange range{0, live.now_ns() + 1};
    EXPECT_EQ(range_stats(live, range).output_tokens, range_stats(replayed, range).output_tokens);
    EXPECT_EQ(range_stats(live, range).ttft_ns.p99, range_stats(replayed, range).ttft_ns.p99);
    for (const auto& [id, row] : live.requests()) EXPECT_EQ(replayed.output_text(id), live.output_text(id));
}

// ------------------------------------------------------------------------------------------------ what is not wanted

TEST(SessionSummary, OfARecordingFromTheMiddleCountsFromThere) {
    Bus bus;
    const auto reader = bus.add_reader(Overflow::kWait, 1024);
    const auto producer = bus.add_producer();
    producer->publish_text(DictionaryKind::kKnobName, 1, "ttft_slo_ms", 0);
    producer->publish_text(DictionaryKind::kKnobName, 2, "tpot_slo_ms", 0);
    const auto publish = [&](EventKind kind, auto fill) {
        Event event{};
        event.kind = kind;
        event.t_ns = 2'000'000'000;
        fill(event);
        producer->publish(event);
    };
    const auto part = [&](KeyframePart which, auto fill) {
        publish(EventKind::kKeyframe, [&](Event& e) { e.keyframe.part = which, fill(e.keyframe); });
    };
    part(KeyframePart::kBegin, [](auto&) {});
    part(KeyframePart::kKnob, [](auto& e) { e.knob.knob = 1, e.knob.effective_value = 300; });
    part(KeyframePart::kKnob, [](auto& e) { e.knob.knob = 2, e.knob.effective_value = 50; });
    part(KeyframePart::kRequest, [](auto& e) {
        e.request.request = RequestId{5}, e.request.output_tokens = 500;
        e.request.arrival_ns = 0, e.request.first_token_ns = 1'000'000'000;
    });
    part(KeyframePart::kEnd, [](auto&) {});
    publish(EventKind::kRequest, [](Event& e) {
        e.request.request = RequestId{5}, e.request.output_tokens = 510;
        e.request.phase = RequestPhase::kFinished, e.request.reason = FinishReason::kStop;
    });
    std::vector<Event> events;
    reader->drain(events, 1024);
    SessionSummary summary;
    summary.apply(events);
    EXPECT_EQ(summary.figures().output_tokens, 10u) << "500 were another's";
    EXPECT_EQ(summary.figures().slo.ttft_ns, 300e6);
    EXPECT_EQ(summary.figures().slo.tpot_ns, 50e6);
    EXPECT_EQ(summary.figures().good, 0u) << "its first token came after a second";
}

TEST(Recorder, NeverOverwritesAFileUnlessTold) {
    TemporaryFolder folder;
    const std::string path = folder.path("s.db");
    ASSERT_TRUE(record(storm(1, 5), path).ok());
    const Status again = record(storm(2, 5), path);
    ASSERT_FALSE(again.ok());
    EXPECT_THAT(again.error().what, HasSubstr(path));
    RecorderOptions overwrite;
    overwrite.overwrite = true;
    EXPECT_TRUE(record(storm(2, 5), path, overwrite).ok()) << "a session, and told so";
    EXPECT_EQ(difference(storm(2, 5), read_session(path).value()), "");

    std::ofstream(folder.path("letter.txt")) << std::string(500, 'x');
    EXPECT_FALSE(record(storm(2, 5), folder.path("letter.txt"), overwrite).ok());
    EXPECT_EQ(std::filesystem::file_size(folder.path("letter.txt")), 500u);
    SQLite::Database(folder.path("other.db"), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
        .exec("CREATE TABLE t(x)");
    EXPECT_FALSE(record(storm(2, 5), folder.path("other.db"), overwrite).ok()) << "somebody else's database";
}

TEST(Recorder, SaysWhyItCannotBegin) {
    TemporaryFolder folder;
    for (const std::string& path :
         {folder.path("no/folder/s.db"), folder.path("."), std::string("/proc/s.db")}) {
        const Status status = record({}, path);
        ASSERT_FALSE(status.ok()) << path;
        EXPECT_THAT(status.error().what, HasSubstr(path));
        EXPECT_FALSE(status.error().hint.empty());
    }
    EXPECT_TRUE(folder.names().empty()) << "nothing is left of a recording that did not begin";
}

TEST(Recorder, AReaderWhoseRecorderCouldNotBeginHoldsNobodyUp) {
    Bus bus;
    const auto producer = bus.add_producer();
    const auto reader = bus.add_reader(Overflow::kWait, 16);
    Recorder recorder(reader);
    ASSERT_FALSE(recorder.start("/nonexistent/s.db").ok());
    for (Event event : storm(1, 10)) producer->publish(event);
    EXPECT_EQ(producer->wait_for_room(16), 0);
}

TEST(Recorder, WithoutTextThereAreNoPromptsAndNoAnswers) {
    TemporaryFolder folder;
    RecorderOptions options;
    options.record_text = false;
    ASSERT_TRUE(record(storm(4), folder.path("s.db"), options).ok());
    size_t tokens = 0;
    const auto read = read_session(folder.path("s.db"));
    ASSERT_TRUE(read.ok());
    for (const Event& event : read.value()) {
        if (event.kind == EventKind::kDictionary) {
            EXPECT_NE(event.dictionary.dictionary, DictionaryKind::kPrompt);
            EXPECT_NE(event.dictionary.dictionary, DictionaryKind::kToken);
        }
        if (event.kind != EventKind::kRequest) continue;
        EXPECT_EQ(event.request.token, -1);
        tokens += event.request.phase == RequestPhase::kToken;
    }
    EXPECT_GT(tokens, 100u) << "that there were tokens is not text";
    SQLite::Database database(folder.path("s.db"));
    EXPECT_EQ(one(database, "SELECT value FROM v_session WHERE key = 'recording_text'").getString(), "off");
}

TEST(Recorder, AGapTellsTheExactCountAtItsPlace) {
    TemporaryFolder folder;
    const std::string path = folder.path("s.db");
    Bus bus;
    const auto producer = bus.add_producer();
    const auto reader = bus.add_reader(Overflow::kWait, 64);
    RecorderOptions options;
    options.gap_on_overflow = true;
    Recorder recorder(reader, options);
    const auto events = storm(7);
    size_t published = 0;
    const auto publish = [&](size_t count) {
        for (; count > 0; --count) {
            Event event = events[published++];
            producer->publish(event);
        }
    };
    publish(500);  // before the recorder's thread looks: 64 fit
    ASSERT_TRUE(recorder.start(path).ok());
    while (!reader->empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    publish(30);
    ASSERT_TRUE(recorder.stop().ok());
    EXPECT_EQ(recorder.events_left_out(), 436u);
    const auto read = read_session(path);
    ASSERT_TRUE(read.ok()) << read.error().text();
    ASSERT_EQ(read.value().size(), 64u + 1 + 30);
    const Event& gap = read.value()[64];
    EXPECT_EQ(gap.seq, 65u);
    EXPECT_EQ(gap.kind, EventKind::kMark);
    EXPECT_EQ(gap.mark.mark, MarkKind::kGap);
    EXPECT_EQ(gap.mark.value, 436);
    EXPECT_EQ(payload(read.value()[65]), payload(events[500]));
}

TEST(Recorder, AGapAtTheVeryEndIsToldToo) {
    TemporaryFolder folder;
    Bus bus;
    const auto producer = bus.add_producer();
    const auto reader = bus.add_reader(Overflow::kWait, 64);
    RecorderOptions options;
    options.gap_on_overflow = true;
    Recorder recorder(reader, options);
    const auto events = storm(7);
    for (size_t i = 0; i < 100; ++i) {
        Event event = events[i];
        producer->publish(event);
    }
    ASSERT_TRUE(recorder.start(folder.path("s.db")).ok());
    ASSERT_TRUE(recorder.stop().ok());
    const auto read = read_session(folder.path("s.db"));
    ASSERT_TRUE(read.ok());
    ASSERT_EQ(read.value().size(), 65u);
    EXPECT_EQ(read.value().back().mark.value, 36);
}

// ------------------------------------------------------------------------------------------------ time

TEST(Seek, GivesTheStateThatARunHadThen) {
    const auto events = storm(21, 400);
    TemporaryFolder folder;
    ASSERT_TRUE(record(events, folder.path("s.db")).ok());
    auto opened = SessionReader::open(folder.path("s.db"));
    ASSERT_TRUE(opened.ok());
    SessionReader& reader = *opened.value();
    EXPECT_EQ(reader.begin_ns(), 0);
    EXPECT_EQ(reader.end_ns(), slow_session(events).last_ns);
    EXPECT_EQ(reader.last_seq(), events.size());
    EXPECT_TRUE(reader.complete());
    std::mt19937_64 random(21);
    for (int round = 0; round < 30; ++round) {
        const auto t = static_cast<int64_t>(random() % static_cast<uint64_t>(reader.end_ns()));
        Store live, sought;
        live.apply(std::span(events).first(static_cast<size_t>(
            std::find_if(events.begin(), events.end(), [&](const Event& e) { return e.t_ns > t; }) -
            events.begin())));
        ASSERT_TRUE(reader.seek(t, round % 3 == 0 ? 50'000'000 : 0).ok());
        sought.clear();
        for (auto some = reader.next(100, t); !some.empty(); some = reader.next(100, t)) sought.apply(some);
        ASSERT_EQ(sought.blocks().size(), live.blocks().size());
        for (size_t i = 0; i < live.blocks().size(); ++i)
            ASSERT_EQ(sought.blocks()[i].state, live.blocks()[i].state);
        ASSERT_EQ(sought.knob(0).last.effective_value, live.knob(0).last.effective_value);
        ASSERT_EQ(sought.knob_changes().size(), live.knob_changes().size()) << "markers have their numbers";
        ASSERT_EQ(sought.session_facts(), live.session_facts());
        ASSERT_LE(sought.history_begin_ns(), t) << "panels can say from when on they know";
        for (const auto& [id, row] : live.requests()) {
            if (row.ended()) continue;
            const RequestRow* other = sought.find_request(id);
            ASSERT_NE(other, nullptr);
            ASSERT_EQ(other->output_tokens, row.output_tokens);
            ASSERT_EQ(other->first_token_ns, row.first_token_ns);
            ASSERT_EQ(sought.text(DictionaryKind::kPrompt, raw(id)),
                      live.text(DictionaryKind::kPrompt, raw(id)));
        }
    }
    ASSERT_TRUE(reader.seek(0).ok());
    std::vector<Event> from_start;
    for (auto some = reader.next(5000); !some.empty(); some = reader.next(5000))
        from_start.insert(from_start.end(), some.begin(), some.end());
    EXPECT_EQ(difference(events, from_start), "");
    EXPECT_TRUE(reader.at_end());
}

TEST(Recorder, ARecordingFromTheMiddleIsWholeFromItsKeyframe) {
    TemporaryFolder folder;
    const std::string path = folder.path("s.db");
    Bus bus;
    const auto producer = bus.add_producer();
    EventStorm engine({.seed = 31}, [&](Event& event) { producer->publish(event); });
    engine.start();
    for (int i = 0; i < 150; ++i) engine.step();
    const auto reader = bus.add_reader(Overflow::kWait, 1 << 16);
    Recorder recorder(reader);
    ASSERT_TRUE(recorder.start(path).ok());
    engine.keyframe();
    const size_t live = engine.live();
    ASSERT_GT(live, 0u);
    for (int i = 0; i < 150; ++i) engine.step();
    engine.end();
    ASSERT_TRUE(recorder.stop().ok());
    SQLite::Database database(path);
    EXPECT_EQ(one(database, "SELECT count(*) FROM v_knob WHERE old_value IS NULL").getInt(), 5);
    EXPECT_EQ(one(database, "SELECT count(*) FROM v_request WHERE end_ns IS NULL").getInt(), 0);
    EXPECT_EQ(
        one(database, "SELECT count(*) FROM v_request WHERE output_tokens > 0 AND first_token_ns IS NULL")
            .getInt(),
        0)
        << "the keyframe knows when the first token came";
    EXPECT_EQ(one(database, "SELECT count(*) FROM v_request WHERE ttft_ns IS NOT first_token_ns - arrival_ns")
                  .getInt(),
              0);
    Store store;
    store.apply(read_session(path).value());
    EXPECT_EQ(one(database, "SELECT count(*) FROM v_request").getInt64(),
              static_cast<int64_t>(store.requests().size()));
}

TEST(Recorder, StopWhileOthersPublishEnds) {
    TemporaryFolder folder;
    Bus bus;
    const auto producer = bus.add_producer();
    const auto reader = bus.add_reader(Overflow::kWait, 4096);
    Recorder recorder(reader);
    ASSERT_TRUE(recorder.start(folder.path("s.db")).ok());
    std::atomic<bool> done = false;
    std::thread engine_thread([&] {
        EventStorm engine({}, [&](Event& event) { producer->publish(event); });
        engine.start();
        while (!done) {
            producer->wait_for_room(1000);
            engine.step();
        }
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    ASSERT_TRUE(recorder.stop().ok());
    bus.remove_reader(reader);
    done = true;
    engine_thread.join();
    const auto read = read_session(folder.path("s.db"));
    ASSERT_TRUE(read.ok());
    EXPECT_GT(read.value().size(), 500u);
    SQLite::Database database(folder.path("s.db"));
    EXPECT_EQ(one(database, "SELECT value FROM v_session WHERE key = 'recording_end'").getString(),
              kEndByStop);
}

}  // namespace
}  // namespace pitwall::telemetry
