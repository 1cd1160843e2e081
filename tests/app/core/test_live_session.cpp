// SPDX-License-Identifier: GPL-3.0-or-later
//
// Live sessions on the simulated device and the tiny model.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "tests/app/core/program.h"
#include "tests/app/core/watched.h"

using namespace pitwall;
using namespace pitwall::app;
using telemetry::Verdict;
using ::testing::HasSubstr;
using testing_program::temporary;

namespace {

int64_t count(SQLite::Database& db, const std::string& what) {
    return db.execAndGet("select count(*) from " + what).getInt64();
}

}  // namespace

TEST(LiveSession, RecordedInVirtualTimeItsPartsSumToTheWhole) {
    const std::string path = temporary("sums.db");
    SessionOptions options = simulated({"workload=mix", "request_rate=20", "num_kv_blocks=160",
                                        "max_num_seqs=24", "workload_max_prompt_tokens=512"});
    options.duration_ns = 20'000'000'000;
    options.record_path = path;
    Watched watched(open(options));
    watched.session->start();
    ASSERT_TRUE(watched.until([&](const auto&) { return watched.session->finished(); }));
    watched.session->stop();
    ASSERT_TRUE(watched.session->end_recording().ok());
    watched.drain();
    SQLite::Database db(path);
    EXPECT_GT(count(db, "v_request"), 100);
    EXPECT_GT(
        db.execAndGet("select count(*) from v_request where finish_reason in ('stop', 'length')").getInt64(),
        50);
    EXPECT_EQ(count(db, "v_request where end_ns is null"), 0);
    EXPECT_EQ(count(db,
                    "v_request r where e2e_ns is not (select sum(duration_ns) from v_cause where request_id "
                    "= r.request_id)"),
              0);
    EXPECT_EQ(count(db, "v_request where e2e_ns is not end_ns - arrival_ns"), 0);
    EXPECT_EQ(count(db,
                    "v_step s where prefill_tokens + recompute_tokens + decode_tokens + draft_tokens is not "
                    "(select coalesce(sum(tokens), 0) from v_step_member where step_id = s.step_id)"),
              0);
    EXPECT_EQ(count(db, "(select distinct blocks_held + blocks_cached + blocks_free from v_step)"), 1);
    EXPECT_EQ(static_cast<size_t>(count(db, "v_knob where old_value is null")), presets::kKnobCount);
    for (const char* key : {"version", "model", "model_sha256", "weight_kinds", "device", "kernel_tier",
                            "threads", "seed", "workload", "start_utc"})
        EXPECT_EQ(count(db, std::string("v_session where key = '") + key + "'"), 1) << key;
    EXPECT_EQ(static_cast<size_t>(count(db, "v_request")), watched.store.requests().size())
        << "the bus and the file tell the same";
    EXPECT_EQ(static_cast<size_t>(count(db, "v_step")), watched.store.steps().size());
}

TEST(LiveSession, ArrivalsAreWhereTheScheduleSays) {
    SessionOptions options = simulated({"workload=code", "arrival_process=constant", "request_rate=10"});
    options.duration_ns = 5'000'000'000;
    Watched watched(open(options));
    watched.session->start();
    ASSERT_TRUE(watched.until([&](const auto&) { return watched.session->finished(); }));
    watched.session->stop();
    watched.drain();
    ASSERT_EQ(watched.store.requests().size(), 50u);
    int64_t due_ns = watched.store.requests().begin()->second.arrival_ns;
    for (const auto& [id, request] : watched.store.requests()) {
        EXPECT_EQ(request.arrival_ns, due_ns) << raw(id);
        due_ns += 100'000'000;
    }
}

