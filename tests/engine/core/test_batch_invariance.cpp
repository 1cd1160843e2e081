// SPDX-License-Identifier: GPL-3.0-or-later
//
// batch_invariant while it runs: who keeps what, what is found afterwards, and what is told.
#include <gmock/gmock.h>

#include "tests/engine/core/forwarding_executor.h"
#include "tests/engine/core/rig.h"
#include "tests/storm.h"

namespace pitwall::engine::test {
namespace {

using testing::HasSubstr;

/// A simulated device that says it has something faster.
class FastExecutor final : public ForwardingExecutor {
  public:
    using ForwardingExecutor::ForwardingExecutor;
    bool batch_invariant() const override { return invariant_; }
    Status set_batch_invariant(bool invariant) override {
        invariant_ = invariant;
        return {};
    }

  private:
    bool invariant_ = true;
};

struct FastRig : Rig {
    explicit FastRig(const std::map<KnobId, double>& settings = {}) : Rig(with(settings)) {
        SimOptions sim;
        sim.clock = &clock;
        sim.verify_kv = true;
        auto inner = make_sim_executor(tiny_config(997), "test", sim);
        EXPECT_TRUE(inner.ok());
        KnobValues knobs;
        for (const auto& [id, value] : settings) knobs.set(id, value);
        engine = std::make_unique<Engine>(std::make_unique<FastExecutor>(std::move(inner).value()), nullptr,
                                          knobs, clock, *producer, 4096);
    }
    bool invariant() const { return engine->effective_knobs().boolean(KnobId::kBatchInvariant); }
};

Answer turn(Rig& rig, bool invariant) {
    return rig.engine->set_knob(KnobId::kBatchInvariant, invariant, KnobOrigin::kUser);
}

TEST(BatchInvariance, ADeviceWithNothingFasterKeepsIt) {
    Rig rig(with({{KnobId::kBatchInvariant, 0}}));
    EXPECT_EQ(rig.engine->effective_knobs().get(KnobId::kBatchInvariant), 1);
    const Answer answer = turn(rig, false);
    EXPECT_EQ(answer.verdict, Verdict::kRefused);
    EXPECT_EQ(answer.effective_value, 1);
    EXPECT_THAT(answer.reason, HasSubstr("no faster products"));
    const Event told = rig.of(EventKind::kKnob).back();
    EXPECT_EQ(told.knob.bound, KnobBound::kUnavailable);
    EXPECT_EQ(told.knob.asked_value, 0);
    EXPECT_EQ(told.knob.effective_value, 1);
    EXPECT_EQ(turn(rig, true).verdict, Verdict::kAccepted);
}

TEST(BatchInvariance, IsPartOfTheHistoryWhichCannotBeReplayed) {
    FastRig rig;
    rig.submit(prompt_of(40, 1), 20);
    for (int i = 0; i < 6; ++i) rig.engine->step();
    EXPECT_EQ(turn(rig, false).verdict, Verdict::kAccepted);
    rig.finish();
    const NumericHistory history = rig.answers[0]->history;
    ASSERT_EQ(history.size(), 1u);
    ASSERT_EQ(history[0].formats.size(), 2u);
    EXPECT_TRUE(history[0].formats[0].format.batch_invariant);
    EXPECT_FALSE(history[0].formats[1].format.batch_invariant);
    EXPECT_GT(history[0].formats[1].position, 40u);
    GenerationRequest again = ask(prompt_of(40, 1), 20);
    again.numeric_history = history;
    rig.submit(std::move(again));
    rig.finish();
    EXPECT_EQ(rig.answers[1]->reason, FinishReason::kRejected);
    EXPECT_THAT(rig.answers[1]->error, HasSubstr("batch_invariant=false"));
}

/// One that can be replayed is, whatever the mode was; and the mode is then on.
TEST(BatchInvariance, AReplayTurnsItOn) {
    FastRig rig;
    rig.submit(prompt_of(40, 1), 20);
    rig.finish();
    ASSERT_EQ(turn(rig, false).verdict, Verdict::kAccepted);
    GenerationRequest again = ask(prompt_of(40, 1), 20);
    again.numeric_history = rig.answers[0]->history;
    rig.submit(std::move(again));
    rig.finish();
    EXPECT_EQ(rig.answers[1]->reason, FinishReason::kLength) << rig.answers[1]->error;
    EXPECT_EQ(rig.answers[1]->history, rig.answers[0]->history);
    EXPECT_TRUE(rig.invariant());
}

TEST(BatchInvariance, WhatDependedOnOthersIsNotFoundAfterwards) {
    FastRig rig({{KnobId::kBatchInvariant, 0}});
    EXPECT_FALSE(rig.invariant());
    const auto cached_of = [&](std::vector<TokenId> prompt) {
        Answered& answer = rig.submit(std::move(prompt), 2);
        rig.finish();
        for (const FormatChange& change : answer.history.at(0).formats)
            EXPECT_EQ(change.format.batch_invariant, rig.invariant());
        uint32_t cached = 0;
        for (const Event& e : rig.of(EventKind::kRequest))
            if (e.request.request == rig.ids.back()) cached = std::max(cached, e.request.cached_tokens);
        return cached;
    };
    EXPECT_EQ(cached_of(prompt_of(100, 1)), 0u);
    EXPECT_EQ(cached_of(prompt_of(100, 1)), 96u);
    EXPECT_EQ(turn(rig, true).verdict, Verdict::kAccepted);
    EXPECT_EQ(cached_of(prompt_of(100, 1)), 0u);
    EXPECT_EQ(cached_of(prompt_of(100, 1)), 96u);
}

/// Its first block was half computed in the one mode and half in the other.
TEST(BatchInvariance, NorIsTheBlockOfOneWhoRan) {
    FastRig rig({{KnobId::kBatchInvariant, 0}});
    Answered& runs = rig.submit(prompt_of(5, 1), 60);
    for (int i = 0; i < 4; ++i) rig.engine->step();
    EXPECT_EQ(turn(rig, true).verdict, Verdict::kAccepted);
    rig.finish();
    EXPECT_EQ(runs.reason, FinishReason::kLength);
    std::vector<TokenId> same = prompt_of(5, 1);
    same.insert(same.end(), runs.ids.begin(), runs.ids.end());
    Answered& later = rig.submit(same, 2);
    rig.finish();
    ASSERT_EQ(later.history.at(0).formats.size(), 1u);
    EXPECT_TRUE(later.history[0].formats[0].format.batch_invariant);
}

/// Turned at any step under load: everybody ends as asked, and integrity holds after each step.
TEST(BatchInvariance, TurningItLosesNobody) {
    for (const uint32_t seed : StormSeeds(storm_size(8))) {
        std::mt19937 random(seed);
        FastRig rig({{KnobId::kNumKvBlocks, 48}, {KnobId::kMaxNumSeqs, 8}});
        for (uint32_t i = 0; i < 24; ++i)
            rig.submit(prompt_of(1 + random() % 90, random() % 6), 1 + random() % 40);
        while (rig.engine->has_work() && !testing::Test::HasFailure()) {
            if (random() % 3 == 0) {
                EXPECT_EQ(turn(rig, random() % 2 == 0).verdict, Verdict::kAccepted);
            }
            rig.engine->step();
            ASSERT_TRUE(rig.engine->check_integrity().ok());
            rig.collect();
        }
        for (const auto& answer : rig.answers)
            EXPECT_EQ(answer->reason, FinishReason::kLength) << answer->error;
    }
}

}  // namespace
}  // namespace pitwall::engine::test
