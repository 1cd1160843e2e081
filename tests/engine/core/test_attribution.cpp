// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a step is to its members: own and others' prefill, decode, sampling, copies. See attribution_case.h.
#include <gtest/gtest.h>

#include "tests/engine/core/attribution_case.h"

namespace pitwall::engine::test {
namespace {

TEST(Attribution, Alone) {
    Rig rig(with({}));
    rig.submit(prompt_of(4, 1), 3);
    rig.finish();
    // Step 0: 4 prompt tokens, 1,000 + 14,000 + 200. Steps 1 and 2: 1,000 + 11,000 + 200.
    EXPECT_EQ(stretches(rig, last(rig)), (Stretches{{kScheduling, 0, 1000},
                                                    {kPrefillOwn, 1000, 14000},
                                                    {kSampling, 15000, 200},
                                                    {kScheduling, 15200, 1000},
                                                    {kDecode, 16200, 11000},
                                                    {kSampling, 27200, 200},
                                                    {kScheduling, 27400, 1000},
                                                    {kDecode, 28400, 11000},
                                                    {kSampling, 39400, 200}}));
}

TEST(Attribution, LongNeighbour) {
    Rig rig(with({}));
    rig.submit(prompt_of(4, 1), 3);
    rig.engine->step();  // until 15,200
    rig.submit(prompt_of(30, 2), 1);
    rig.finish();
    // Step 1: 30 prompt tokens of B and 1 decode of A, E = 41,000, from 16,200; floor(41,000 * 30 / 31) = 39,677 go to prefill.
    EXPECT_EQ(stretches(rig, rig.ids[0]), (Stretches{{kScheduling, 0, 1000},
                                                     {kPrefillOwn, 1000, 14000},
                                                     {kSampling, 15000, 200},
                                                     {kScheduling, 15200, 1000},
                                                     {kPrefillOthers, 16200, 39677},
                                                     {kDecode, 55877, 1323},
                                                     {kSampling, 57200, 400},
                                                     {kScheduling, 57600, 1000},
                                                     {kDecode, 58600, 11000},
                                                     {kSampling, 69600, 200}}));
    EXPECT_EQ(stretches(rig, rig.ids[1]), (Stretches{{kScheduling, 15200, 1000},
                                                     {kPrefillOwn, 16200, 39677},
                                                     {kDecode, 55877, 1323},
                                                     {kSampling, 57200, 400}}));
}

TEST(Attribution, ChunksOfAPrompt) {
    Rig rig(with({{KnobId::kLongPrefillTokenThreshold, 10}}));
    rig.submit(prompt_of(25, 1), 1);
    rig.finish();
    // Chunks of 10, 10 and 5; only the last samples.
    EXPECT_EQ(stretches(rig, last(rig)), (Stretches{{kScheduling, 0, 1000},
                                                    {kPrefillOwn, 1000, 20000},
                                                    {kScheduling, 21000, 1000},
                                                    {kPrefillOwn, 22000, 20000},
                                                    {kScheduling, 42000, 1000},
                                                    {kPrefillOwn, 43000, 15000},
                                                    {kSampling, 58000, 200}}));
}

TEST(Attribution, WholePromptInTheCache) {
    Rig rig(with({}));
    rig.submit(prompt_of(32, 1), 1);
    rig.finish();  // until 1,000 + 42,000 + 200
    const Answered& answer = rig.submit(prompt_of(32, 1), 1);
    rig.finish();
    EXPECT_EQ(answer.ids, rig.answers[0]->ids);
    // The second block is copied but for one token, which is computed.
    EXPECT_EQ(stretches(rig, last(rig)), (Stretches{{kScheduling, 43200, 1000},
                                                    {kKvMove, 44200, 500},
                                                    {kPrefillOwn, 44700, 11000},
                                                    {kSampling, 55700, 200}}));
}

TEST(Attribution, PoolShrinksUnderThem) {
    Rig rig(with({{KnobId::kNumKvBlocks, 8}, {KnobId::kEnablePrefixCaching, 0}}));
    for (uint32_t i = 0; i < 3; ++i) rig.submit(prompt_of(10, i), 4);
    rig.engine->step();  // until 1,000 + 40,000 + 600; blocks 0, 1 and 2
    rig.engine->cancel(rig.ids[0]);
    EXPECT_EQ(rig.engine->set_knob(KnobId::kNumKvBlocks, 2, KnobOrigin::kUser).verdict, Verdict::kAccepted);
    EXPECT_TRUE(rig.engine->check_integrity().ok());
    rig.finish();
    // Block 2 moves to 0: handing the copy over takes 1,000, the copy 500. Then two decodes a step.
    const Stretches found = stretches(rig, rig.ids[2]);
    ASSERT_GT(found.size(), 5u);
    EXPECT_EQ(found[4], (Stretch{kKvMove, 41600, 1500}))
        << "after kScheduling, own and others' prefill and sampling";
    EXPECT_EQ(found[5], (Stretch{kScheduling, 43100, 1000}));
    EXPECT_EQ(rig.audit.moved_blocks(), 1u);
}

TEST(Attribution, TwoPlansInFlightStillTile) {
    RigOptions options = with({{KnobId::kMaxNumSeqs, 2}});
    options.depth = 2;
    Rig rig(options);
    for (uint32_t i = 0; i < 5; ++i) rig.submit(prompt_of(4 + i, i), 3);
    rig.finish();
    rig.audit.expect_all_ended();
    // The device never waits for the scheduler: step 1 begins when step 0 is done, at 27,400 or before, not after planning.
    const auto steps = rig.of(EventKind::kStep);
    ASSERT_GE(steps.size(), 2u);
    EXPECT_LT(steps[1].t_ns, steps[0].t_ns + steps[0].step.duration_ns);
}

TEST(Timeline, MergesNeighboursAndNeverGoesBack) {
    struct Sink : CauseSink {
        Stretches found;
        void on_cause(RequestId, Cause cause, int64_t start_ns, int64_t duration_ns, uint64_t) override {
            found.push_back({cause, start_ns, duration_ns});
        }
    } sink;
    Timeline timeline(RequestId{1}, 100);
    timeline.book(kWaitBudget, 150, 0, sink);
    timeline.book(kWaitBudget, 200, 1, sink);
    timeline.book(kDecode, 180, 1, sink);  // the past is booked
    EXPECT_TRUE(sink.found.empty()) << "told before it ended";
    timeline.book(kDecode, 250, 1, sink);
    timeline.close(sink);
    EXPECT_EQ(sink.found, (Stretches{{kWaitBudget, 100, 100}, {kDecode, 200, 50}}));
}

TEST(StepPhases, PartsTileForAnyNumbers) {
    for (uint32_t tokens = 1; tokens < 40; ++tokens) {
        auto phases = StepPhases::backwards(0, 1'000'003, 17, 900'001, 71);
        phases.tokens = tokens;
        EXPECT_EQ(phases.boundary_ns(0), phases.execute_ns);
        EXPECT_EQ(phases.boundary_ns(tokens), phases.sample_ns);
        for (uint32_t x = 0; x < tokens; ++x) EXPECT_LE(phases.boundary_ns(x), phases.boundary_ns(x + 1));
    }
    // An executor that claims more time than passed is cut short.
    const auto phases = StepPhases::backwards(500, 600, 50, 1000, 30);
    EXPECT_EQ(phases.sample_ns, 570);
    EXPECT_EQ(phases.execute_ns, 500);
    EXPECT_EQ(phases.copy_ns, 500);
}

}  // namespace
}  // namespace pitwall::engine::test
