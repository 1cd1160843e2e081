// SPDX-License-Identifier: GPL-3.0-or-later
//
// Why a request is in no step: seats, blocks, budget, policy, preemption. See attribution_case.h.
#include <gtest/gtest.h>

#include "tests/engine/core/attribution_case.h"

namespace pitwall::engine::test {
namespace {

TEST(Attribution, NoSeat) {
    Rig rig(with({{KnobId::kMaxNumSeqs, 1}}));
    rig.submit(prompt_of(4, 1), 2);
    rig.submit(prompt_of(4, 2), 1);
    rig.finish();
    // A takes steps 0 (15,200) and 1 (12,200).
    EXPECT_EQ(stretches(rig, last(rig)), (Stretches{{kWaitCapacity, 0, 27400},
                                                    {kScheduling, 27400, 1000},
                                                    {kPrefillOwn, 28400, 14000},
                                                    {kSampling, 42400, 200}}));
}

TEST(Attribution, FullPool) {
    Rig rig(with({{KnobId::kNumKvBlocks, 2}, {KnobId::kEnablePrefixCaching, 0}}));
    rig.submit(prompt_of(20, 1), 1);  // both blocks
    rig.submit(prompt_of(4, 2), 1);
    rig.finish();
    // Step 0: 1,000 + 30,000 + 200.
    EXPECT_EQ(stretches(rig, last(rig)), (Stretches{{kWaitCapacity, 0, 31200},
                                                    {kScheduling, 31200, 1000},
                                                    {kPrefillOwn, 32200, 14000},
                                                    {kSampling, 46200, 200}}));
}

TEST(Attribution, BudgetUsedUp) {
    Rig rig(with({{KnobId::kMaxNumBatchedTokens, 8}}));
    rig.submit(prompt_of(8, 1), 1);
    rig.submit(prompt_of(4, 2), 1);
    rig.finish();
    EXPECT_EQ(stretches(rig, last(rig)), (Stretches{{kWaitBudget, 0, 19200},
                                                    {kScheduling, 19200, 1000},
                                                    {kPrefillOwn, 20200, 14000},
                                                    {kSampling, 34200, 200}}));
}

TEST(Attribution, StaticBatchHoldsTheDoorShut) {
    Rig rig(with({{KnobId::kBatching, 1}}));
    rig.submit(prompt_of(4, 1), 2);
    rig.engine->step();  // until 15,200
    rig.submit(prompt_of(4, 2), 1);
    rig.finish();
    EXPECT_EQ(stretches(rig, last(rig)), (Stretches{{kWaitPolicy, 15200, 12200},
                                                    {kScheduling, 27400, 1000},
                                                    {kPrefillOwn, 28400, 14000},
                                                    {kSampling, 42400, 200}}));
}

TEST(Attribution, OvertakenByAShorterPrompt) {
    Rig rig(with({{KnobId::kSchedulingPolicy, 2}, {KnobId::kMaxNumSeqs, 1}}));
    rig.submit(prompt_of(8, 1), 1);
    rig.submit(prompt_of(4, 2), 2);
    rig.finish();
    // B goes first although it came later: policy for the one step that admitted it, then its seat is what A waits for.
    EXPECT_EQ(stretches(rig, rig.ids[0]), (Stretches{{kWaitPolicy, 0, 15200},
                                                     {kWaitCapacity, 15200, 12200},
                                                     {kScheduling, 27400, 1000},
                                                     {kPrefillOwn, 28400, 18000},
                                                     {kSampling, 46400, 200}}));
}

TEST(Attribution, PreemptedAndRecomputed) {
    Rig rig(with({{KnobId::kNumKvBlocks, 3}, {KnobId::kEnablePrefixCaching, 0}}));
    rig.submit(prompt_of(16, 1), 4);
    rig.submit(prompt_of(15, 2), 4);
    rig.finish();
    // Step 0 to 42,400: 31 prompt tokens, E = 41,000; A's share is floor(41,000 * 16 / 31) = 21,161, B's floor(41,000 * 15 / 31) = 19,838.
    // Step 1 to 55,800: both decode, E = 12,000; A takes the third block. Step 2: B's 17th slot finds none, B goes. A decodes alone
    // in steps 2 (to 68,000) and 3 (to 80,200) and ends. Step 4 to 108,400: B recomputes 16 tokens and decodes one. Step 5 to 120,600.
    EXPECT_EQ(stretches(rig, rig.ids[0]), (Stretches{{kScheduling, 0, 1000},
                                                     {kPrefillOwn, 1000, 21161},
                                                     {kPrefillOthers, 22161, 19839},
                                                     {kSampling, 42000, 400},
                                                     {kScheduling, 42400, 1000},
                                                     {kDecode, 43400, 12000},
                                                     {kSampling, 55400, 400},
                                                     {kScheduling, 55800, 1000},
                                                     {kDecode, 56800, 11000},
                                                     {kSampling, 67800, 200},
                                                     {kScheduling, 68000, 1000},
                                                     {kDecode, 69000, 11000},
                                                     {kSampling, 80000, 200}}));
    EXPECT_EQ(stretches(rig, rig.ids[1]), (Stretches{{kScheduling, 0, 1000},
                                                     {kPrefillOwn, 1000, 19838},
                                                     {kPrefillOthers, 20838, 21162},
                                                     {kSampling, 42000, 400},
                                                     {kScheduling, 42400, 1000},
                                                     {kDecode, 43400, 12000},
                                                     {kSampling, 55400, 400},
                                                     {kPreempted, 55800, 52600},
                                                     {kScheduling, 108400, 1000},
                                                     {kDecode, 109400, 11000},
                                                     {kSampling, 120400, 200}}));
}

TEST(Attribution, PreemptedAndBackFromTheCache) {
    Rig rig(with({{KnobId::kNumKvBlocks, 8}, {KnobId::kLongPrefillTokenThreshold, 16}}));
    rig.submit(prompt_of(16, 1), 4);
    rig.submit(prompt_of(47, 2), 1);
    rig.engine->step();  // until 1,000 + 42,000 + 200: all of A's prompt, and B's first chunk
    EXPECT_EQ(rig.engine->set_knob(KnobId::kNumKvBlocks, 3, KnobOrigin::kUser).verdict, Verdict::kAccepted);
    rig.finish();
    // Step 1: A takes a second block, so that there is none for B's second chunk: B goes, and its first block stays in
    // the cache. A decodes alone in steps 1, 2 and 3, to 79,800. B finds its block and recomputes nothing.
    EXPECT_EQ(stretches(rig, last(rig)), (Stretches{{kScheduling, 0, 1000},
                                                    {kPrefillOwn, 1000, 21000},
                                                    {kPrefillOthers, 22000, 21000},
                                                    {kSampling, 43000, 200},
                                                    {kPreempted, 43200, 36600},
                                                    {kScheduling, 79800, 1000},
                                                    {kPrefillOwn, 80800, 26000},
                                                    {kScheduling, 106800, 1000},
                                                    {kPrefillOwn, 107800, 25000},
                                                    {kSampling, 132800, 200}}));
}

TEST(Attribution, MoreSequencesThanBudget) {
    Rig rig(with({{KnobId::kMaxNumBatchedTokens, 2}}));
    rig.submit(prompt_of(1, 1), 3);
    rig.submit(prompt_of(1, 2), 2);
    rig.engine->step();  // until 13,400: two tokens, E = 12,000
    rig.engine->set_knob(KnobId::kMaxNumBatchedTokens, 1, KnobOrigin::kUser);
    rig.finish();
    // They take turns: A in step 1 (to 25,600), B in step 2 (to 37,800) where it ends, A in step 3.
    EXPECT_EQ(stretches(rig, rig.ids[0]), (Stretches{{kScheduling, 0, 1000},
                                                     {kPrefillOwn, 1000, 6000},
                                                     {kPrefillOthers, 7000, 6000},
                                                     {kSampling, 13000, 400},
                                                     {kScheduling, 13400, 1000},
                                                     {kDecode, 14400, 11000},
                                                     {kSampling, 25400, 200},
                                                     {kNotInStep, 25600, 12200},
                                                     {kScheduling, 37800, 1000},
                                                     {kDecode, 38800, 11000},
                                                     {kSampling, 49800, 200}}));
    EXPECT_EQ(stretches(rig, rig.ids[1]), (Stretches{{kScheduling, 0, 1000},
                                                     {kPrefillOwn, 1000, 6000},
                                                     {kPrefillOthers, 7000, 6000},
                                                     {kSampling, 13000, 400},
                                                     {kNotInStep, 13400, 12200},
                                                     {kScheduling, 25600, 1000},
                                                     {kDecode, 26600, 11000},
                                                     {kSampling, 37600, 200}}));
}

}  // namespace
}  // namespace pitwall::engine::test
