// SPDX-License-Identifier: GPL-3.0-or-later
//
// The device is lost under load: who was being computed fails with the reason, and for all others it is but a pause.
#include <gtest/gtest.h>

#include <random>

#include "tests/engine/core/attribution_case.h"
#include "tests/engine/core/lost_device_case.h"
#include "tests/engine/spec/draft_device.h"
#include "tests/storm.h"

namespace pitwall::engine::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<GenerationRequest> mixed_requests(uint32_t count, uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<GenerationRequest> requests;
    for (uint32_t i = 0; i < count; ++i) {
        std::vector<TokenId> prompt = prompt_of(16 * (random() % 4), 1);  // some of it is in the cache
        const std::vector<TokenId> own = prompt_of(1 + random() % 60, random());
        prompt.insert(prompt.end(), own.begin(), own.end());
        requests.push_back(ask(std::move(prompt), 1 + random() % 40));
    }
    return requests;
}

/// More sequences than budget, so that some run and are not in the step; others wait, and blocks are short.
RigOptions crowded(uint32_t depth) {
    RigOptions options = with({{KnobId::kMaxNumSeqs, 8},
                               {KnobId::kMaxNumBatchedTokens, 5},
                               {KnobId::kNumKvBlocks, 40},
                               {KnobId::kKeyframeIntervalSteps, 16}});
    options.depth = depth;
    return options;
}

TEST_F(LostDevice, AtAnyStepOthersFinishAsIfNothingHappened) {
    for (const uint32_t seed : StormSeeds(3)) {
        const auto requests = mixed_requests(16, seed);
        for (const uint32_t depth : {1u, 2u}) {
            Rig calm(crowded(depth));
            for (const GenerationRequest& request : requests) calm.submit(request);
            calm.finish();
            const uint64_t steps = calm.engine->steps();
            for (const uint64_t at : {uint64_t{1}, uint64_t{2}, steps / 3, steps / 2, steps}) {
                SCOPED_TRACE(testing::Message() << "depth " << depth << ", plan " << at << " of " << steps);
                device_ = {};
                device_.lose_at(Call::kPlan, at);
                Rig rig(fragile(crowded(depth)));
                for (const GenerationRequest& request : requests) rig.submit(request);
                rig.finish();
                ASSERT_FALSE(HasFatalFailure());
                expect_answers(rig, requests);
                rig.audit.expect_all_ended();
                EXPECT_THAT(losses(rig), ElementsAre(1));
                EXPECT_FALSE(device_.took_along().empty());
                for (const auto& [request, ns] : restart_ns(rig)) EXPECT_EQ(ns, kRestartNs) << raw(request);
            }
        }
    }
}

TEST_F(LostDevice, BothPlansInFlightFail) {
    Rig rig(fragile(crowded(2)));
    std::vector<GenerationRequest> requests;
    for (uint32_t i = 0; i < 12; ++i) requests.push_back(ask(prompt_of(4, i), 6));
    for (const GenerationRequest& request : requests) rig.submit(request);
    for (int i = 0; i < 12; ++i) rig.engine->step();
    device_.lose_at(Call::kPlan, 1);
    rig.finish();
    expect_answers(rig, requests);
    EXPECT_EQ(device_.plans_lost(), 2u);
}

TEST_F(LostDevice, ThreeTimes) {
    Rig rig(fragile(crowded(2)));
    const auto requests = mixed_requests(24, 5);
    for (const GenerationRequest& request : requests) rig.submit(request);
    for (const int steps : {20, 15, 0}) {  // the last in its first step
        for (int i = 0; i < steps; ++i) rig.engine->step();
        device_.lose_at(Call::kPlan, 1);
        for (const uint32_t before = recoveries_; recoveries_ == before;) ASSERT_TRUE(rig.engine->step());
        ASSERT_TRUE(rig.engine->check_integrity().ok());
    }
    rig.finish();
    expect_answers(rig, requests);
    rig.audit.expect_all_ended();
    EXPECT_THAT(losses(rig), ElementsAre(1, 2, 3));
}

TEST_F(LostDevice, DuringADraftNobodyFails) {
    RigOptions options = fragile(
        with({{KnobId::kSpeculativeMethod, double(DraftMethod::kDraft)}, {KnobId::kSpeculativeAdaptive, 0}}));
    options.timed_drafters = [this](Clock& clock) -> DrafterFactory {
        return [this, &clock](DraftMethod method) -> Result<std::unique_ptr<Drafter>> {
            if (method != DraftMethod::kDraft) return make_drafter(method);
            auto executor = device_.put_on(DraftDevice().make(clock), Call::kDraftPlan);
            return std::unique_ptr<Drafter>(
                std::make_unique<ModelDrafter>(loaded(std::move(executor)), 4096, clock));
        };
    };
    Rig rig(options);
    const auto requests = mixed_requests(8, 3);
    for (const GenerationRequest& request : requests) rig.submit(request);
    for (int i = 0; i < 4; ++i) rig.engine->step();
    device_.lose_at(Call::kDraftPlan, 2);
    rig.finish();
    EXPECT_EQ(recoveries_, 1u);
    EXPECT_THAT(device_.took_along(), IsEmpty());
    expect_answers(rig, requests);
    EXPECT_EQ(rig.engine->effective_knobs().get(KnobId::kSpeculativeMethod), double(DraftMethod::kDraft));
    uint64_t drafts = 0;
    const int64_t restarted_ns = rig.of(EventKind::kMark).back().t_ns;
    for (const Event& e : rig.of(EventKind::kDraft)) drafts += e.t_ns > restarted_ns;
    EXPECT_GT(drafts, 0u) << "the drafter came back";
}

