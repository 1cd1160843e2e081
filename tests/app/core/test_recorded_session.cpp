// SPDX-License-Identifier: GPL-3.0-or-later
//
// Recordings that begin, end or break in the middle, and sessions played back.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "telemetry/replay/session_reader.h"
#include "tests/app/core/program.h"
#include "tests/app/core/watched.h"

using namespace pitwall;
using namespace pitwall::app;
using ::testing::HasSubstr;
using testing_program::temporary;

namespace {

/// Names and the keyframe before anything that stands on them, and only whole steps.
void expect_a_keyframe_first(const std::string& path) {
    auto file = telemetry::SessionReader::open(path);
    ASSERT_TRUE(file.ok());
    for (const telemetry::Event& event : file.value()->next(100'000)) {
        if (event.kind == telemetry::EventKind::kKeyframe) break;
        const bool account = event.kind == telemetry::EventKind::kCause;  // told up to the keyframe
        ASSERT_TRUE(account || event.kind == telemetry::EventKind::kDictionary) << event.seq;
    }
    SQLite::Database db(path);
    EXPECT_EQ(
        db.execAndGet("select count(*) from v_step s where prefill_tokens + recompute_tokens + decode_tokens "
                      "is not (select coalesce(sum(tokens), 0) from v_step_member where step_id = s.step_id)")
            .getInt64(),
        0);
}

}  // namespace

TEST(LiveSession, ARecordingBegunInTheMiddleKnowsTheSession) {
    SessionOptions options = simulated({"workload=chat", "request_rate=200"});
    options.paced = true;
    Watched watched(open(options));
    watched.session->start();
    ASSERT_TRUE(watched.until([](const telemetry::Store& s) { return s.requests().size() > 20; }));
    const std::string path = temporary("middle.db");
    ASSERT_TRUE(watched.session->start_recording(path).ok());
    EXPECT_TRUE(watched.session->recording());
    EXPECT_FALSE(watched.session->start_recording(temporary("other.db")).ok());
    const size_t then = watched.store.requests().size();
    ASSERT_TRUE(watched.until([&](const telemetry::Store& s) { return s.requests().size() > then + 20; }));
    watched.session->stop_recording();
    EXPECT_FALSE(watched.session->recording());
    watched.session->stop();
    EXPECT_FALSE(watched.session->start_recording(temporary("late.db")).ok());
    EXPECT_FALSE(std::filesystem::exists(temporary("late.db"))) << "of a session that had ended";
    expect_a_keyframe_first(path);
    auto replay = open_replay_session(path);
    ASSERT_TRUE(replay.ok()) << replay.error().text();
    EXPECT_THAT(replay.value()->model_name(), HasSubstr("tiny"));
    Watched again(std::move(replay).value());
    again.session->start();
    again.session->replay()->play(1000);
    ASSERT_TRUE(again.until(
        [&](const auto&) { return again.session->now_ns() >= again.session->replay()->end_ns(); }));
    EXPECT_FALSE(again.store.incomplete());
    EXPECT_TRUE(again.store.knob(0).known);
}

TEST(LiveSession, SaysWhyARecordingEndedByItself) {
    SessionOptions options = simulated({"workload=chat", "request_rate=500"});
    options.paced = true, options.record_path = temporary("full.db");
    struct rlimit before {};
    getrlimit(RLIMIT_FSIZE, &before);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    struct rlimit small = before;
    small.rlim_cur = 1 << 20;
    setrlimit(RLIMIT_FSIZE, &small);
    Watched watched(open(options));
    watched.session->start();
    EXPECT_TRUE(watched.until([&](const auto&) { return !watched.session->recording(); }));
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    const Status ended = watched.session->end_recording();
    ASSERT_FALSE(ended.ok());
    EXPECT_THAT(ended.error().text(), HasSubstr("full.db"));
    EXPECT_FALSE(watched.session->finished()) << "the engine goes on";
    EXPECT_TRUE(watched.session->start_recording(temporary("again.db")).ok());
    EXPECT_TRUE(watched.session->recording());
    watched.session->stop();
}

TEST(ReplaySession, KnowsTheChangesThatAreStillToCome) {
    SessionOptions options = simulated({"workload=mix", "request_rate=10", "keyframe_interval_steps=64"});
    options.paced = true;  // it must not end before it is told
    options.duration_ns = 1'500'000'000;
    options.record_path = temporary("changes.db");
    {
        Watched live(open(options));
        live.session->start();
        for (const char* value : {"3", "7", "5"})
            EXPECT_EQ(live.ask(live.session->control().set_knob("max_num_seqs", value)).verdict,
                      telemetry::Verdict::kAccepted);
        ASSERT_TRUE(live.until([&](const auto&) { return live.session->finished(); }));
        live.session->stop();
    }
    auto opened = open_replay_session(options.record_path);
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    Watched watched(std::move(opened).value());
    const auto changes = watched.session->replay()->knob_changes();
    ASSERT_EQ(changes.size(), 3u);
    watched.session->start();
    watched.session->replay()->play(1000);
    ASSERT_TRUE(watched.until([&](const telemetry::Store& s) { return s.knob_changes().size() == 3; }));
    for (size_t i = 0; i < changes.size(); ++i) {
        EXPECT_EQ(changes[i].number, watched.store.knob_changes()[i].number);
        EXPECT_EQ(changes[i].t_ns, watched.store.knob_changes()[i].t_ns);
        EXPECT_EQ(changes[i].event.effective_value, watched.store.knob_changes()[i].event.effective_value);
    }
    watched.session->stop();
}

TEST(ReplaySession, SaysWhereTheFileIsDamaged) {
    const std::string path = recorded_at(temporary("damaged.db"), 20, {"workload=mix", "request_rate=50"});
    {
        SQLite::Database db(path, SQLite::OPEN_READWRITE);
        db.exec("update step set running = -1 where step_id = (select max(step_id) from step)");
    }
    auto opened = open_replay_session(path);
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    Watched watched(std::move(opened).value());
    watched.session->start();
    watched.session->replay()->play(1000);
    ASSERT_TRUE(watched.until([&](const auto&) { return watched.session->trouble().has_value(); }));
    EXPECT_THAT(watched.session->trouble()->text(), HasSubstr("damaged.db"));
    EXPECT_EQ(watched.session->replay()->speed(), 0) << "its clock stands still";
    watched.session->stop();
}

TEST(ReplaySession, PlaysSeeksAndRefusesCommands) {
    const std::string path = recorded_at(temporary("replay.db"), 20,
                                         {"workload=mix", "request_rate=10", "keyframe_interval_steps=64"});
    auto opened = open_replay_session(path);
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    Watched watched(std::move(opened).value());
    telemetry::ReplayControl* replay = watched.session->replay();
    ASSERT_NE(replay, nullptr);
    watched.session->start();
    EXPECT_EQ(replay->speed(), 0);
    EXPECT_THAT(watched.ask(watched.session->control().set_knob("max_num_seqs", "3")).reason,
                HasSubstr("recorded session"));
    replay->play(1000);
    ASSERT_TRUE(watched.until([&](const auto&) { return watched.session->now_ns() >= replay->end_ns(); }));
    const size_t all = watched.store.requests().size();
    EXPECT_GT(all, 50u);

    const int64_t middle = (replay->begin_ns() + replay->end_ns()) / 2;
    replay->play(0);
    replay->seek(middle);
    ASSERT_TRUE(watched.until([&](const telemetry::Store& s) {
        return s.now_ns() <= middle && watched.session->now_ns() <= middle;
    }));
    std::this_thread::sleep_for(100ms);
    watched.drain();
    EXPECT_LE(watched.store.now_ns(), middle);
    EXPECT_LT(watched.store.requests().size(), all);
    EXPECT_FALSE(watched.store.incomplete());
    replay->seek(replay->end_ns());
    ASSERT_TRUE(watched.until([&](const telemetry::Store& s) { return s.requests().size() == all; }));
    watched.session->stop();
    EXPECT_TRUE(watched.session->finished());
}

TEST(ReplaySession, StopsThoughNobodyReads) {
    const std::string path = recorded_at(temporary("unread.db"), 10, {"workload=mix", "request_rate=50"});
    auto opened = open_replay_session(path);
    ASSERT_TRUE(opened.ok());
    const auto reader = opened.value()->add_reader(telemetry::Overflow::kDrop, 64);
    opened.value()->start();
    opened.value()->replay()->play(1000);
    std::this_thread::sleep_for(100ms);
    opened.value()->stop();
    EXPECT_TRUE(opened.value()->finished());
}