TEST(LiveSession, TimeBeginsWithTheSessionAndNotWithItsOpening) {
    SessionOptions options = simulated({"workload=code", "request_rate=1"});
    options.paced = true;
    Watched watched(open(options));
    std::this_thread::sleep_for(1500ms);  // the window builds its panels, the model is hashed, ...
    watched.session->start();
    ASSERT_TRUE(watched.until([](const telemetry::Store& s) { return !s.requests().empty(); }));
    EXPECT_LT(watched.store.requests().begin()->second.arrival_ns, 1'200'000'000);
    watched.session->stop();
}

TEST(LiveSession, BurstsArriveTogetherAtTheMeanRate) {
    SessionOptions options = simulated({"workload=burst", "arrival_process=constant", "request_rate=16"});
    options.duration_ns = 4'000'000'000;
    Watched watched(open(options));
    watched.session->start();
    ASSERT_TRUE(watched.until([&](const auto&) { return watched.session->finished(); }));
    watched.session->stop();
    watched.drain();
    EXPECT_EQ(watched.store.requests().size(), 64u);
    std::map<int64_t, int> at;
    for (const auto& [id, request] : watched.store.requests()) ++at[request.arrival_ns];
    EXPECT_EQ(at.size(), 8u);
    for (const auto& [t_ns, requests] : at) EXPECT_EQ(requests, 8) << t_ns;
}

TEST(LiveSession, WithoutTextNothingOfItIsRecorded) {
    const std::string path = temporary("mute.db");
    SessionOptions options = simulated({"workload=chat", "request_rate=20", "record_text=off"});
    options.duration_ns = 3'000'000'000;
    options.record_path = path;
    auto session = open(options);
    session->start();
    while (!session->finished()) std::this_thread::sleep_for(1ms);
    session->stop();
    SQLite::Database db(path);
    EXPECT_GT(count(db, "v_request"), 20);
    EXPECT_EQ(testing_program::slurp(path).find("museum"), std::string::npos)
        << "a word of the system prompts";
    EXPECT_EQ(count(db, "request where token >= 0"), 0);
}

TEST(LiveSession, ObeysItsControl) {
    SessionOptions options = simulated({"workload=none"});
    options.device = "cpu";
    Watched watched(open(options));
    telemetry::Control& control = watched.session->control();
    watched.session->start();

    EXPECT_EQ(watched.ask(control.set_knob("max_num_seqs", "3")).effective_value, 3);
    EXPECT_EQ(watched.ask(control.set_knob("max_num_seqs", "0")).verdict, Verdict::kRefused);
    EXPECT_THAT(watched.ask(control.set_knob("max_num_seq", "3")).reason, HasSubstr("max_num_seqs"));
    EXPECT_THAT(watched.ask(control.set_knob("kv_cache_memory_bytes", "2097152")).reason,
                HasSubstr("not live"));
    EXPECT_EQ(watched.ask(control.single_step()).verdict, Verdict::kRefused) << "it runs";

    EXPECT_EQ(watched.ask(control.pause()).verdict, Verdict::kAccepted);
    telemetry::PromptSpec prompt;
    prompt.prompt = "hello", prompt.max_tokens = 4;
    const RequestId first = watched.ask(control.submit(prompt)).request;
    ASSERT_NE(first, kNoRequest);
    prompt.temperature = -1;
    EXPECT_THAT(watched.ask(control.submit(prompt)).reason, HasSubstr("temperature"));
    EXPECT_EQ(watched.ask(control.single_step()).verdict, Verdict::kAccepted);
    ASSERT_TRUE(watched.until([](const telemetry::Store& s) { return s.steps().size() == 1; }));
    std::this_thread::sleep_for(50ms);
    watched.drain();
    EXPECT_EQ(watched.store.steps().size(), 1u) << "one step, and paused again";
    EXPECT_EQ(watched.ask(control.resume()).verdict, Verdict::kAccepted);
    ASSERT_TRUE(watched.until([&](const telemetry::Store& s) {
        const auto* r = s.find_request(first);
        return r && r->ended();
    }));

    prompt.temperature = 0, prompt.max_tokens = 1500;
    const RequestId second = watched.ask(control.submit(prompt)).request;
    EXPECT_EQ(watched.ask(control.cancel(second)).verdict, Verdict::kAccepted);
    ASSERT_TRUE(watched.until([&](const telemetry::Store& s) {
        const auto* r = s.find_request(second);
        return r && r->ended();
    }));
    EXPECT_EQ(watched.store.find_request(second)->finish_reason, telemetry::FinishReason::kCancelled);
    EXPECT_EQ(watched.ask(control.cancel(RequestId{999})).verdict, Verdict::kRefused);

    EXPECT_EQ(watched.ask(control.burst(5)).verdict, Verdict::kAccepted);
    ASSERT_TRUE(watched.until([](const telemetry::Store& s) { return s.requests().size() >= 7; }));
    EXPECT_EQ(watched.ask(control.flush_prefix_cache()).verdict, Verdict::kAccepted);
    EXPECT_EQ(watched.ask(control.request_keyframe()).verdict, Verdict::kAccepted);

    watched.session->stop();
    watched.session->stop();
    EXPECT_TRUE(watched.session->finished());
    EXPECT_EQ(watched.ask(control.pause()).verdict, Verdict::kRefused);
    watched.drain();
    for (const auto& [id, request] : watched.store.requests()) EXPECT_TRUE(request.ended()) << raw(id);
}

TEST(LiveSession, AClosedLoopKeepsItsUsersAndStopsWhenTold) {
    SessionOptions options =
        simulated({"workload=chat", "arrival_process=closed", "concurrency=6", "max_num_seqs=64"});
    options.duration_ns = 300'000'000;
    Watched watched(open(options));
    watched.session->start();
    ASSERT_TRUE(watched.until([&](const auto&) { return watched.session->finished(); }));
    watched.session->stop();
    watched.drain();
    uint32_t most = 0;
    for (const telemetry::StepRow& step : watched.store.steps())
        most = std::max(most, step.step.running + step.step.waiting);
    EXPECT_LE(most, 6u);
    EXPECT_GT(watched.store.requests().size(), 20u);
}

TEST(LiveSession, WorkloadKnobsHoldFromTheNextArrivalOn) {
    SessionOptions options = simulated({"workload=chat", "request_rate=200"});
    options.device = "sim:test", options.paced = true;
    Watched watched(open(options));
    watched.session->start();
    telemetry::Control& control = watched.session->control();
    ASSERT_TRUE(watched.until([](const telemetry::Store& s) { return s.requests().size() > 20; }));
    EXPECT_EQ(watched.ask(control.set_knob("workload_running", "false")).verdict, Verdict::kAccepted);
    std::this_thread::sleep_for(20ms);
    watched.drain();
    const size_t stopped_at = watched.store.requests().size();
    std::this_thread::sleep_for(200ms);
    watched.drain();
    EXPECT_EQ(watched.store.requests().size(), stopped_at);
    EXPECT_EQ(watched.ask(control.set_knob("workload", "code")).verdict, Verdict::kAccepted);
    EXPECT_EQ(watched.ask(control.set_knob("workload_running", "true")).verdict, Verdict::kAccepted);
    ASSERT_TRUE(
        watched.until([&](const telemetry::Store& s) { return s.requests().size() > stopped_at + 5; }));
    const auto& last = watched.store.requests().rbegin()->second;
    EXPECT_EQ(watched.store.text(telemetry::DictionaryKind::kRequestClass, last.request_class), "code");
    watched.session->stop();
}
