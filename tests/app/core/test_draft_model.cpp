// SPDX-License-Identifier: GPL-3.0-or-later
//
// A draft model comes and goes while requests run on the CPU.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/app/core/watched.h"

using namespace pitwall;
using namespace pitwall::app;
using telemetry::Verdict;
using ::testing::HasSubstr;

namespace {

constexpr auto kMethod = static_cast<uint16_t>(presets::KnobId::kSpeculativeMethod);

/// The newest step verifies drafts, and the model's memory is told of.
bool drafts(const telemetry::Store& store) {
    return !store.steps().empty() && store.steps().back().step.draft_tokens > 0 && store.device() &&
           store.device()->draft_bytes > 0;
}

SessionOptions busy_cpu() {
    SessionOptions options = simulated({"workload=chat", "arrival_process=closed", "concurrency=4",
                                        "speculative_adaptive=false", "kv_cache_memory_bytes=64MiB"});
    options.device = "cpu";
    options.threads = 1;
    return options;
}

}  // namespace

TEST(DraftModelInASession, ComesAndGoesWhileRequestsRun) {
    Watched watched(open(busy_cpu()));
    telemetry::Control& control = watched.session->control();
    watched.session->start();
    ASSERT_TRUE(watched.until([](const auto& store) { return store.requests().size() > 4; }));
    EXPECT_EQ(watched.ask(control.set_knob("speculative_method", "draft")).verdict, Verdict::kRefused);
    EXPECT_THAT(watched.ask(control.load_draft_model("synthetic:smollm2-135m")).reason,
                HasSubstr("49152 tokens"));
    EXPECT_THAT(watched.ask(control.load_draft_model("/nowhere/x.gguf")).reason,
                HasSubstr("/nowhere/x.gguf"));
    EXPECT_EQ(watched.store.knob(kMethod).last.effective_value, 0);

    for (const char* model :
         {"synthetic:tiny-draft", "synthetic:tiny"}) {  // the second in place of the first
        EXPECT_EQ(watched.ask(control.load_draft_model(model)).verdict, Verdict::kAccepted);
        ASSERT_TRUE(watched.until(drafts)) << model;
        EXPECT_EQ(watched.store.session("draft_model"), model);
    }
    EXPECT_EQ(watched.ask(control.set_knob("speculative_method", "none")).verdict, Verdict::kAccepted);
    EXPECT_TRUE(watched.until([](const auto& store) { return store.device()->draft_bytes == 0; }));
    EXPECT_EQ(watched.ask(control.set_knob("speculative_method", "draft")).verdict, Verdict::kAccepted)
        << "it is known by now, and its weights are read again";
    ASSERT_TRUE(watched.until(drafts));
    watched.session->stop();
    watched.drain();
    EXPECT_EQ(watched.store.events_dropped(), 0u);
    for (const auto& [id, row] : watched.store.requests()) EXPECT_TRUE(row.ended()) << raw(id);
}

/// smollm2-135m's weights take a while to be made: nobody waits for them, neither the engine nor its end.
TEST(DraftModelInASession, EndsWithItBeforeItsWeightsWereRead) {
    SessionOptions options = busy_cpu();
    options.model = "synthetic:smollm2-135m";
    Watched watched(open(options));
    telemetry::Control& control = watched.session->control();
    watched.session->start();
    ASSERT_TRUE(watched.until([](const auto& store) { return !store.steps().empty(); }));
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(watched.ask(control.load_draft_model("synthetic:smollm2-135m")).verdict,
                  Verdict::kAccepted);
        ASSERT_EQ(watched.ask(control.set_knob("speculative_method", "ngram")).verdict, Verdict::kAccepted);
    }
    ASSERT_EQ(watched.ask(control.load_draft_model("synthetic:smollm2-135m")).verdict, Verdict::kAccepted);
    watched.session->stop();
    watched.drain();
    for (const auto& [id, row] : watched.store.requests()) EXPECT_TRUE(row.ended()) << raw(id);
    EXPECT_EQ(watched.store.knob(kMethod).last.bound, telemetry::KnobBound::kNone)
        << "giving up is no failure";
}

/// Their files are opened beside the caller, one after the other; an end meanwhile is an answer.
TEST(DraftModelInASession, TheLastOfManyThatAreAskedForStays) {
    Watched watched(open(busy_cpu()));
    telemetry::Control& control = watched.session->control();
    watched.session->start();
    std::thread other([&] {
        for (int i = 0; i < 4; ++i) control.load_draft_model("synthetic:tiny-draft").wait();
    });
    std::vector<std::future<Answer>> answers;
    for (int i = 0; i < 4; ++i)
        for (const char* model : {"synthetic:tiny-draft", "/nowhere/x.gguf", "synthetic:tiny"})
            answers.push_back(control.load_draft_model(model));
    other.join();
    answers.push_back(control.load_draft_model("synthetic:tiny"));  // behind all of the other thread's
    for (size_t i = 0; i < answers.size(); ++i)
        EXPECT_EQ(watched.ask(std::move(answers[i])).verdict,
                  i % 3 == 1 ? Verdict::kRefused : Verdict::kAccepted)
            << i;
    EXPECT_TRUE(
        watched.until([](const auto& store) { return store.session("draft_model") == "synthetic:tiny"; }));
    auto late = control.load_draft_model("synthetic:tiny-draft");
    watched.session->stop();
    watched.ask(std::move(late));
    watched.drain();
    for (const auto& [id, row] : watched.store.requests()) EXPECT_TRUE(row.ended()) << raw(id);
}
