// SPDX-License-Identifier: GPL-3.0-or-later
//
// What becomes of pool, formats and numeric histories when the device that comes after a lost one has less.
#include <gtest/gtest.h>

#include "engine/kv/kv_format.h"
#include "tests/engine/core/lost_device_case.h"

namespace pitwall::engine::test {
namespace {

using testing::HasSubstr;

/// Has f16, int8 and k8v4 alone.
class FewFormats final : public ForwardingExecutor {
  public:
    using ForwardingExecutor::ForwardingExecutor;
    KvCapacity kv_capacity(KvDtype dtype) const override {
        KvCapacity capacity = ForwardingExecutor::kv_capacity(dtype);
        if (dtype != KvDtype::kF16 && dtype != KvDtype::kInt8 && dtype != KvDtype::kK8V4) capacity.blocks = 0;
        return capacity;
    }
    Status convert_kv(KvDtype dtype, uint32_t blocks, std::span<const BlockId> holding) override {
        if (kv_capacity(dtype).blocks == 0) return Error{"no such format", ""};
        return ForwardingExecutor::convert_kv(dtype, blocks, holding);
    }
};

/// The newest change that the engine made of that knob by itself.
std::optional<KnobEvent> told(Rig& rig, KnobId knob) {
    std::optional<KnobEvent> newest;
    for (const Event& e : rig.of(EventKind::kKnob))
        if (e.knob.knob == static_cast<uint16_t>(knob) && e.knob.origin == KnobOrigin::kEngine)
            newest = e.knob;
    return newest;
}

TEST_F(LostDevice, WhileBlocksAreConvertedNobodyFails) {
    Rig rig(fragile(with({{KnobId::kNumKvBlocks, 60}})));
    const std::vector<GenerationRequest> requests = {ask(prompt_of(100, 1), 20), ask(prompt_of(70, 2), 30)};
    for (const GenerationRequest& request : requests) rig.submit(request);
    for (int i = 0; i < 5; ++i) rig.engine->step();
    device_.lose_at(Call::kConvert, 1);
    EXPECT_EQ(rig.engine->set_knob(KnobId::kKvCacheDtype, kv_dtype_choice(KvDtype::kInt4), KnobOrigin::kUser)
                  .verdict,
              Verdict::kRefused);
    rig.finish();
    EXPECT_EQ(recoveries_, 1u);
    expect_answers(rig, requests);
    rig.audit.expect_all_ended();
}

TEST_F(LostDevice, WhileThePoolShrinksNobodyFails) {
    for (const uint32_t depth : {1u, 2u}) {
        device_ = {};
        RigOptions options = with({{KnobId::kNumKvBlocks, 60}});
        options.depth = depth;
        Rig rig(fragile(options));
        const std::vector<GenerationRequest> requests = {
            ask(prompt_of(100, 1), 3), ask(prompt_of(100, 2), 20), ask(prompt_of(70, 3), 30)};
        for (const GenerationRequest& request : requests) rig.submit(request);
        while (rig.answers[0]->ends == 0) rig.engine->step();  // leaves room below the others
        device_.lose_at(Call::kCopies, 1);
        rig.engine->set_knob(KnobId::kNumKvBlocks, 15, KnobOrigin::kUser);
        EXPECT_THAT(losses(rig), testing::ElementsAre(1)) << "no block had to move";
        EXPECT_EQ(rig.engine->effective_knobs().get(KnobId::kNumKvBlocks), 15);
        rig.finish();
        expect_answers(rig, requests);
        rig.audit.expect_all_ended();
    }
}

TEST_F(LostDevice, ASmallerPoolIsToldAndWhoNeverFitsIsToldToo) {
    RigOptions options = fragile(with({{KnobId::kNumKvBlocks, 100}, {KnobId::kMaxNumSeqs, 2}}));
    options.recovery = [](Rig& rig, const Error&) -> Result<std::unique_ptr<Executor>> {
        RigOptions small;
        small.capacity_blocks = 12;
        return rig.simulated(small, KvDtype::kF16);
    };
    Rig rig(options);
    rig.submit(prompt_of(60, 1), 10);
    rig.submit(prompt_of(400, 2), 10);  // 26 blocks
    const std::vector<GenerationRequest> fitting = {ask(prompt_of(100, 3), 10), ask(prompt_of(150, 4), 30)};
    for (const GenerationRequest& request : fitting) rig.submit(request);
    device_.lose_at(Call::kPlan, 1);
    rig.finish();
    EXPECT_EQ(rig.answers[0]->reason, FinishReason::kFailed) << "it was in the step";
    EXPECT_EQ(rig.answers[1]->reason, FinishReason::kFailed);
    EXPECT_THAT(rig.answers[1]->error, testing::AnyOf(HasSubstr("fell off the bus"),
                                                      HasSubstr("needs 26 KV blocks, and the device in")));
    for (const size_t i : {2, 3}) EXPECT_EQ(rig.answers[i]->reason, FinishReason::kLength);
    const auto pool = told(rig, KnobId::kNumKvBlocks);
    ASSERT_TRUE(pool);
    EXPECT_EQ(pool->old_value, 100);
    EXPECT_EQ(pool->asked_value, 100);
    EXPECT_EQ(pool->effective_value, 12);
    EXPECT_EQ(pool->bound, KnobBound::kCapacity);
    EXPECT_THAT(rig.submit(prompt_of(400, 2), 10).error, HasSubstr("num_kv_blocks is 12"));
}

TEST_F(LostDevice, AFormatThatIsNotThereBecomesTheNearest) {
    RigOptions options = fragile(with({{KnobId::kNumKvBlocks, 100},
                                       {KnobId::kMaxNumSeqs, 2},
                                       {KnobId::kKvCacheDtype, kv_dtype_choice(KvDtype::kInt4)}}));
    options.recovery = [](Rig& rig, const Error&) -> Result<std::unique_ptr<Executor>> {
        return std::unique_ptr<Executor>(
            std::make_unique<FewFormats>(rig.simulated(RigOptions{}, KvDtype::kF16)));
    };
    Rig rig(options);
    rig.submit(prompt_of(3, 1), 40);
    rig.submit(prompt_of(3, 2), 40);
    while (rig.answers[0]->ids.size() < 5 || rig.answers[1]->ids.size() < 5) rig.engine->step();
    rig.engine->set_knob(KnobId::kMaxNumBatchedTokens, 1, KnobOrigin::kUser);
    device_.lose_at(Call::kPlan, 1);  // of two that run, one is in the step
    rig.finish();
    const auto format = told(rig, KnobId::kKvCacheDtype);
    ASSERT_TRUE(format);
    EXPECT_EQ(format->asked_value, kv_dtype_choice(KvDtype::kInt4));
    EXPECT_EQ(format->effective_value, kv_dtype_choice(KvDtype::kInt8))
        << "narrower than k8v4 with short heads";
    EXPECT_EQ(format->bound, KnobBound::kUnavailable);
    const auto failed = static_cast<size_t>(rig.answers[1]->reason == FinishReason::kFailed);
    const Answered &lost = *rig.answers[failed], &kept = *rig.answers[1 - failed];
    EXPECT_EQ(lost.reason, FinishReason::kFailed);
    ASSERT_EQ(kept.reason, FinishReason::kLength) << kept.error;
    // Its first tokens came out of the one format, and the others out of the other.
    ASSERT_EQ(kept.history.size(), 2u);
    EXPECT_EQ(kept.history[0].formats[0].format.kv, KvDtype::kInt4);
    EXPECT_GE(kept.history[0].tokens, 3u + 5);
    EXPECT_EQ(kept.history[1].formats[0].format.kv, KvDtype::kInt8);
    EXPECT_EQ(lost.history.size(), 1u);
}

/// A request that replays a history, lost in the middle of its conversion, begins the stage again.
TEST_F(LostDevice, AReplayedHistoryGoesOn) {
    Rig calm(with({}));
    calm.submit(prompt_of(60, 1), 20);
    calm.finish();
    for (const uint64_t conversion : {1, 2, 3}) {
        device_ = {};
        device_.lose_at(Call::kConvert, conversion);
        Rig rig(fragile(with({{KnobId::kMaxNumBatchedTokens, 24}})));
        GenerationRequest request = ask(prompt_of(60, 1), 20);
        request.numeric_history = {
            {0, {{0, {KvDtype::kF32}}, {40, {KvDtype::kInt8}}, {70, {KvDtype::kBf16}}}}};
        rig.submit(request);
        rig.finish();
        EXPECT_EQ(rig.answers[0]->reason, FinishReason::kLength) << rig.answers[0]->error;
        EXPECT_EQ(rig.answers[0]->ids, calm.answers[0]->ids);
        EXPECT_EQ(rig.answers[0]->history.back(), request.numeric_history[0]) << "conversion " << conversion;
        rig.audit.expect_all_ended();
    }
}

}  // namespace
}  // namespace pitwall::engine::test
