// SPDX-License-Identifier: GPL-3.0-or-later
//
// The executor on devices that have less of something, and what it says where that does not do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

#include "tests/engine/exec/cuda/cuda_hand.h"
#include "tests/engine/exec/cuda/emulated_limits.h"
#include "tests/storm.h"

namespace pitwall::engine {
namespace {

using cuda::EmulatedLimits;
using testing::HasSubstr;

constexpr uint32_t kSmall = 99 << 10;

ModelConfig config_with(uint32_t heads, uint32_t kv_heads, uint32_t head_dim) {
    ModelConfig c = shallow_config();
    c.num_heads = heads, c.num_kv_heads = kv_heads, c.head_dim = head_dim;
    return c;
}

Error refusal(const TestModel& model) {
    const auto made = make_cuda_executor(*pitwall_cuda_plugin(), model, options_of(model, KvDtype::kF16, 8));
    return made.ok() ? Error{"nothing", ""} : made.error();
}

TEST(EmulatedLimits, AModelHasTheSameBitsOnASmallDevice) {
    const TestModel model(config_with(2, 1, 128), {TensorType::kF16, TensorType::kF16}, 5);
    std::mt19937 random(6);
    const auto tokens = random_tokens(kSanitized ? 70 : 150, model.config().vocab_size, random);
    const auto table = blocks_from(3, 10);
    const auto large = CudaHand(model).logits(tokens, tokens.size(), table);
    const EmulatedLimits limits(kSmall);
    EXPECT_EQ(CudaHand(model).logits(tokens, tokens.size(), table), large);
    EXPECT_EQ(CudaHand(model).logits(tokens, 40, table), large);
}

TEST(EmulatedLimits, WhatTheKernelsCannotTakeIsRefusedInWords) {
    const TestModel many(config_with(65, 1, 32), {TensorType::kF16, TensorType::kF16}, 5);
    EXPECT_EQ(refusal(many).what, "65 query heads share a KV head, a CUDA device takes 64 at most");
    EXPECT_EQ(refusal(TestModel(config_with(64, 1, 32), {TensorType::kF16, TensorType::kF16}, 5)).what,
              "nothing");
    const TestModel model(small_config(), {TensorType::kF16, TensorType::kF16}, 5);
    const EmulatedLimits limits(200);
    EXPECT_THAT(refusal(model).what, HasSubstr("sampling from a vocabulary of 83 tokens needs"));
    EXPECT_THAT(refusal(model).what, HasSubstr("this device has 200"));
    EXPECT_THAT(refusal(model).hint, HasSubstr("--device cpu"));
}

TEST(EmulatedLimits, AttentionOfTooManyHeadsIsRefusedInWords) {
    const TestModel model(config_with(128, 2, 128), {TensorType::kF16, TensorType::kF16}, 5);
    const EmulatedLimits limits(48 << 10);
    EXPECT_THAT(refusal(model).what, HasSubstr("attention with 128 heads of 128 needs 65664"));
}

/// Of two ranks each has half of them.
TEST(EmulatedLimits, AttentionOfSharedHeadsIsJudgedByTheShare) {
    const EmulatedLimits limits(48 << 10);
    const auto refusal_on = [](std::vector<uint32_t> devices, uint32_t heads) {
        const TestModel model(config_with(heads, heads / 64, 128), {TensorType::kF16, TensorType::kF16}, 5);
        CudaOptions options = options_of(model, KvDtype::kF16, 8);
        options.devices = std::move(devices);
        const auto made = make_cuda_executor(*pitwall_cuda_plugin(), model, options);
        return made.ok() ? "nothing" : made.error().what;
    };
    ::setenv("PITWALL_EMULATED_DEVICES", "2", 1);
    EXPECT_THAT(refusal_on({0}, 128), HasSubstr("attention with 128 heads of 128"));
    EXPECT_EQ(refusal_on({0, 1}, 128), "nothing");
    EXPECT_THAT(refusal_on({0, 1}, 256), HasSubstr("attention with 128 heads of 128"));
    ::unsetenv("PITWALL_EMULATED_DEVICES");
}

TEST(EmulatedLimits, AStepSaysWhichKernelWasRefused) {
    const TestModel model(small_config(), {TensorType::kF16, TensorType::kF16}, 5);
    CudaHand hand(model);
    const std::vector<TokenId> tokens(20, 5);
    const auto table = blocks_from(0, 2);
    StepPlan plan;
    SequenceSlice& slice = plan.slices.emplace_back();
    slice.tokens = slice.history = tokens;
    slice.block_table = table;
    slice.samples = 1;
    {
        const EmulatedLimits limits(300);
        const StepResult refused = hand.run(plan);
        ASSERT_FALSE(refused.status.ok());
        EXPECT_THAT(refused.status.error().what, HasSubstr("kernel multiply_few ("));
        EXPECT_THAT(refused.status.error().what, HasSubstr("bytes of shared memory): invalid argument"));
    }
    EXPECT_TRUE(hand.run(plan).status.ok()) << "the device is none the worse for it";
}

TEST(EmulatedLimits, TheKvCacheTakesItsShareOfWhatIsFree) {
    const TestModel model(small_config(), {TensorType::kF16, TensorType::kF16}, 5);
    const auto capacity = [&](double share, uint64_t spared) {
        CudaOptions options;
        options.kv_cache_share = share;
        options.kv_cache_spared_bytes = spared;
        auto made = make_cuda_executor(*pitwall_cuda_plugin(), model, options);
        return double(made.value()->capacity_blocks()) * double(made.value()->bytes_per_block());
    };
    const auto free = double(cuda::free_device_bytes());
    EXPECT_NEAR(capacity(0.1, 0), 0.1 * free, 1e5);
    EXPECT_NEAR(capacity(0.1, uint64_t(free / 2)), 0.05 * free, 1e5);
}

/// Memory of the host that the device writes goes with the executor.
TEST(EmulatedLimits, AnExecutorGoesWhenItsPlansAreDone) {
    const TestModel model(small_config(), {TensorType::kF16, TensorType::kF16}, 5);
    auto made = make_cuda_executor(*pitwall_cuda_plugin(), model, options_of(model, KvDtype::kF16, 8));
    std::unique_ptr<Executor> executor = std::move(made).value();
    ASSERT_TRUE(executor->resize_pool(8).ok());
    const std::vector<TokenId> tokens(20, 5);
    const auto table = blocks_from(0, 2);
    std::vector<float> logits;
    StepPlan plan;
    plan.slices = {scored_slice(tokens, 0, table, logits, model.config().vocab_size)};
    (void)executor->submit(plan);
    EXPECT_TRUE(std::isnan(logits.back()));
    executor.reset();
    EXPECT_FALSE(std::isnan(logits.back()));
}

}  // namespace
}  // namespace pitwall::engine
