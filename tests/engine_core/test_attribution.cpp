// SPDX-License-Identifier: GPL-3.0-or-later
//
// Cases whose causes were worked out by hand, to the nanosecond, on the device with round numbers: handing a step over takes
// 1,000 ns, a copy 500, execution 10,000 and 1,000 a token, sampling 200 a token. A step of n tokens that samples s
// of them and copies nothing therefore takes 1,000 + (10,000 + 1,000 n) + 200 s; planning and committing take no
// virtual time. The rules are those of engine/core/attribution.h.
#include <gtest/gtest.h>

#include "engine/core/attribution.h"
#include "tests/engine_core/rig.h"

namespace pitwall::engine::test {
namespace {

using enum telemetry::Cause;
using Stretches = std::vector<Stretch>;

RigOptions with(std::map<KnobId, double> knobs) {
    RigOptions options;
    options.knobs = std::move(knobs);
    return options;
}

RequestId last(const Rig& rig) { return rig.ids.back(); }

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

TEST(Attribution, Paused) {
    Rig rig(with({}));
    rig.submit(prompt_of(4, 1), 2);
    rig.engine->step();  // until 15,200
    rig.clock.advance(300);
    rig.engine->pause();  // at 15,500
    rig.clock.advance(20000);
    GenerationRequest late;
    late.prompt = prompt_of(4, 2);
    late.max_tokens = 1;
    late.arrival_ns = 30000;  // taken in at 35,500, in the middle of the pause
    rig.submit(std::move(late));
    rig.clock.advance(30000);
    EXPECT_FALSE(rig.engine->step());
    rig.engine->resume();  // at 65,500
    rig.finish();
    // Step 1 from 65,500: 1 decode and 4 prompt tokens, E = 15,000, of which prefill has 12,000.
    EXPECT_EQ(stretches(rig, rig.ids[0]), (Stretches{{kScheduling, 0, 1000},
                                                     {kPrefillOwn, 1000, 14000},
                                                     {kSampling, 15000, 200},
                                                     {kScheduling, 15200, 300},
                                                     {kPaused, 15500, 50000},
                                                     {kScheduling, 65500, 1000},
                                                     {kPrefillOthers, 66500, 12000},
                                                     {kDecode, 78500, 3000},
                                                     {kSampling, 81500, 400}}));
    EXPECT_EQ(stretches(rig, rig.ids[1]), (Stretches{{kDelivery, 30000, 5500},
                                                     {kPaused, 35500, 30000},
                                                     {kScheduling, 65500, 1000},
                                                     {kPrefillOwn, 66500, 12000},
                                                     {kDecode, 78500, 3000},
                                                     {kSampling, 81500, 400}}));
}

TEST(Attribution, SingleSteps) {
    Rig rig(with({}));
    rig.engine->pause();
    rig.submit(prompt_of(4, 1), 2);
    rig.clock.advance(5000);
    rig.engine->allow_single_step();
    EXPECT_TRUE(rig.engine->step());
    EXPECT_FALSE(rig.engine->step());
    rig.clock.advance(7000);
    rig.engine->allow_single_step();
    EXPECT_TRUE(rig.engine->step());
    EXPECT_EQ(stretches(rig, last(rig)), (Stretches{{kPaused, 0, 5000},
                                                    {kScheduling, 5000, 1000},
                                                    {kPrefillOwn, 6000, 14000},
                                                    {kSampling, 20000, 200},
                                                    {kPaused, 20200, 7000},
                                                    {kScheduling, 27200, 1000},
                                                    {kDecode, 28200, 11000},
                                                    {kSampling, 39200, 200}}));
    EXPECT_TRUE(rig.engine->paused());
    rig.engine->allow_single_step();
    EXPECT_FALSE(rig.engine->step());
    rig.submit(prompt_of(4, 1), 1);
    EXPECT_FALSE(rig.engine->step()) << "asked for when there was nothing to do";
}

TEST(Attribution, RecorderFull) {
    Rig rig(with({{KnobId::kMaxNumSeqs, 1}}));
    rig.submit(prompt_of(4, 1), 2);
    rig.submit(prompt_of(4, 2), 1);
    rig.engine->step();  // until 15,200
    rig.clock.advance(7000);
    rig.engine->book_recorder_wait(15200);
    rig.clock.advance(100);  // what the loop does besides is the loop's again
    rig.finish();
    EXPECT_EQ(stretches(rig, rig.ids[0]), (Stretches{{kScheduling, 0, 1000},
                                                     {kPrefillOwn, 1000, 14000},
                                                     {kSampling, 15000, 200},
                                                     {kRecorder, 15200, 7000},
                                                     {kScheduling, 22200, 1100},
                                                     {kDecode, 23300, 11000},
                                                     {kSampling, 34300, 200}}));
    EXPECT_EQ(stretches(rig, rig.ids[1]), (Stretches{{kWaitCapacity, 0, 15200},
                                                     {kRecorder, 15200, 7000},
                                                     {kWaitCapacity, 22200, 12300},
                                                     {kScheduling, 34500, 1000},
                                                     {kPrefillOwn, 35500, 14000},
                                                     {kSampling, 49500, 200}}));
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

TEST(Attribution, TimedOut) {
    Rig rig(with({{KnobId::kMaxNumSeqs, 1}}));
    rig.submit(prompt_of(4, 1), 5);
    GenerationRequest request;
    request.prompt = prompt_of(4, 2);
    request.max_tokens = 1;
    request.timeout_ns = 20000;
    const Answered& answer = rig.submit(std::move(request));
    rig.engine->step();  // until 15,200
    rig.engine->pause();
    rig.clock.advance(1000000);  // does not count
    rig.engine->resume();
    rig.clock.advance(40);
    rig.finish();
    // Unpaused time reaches 20,000 within step 1, which ends at 1,027,440; ends are between steps.
    EXPECT_EQ(answer.reason, FinishReason::kTimeout);
    EXPECT_EQ(
        stretches(rig, last(rig)),
        (Stretches{{kWaitCapacity, 0, 15200}, {kPaused, 15200, 1000000}, {kWaitCapacity, 1015200, 12240}}));
}

TEST(Attribution, PausesBeforeAreKnownWhileItIsPausedAgain) {
    Rig rig(with({}));
    const auto pass = [&](int64_t ns) { rig.clock.advance(ns); };
    pass(20), rig.engine->pause(), pass(10), rig.engine->resume();  // 20 to 30
    pass(10), rig.engine->pause();                                  // at 40
    pass(10);
    EXPECT_EQ(rig.engine->unpaused_ns(10), 10);
    EXPECT_EQ(rig.engine->unpaused_ns(25), 20);
    EXPECT_EQ(rig.engine->unpaused_ns(35), 25);
    EXPECT_EQ(rig.engine->unpaused_ns(50), 30);
    rig.engine->resume();
    pass(5);
    EXPECT_EQ(rig.engine->unpaused_ns(55), 35);
}

TEST(Attribution, TheTimeOutNamedIsTheOneAskedFor) {
    Rig rig(with({}));
    rig.clock.advance(10'000'000);
    GenerationRequest request;
    request.prompt = prompt_of(4, 2);
    request.max_tokens = 4000;
    request.timeout_ns = 30'000'000;
    request.arrival_ns = rig.clock.now_ns();
    const Answered& answer = rig.submit(std::move(request));
    for (int i = 0; i < 2; ++i) {
        rig.engine->pause(), rig.clock.advance(10'000'000), rig.engine->resume();
        rig.clock.advance(10'000'000);
        rig.engine->step();
    }
    while (rig.engine->has_work()) rig.engine->step();
    EXPECT_EQ(answer.reason, FinishReason::kTimeout);
    EXPECT_NE(answer.error.find("within 30 ms"), std::string::npos) << answer.error;
}

TEST(Attribution, Cancelled) {
    Rig rig(with({}));
    const Answered& answer = rig.submit(prompt_of(4, 1), 5);
    rig.engine->step();
    rig.clock.advance(300);
    rig.engine->cancel(last(rig));
    EXPECT_EQ(answer.reason, FinishReason::kCancelled);
    EXPECT_EQ(stretches(rig, last(rig)), (Stretches{{kScheduling, 0, 1000},
                                                    {kPrefillOwn, 1000, 14000},
                                                    {kSampling, 15000, 200},
                                                    {kScheduling, 15200, 300}}));
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

TEST(Attribution, RejectedOnArrival) {
    Rig rig(with({{KnobId::kMaxPromptTokens, 3}}));
    rig.clock.advance(5000);
    GenerationRequest request;
    request.prompt = prompt_of(4, 1);
    request.max_tokens = 1;
    request.arrival_ns = 4000;
    EXPECT_EQ(rig.submit(std::move(request)).reason, FinishReason::kRejected);
    rig.submit(prompt_of(4, 1), 1);
    // One that took no time at all has a cause as well, so that sums over causes know it.
    EXPECT_EQ(stretches(rig, rig.ids[0]), (Stretches{{kDelivery, 4000, 1000}}));
    EXPECT_EQ(stretches(rig, rig.ids[1]), (Stretches{{kDelivery, 5000, 0}}));
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