TEST_F(LostDevice, WhileTheQualityIsProbedNobodyFails) {
    device_.has_probe = true;
    Rig rig(fragile(with({{KnobId::kKvCacheDtype, kv_dtype_choice(KvDtype::kInt8)}})));
    const auto requests = mixed_requests(4, 9);
    device_.lose_at(Call::kProbe, 1);
    for (const GenerationRequest& request : requests) rig.submit(request);
    rig.finish();
    while (rig.engine->probe_when_idle()) {
    }
    EXPECT_EQ(recoveries_, 1u);
    expect_answers(rig, requests);
}

/// One seat: the second request waits for it while the first is lost with the device.
TEST_F(LostDevice, TheRestartIsACauseToTheNanosecond) {
    Rig rig(fragile(with({{KnobId::kMaxNumSeqs, 1}})));
    rig.submit(prompt_of(10, 1), 4);
    rig.submit(prompt_of(10, 2), 1);
    device_.lose_at(Call::kPlan, 2);
    rig.finish();
    // A step of 10 tokens as in attribution_case.h, and one that was only handed over.
    const int64_t lost_ns = 1'000 + 20'000 + 200 + 1'000, over_ns = lost_ns + kRestartNs;
    EXPECT_EQ(rig.answers[0]->reason, FinishReason::kFailed);
    EXPECT_EQ(rig.of(EventKind::kMark).back().t_ns, lost_ns);
    EXPECT_EQ(stretches(rig, RequestId{2}), (Stretches{{kWaitCapacity, 0, lost_ns},
                                                       {kRestart, lost_ns, kRestartNs},
                                                       {kScheduling, over_ns, 1'000},
                                                       {kPrefillOwn, over_ns + 1'000, 20'000},
                                                       {kSampling, over_ns + 21'000, 200}}));
}

TEST_F(LostDevice, APausedEngineRestartsInPausedTime) {
    Rig rig(fragile(with({})));
    const std::vector<GenerationRequest> requests = {ask(prompt_of(64, 1), 8)};
    rig.submit(requests[0]);
    rig.engine->step();
    rig.engine->pause();
    device_.lose_at(Call::kConvert, 1);
    const Answer answer =
        rig.engine->set_knob(KnobId::kKvCacheDtype, kv_dtype_choice(KvDtype::kInt8), KnobOrigin::kUser);
    EXPECT_EQ(answer.verdict, Verdict::kRefused);
    EXPECT_THAT(answer.reason, HasSubstr("fell off the bus"));
    rig.engine->resume();
    rig.finish();
    EXPECT_EQ(recoveries_, 1u);
    expect_answers(rig, requests);
    EXPECT_THAT(restart_ns(rig), IsEmpty());
    rig.audit.expect_all_ended();
}

TEST_F(LostDevice, WithNoOtherEverybodyIsToldAndTheEngineStays) {
    RigOptions options = fragile(crowded(2));
    options.recovery = [](Rig&, const Error&) -> Result<std::unique_ptr<Executor>> {
        return Error{"the CPU is on fire", "leave the building"};
    };
    Rig rig(options);
    for (const GenerationRequest& request : mixed_requests(12, 1)) rig.submit(request);
    for (int i = 0; i < 10; ++i) rig.engine->step();
    device_.lose_at(Call::kPlan, 1);
    rig.finish();
    const auto clear = testing::AllOf(HasSubstr("fell off the bus"), HasSubstr("the CPU is on fire"));
    for (const auto& answer : rig.answers) {
        if (answer->reason == FinishReason::kLength) continue;
        EXPECT_EQ(answer->reason, FinishReason::kFailed);
        EXPECT_THAT(answer->error, HasSubstr("fell off the bus"));
    }
    EXPECT_THAT(rig.answers.back()->error, clear);
    const Answered& late = rig.submit(prompt_of(8, 1), 4);
    EXPECT_EQ(late.reason, FinishReason::kRejected);
    EXPECT_THAT(late.error, clear);
    EXPECT_FALSE(rig.engine->step());
    for (const KnobId knob : {KnobId::kNumKvBlocks, KnobId::kMaxNumSeqs})
        rig.engine->set_knob(knob, 7, KnobOrigin::kUser);
    rig.collect();
    const size_t changes = rig.of(EventKind::kKnob).size();
    for (int i = 0; i < 10; ++i) rig.engine->step();
    rig.collect();
    EXPECT_EQ(rig.of(EventKind::kKnob).size(), changes) << "a pool that is not there shrinks no further";
    rig.engine->publish_keyframe();
    rig.engine->publish_end();
    rig.collect();
    EXPECT_TRUE(rig.engine->check_integrity().ok());
    EXPECT_EQ(rig.events.back().mark.mark, MarkKind::kSessionEnd);
    rig.audit.expect_all_ended();
}

}  // namespace
}  // namespace pitwall::engine::test
