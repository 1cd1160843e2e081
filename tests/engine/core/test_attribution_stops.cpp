// SPDX-License-Identifier: GPL-3.0-or-later
//
// What stops the clock or the request: pauses, a full recorder, time-outs, cancels, refusals. See attribution_case.h.
#include <gtest/gtest.h>

#include "tests/engine/core/attribution_case.h"

namespace pitwall::engine::test {
namespace {

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

}  // namespace
}  // namespace pitwall::engine::test
