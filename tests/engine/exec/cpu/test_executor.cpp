// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/engine/exec/cpu/support.h"

namespace pitwall::engine {
namespace {

void expect_close_to_reference(const Model& model, KernelTier tier, size_t count, uint32_t threads) {
    std::mt19937 random(21);
    const auto tokens = random_tokens(count, model.config().vocab_size, random);
    const auto want = reference_logits(model, tokens);
    const auto got = Hand(model, threads, tier).logits(tokens, count, blocks_from(0, 40));
    double largest = 0, worst = 0;
    for (size_t i = 0; i < want.size(); ++i) {
        largest = std::max(largest, std::abs(want[i]));
        worst = std::max(worst, std::abs(want[i] - double(got[i])));
    }
    // One unit of binary16 in K or V, where float32 and float64 round differently, is 5e-4 of one value.
    EXPECT_LT(worst, 1e-3 * largest) << kernel_tier_name(tier);
    EXPECT_GT(largest, 0.5);
}

TEST(CpuExecutor, LogitsAgreeWithFloat64InEveryTier) {
    const TestModel odd(odd_config(), {}, 31);
    for (const KernelTier tier : available_kernel_tiers()) expect_close_to_reference(odd, tier, 290, 2);
}

TEST(CpuExecutor, LogitsAgreeWithFloat64InEveryStorageType) {
    for (const TensorType type : kAllTypes) {
        SCOPED_TRACE(tensor_type_name(type));
        const TestModel model(even_config(), {type, type}, 32);
        for (const KernelTier tier : available_kernel_tiers()) expect_close_to_reference(model, tier, 5, 1);
    }
}

TEST(CpuExecutor, SamplesTheTokensOfItsLogits) {
    const TestModel model(even_config(), {TensorType::kQ4_1, TensorType::kQ8_0}, 33);
    std::mt19937 random(34);
    auto tokens = random_tokens(20, model.config().vocab_size, random);
    const auto table = blocks_from(3, 10);
    const KernelTier tier = available_kernel_tiers().back();
    Hand sampling(model, 2, tier);
    for (uint32_t first = 0, step = 0; step < 30; ++step) {
        StepPlan plan;
        SequenceSlice slice;
        slice.tokens = std::span<const TokenId>(tokens).subspan(first);
        slice.first_position = first;
        slice.block_table = table;
        slice.history = tokens;
        slice.samples = 1;
        plan.slices.push_back(slice);
        const StepResult result = sampling.run(plan);
        ASSERT_EQ(result.sampled.size(), 1u);
        first = static_cast<uint32_t>(tokens.size());
        tokens.push_back(result.sampled[0]);
    }
    const size_t vocab = model.config().vocab_size;
    const auto logits = Hand(model, 1, tier).logits(tokens, tokens.size(), table);
    for (size_t t = 19; t + 1 < tokens.size(); ++t) {
        const auto row = logits.begin() + static_cast<std::ptrdiff_t>(t * vocab);
        EXPECT_EQ(std::max_element(row, row + static_cast<std::ptrdiff_t>(vocab)) - row, tokens[t + 1])
            << "after position " << t;
    }
}

TEST(CpuExecutor, BannedTokensAreNotSampled) {
    const TestModel model(odd_config(), {}, 35);
    Hand hand(model, 1, available_kernel_tiers().back());
    const std::vector<TokenId> tokens = {1, 2, 3};
    const auto table = blocks_from(0, 1);
    std::vector<TokenId> banned;
    for (int i = 0; i < 10; ++i) {
        StepPlan plan;
        SequenceSlice slice;
        slice.tokens = slice.history = tokens;
        slice.block_table = table;
        slice.banned = banned;
        slice.samples = 1;
        plan.slices.push_back(slice);
        const TokenId token = hand.run(plan).sampled[0];
        EXPECT_EQ(std::count(banned.begin(), banned.end(), token), 0);
        banned.push_back(token);
    }
}

/// What is drafted for a sequence is verified in one slice; each sample is what it is when its token comes last, whatever
/// follows it, beside others, over more rows than one batch of the head has.
TEST(CpuExecutor, SamplesAfterSeveralTokensAreThoseOfEachAlone) {
    const TestModel model(even_config(), {TensorType::kQ4_1, TensorType::kQ8_0}, 43);
    std::mt19937 random(44);
    const auto vocab = model.config().vocab_size;
    std::vector<TokenId> banned;
    for (uint32_t i = 0; i < vocab; i += 2) banned.push_back(static_cast<TokenId>(i));
    std::vector<std::vector<TokenId>> texts;
    std::vector<std::vector<BlockId>> tables;
    StepPlan together;
    std::vector<TokenId> want;
    Hand alone(model, 1, available_kernel_tiers().back());
    for (uint32_t i = 0; i < 30; ++i) {
        texts.push_back(random_tokens(9 + i, vocab, random));
        tables.push_back(blocks_from(i * 4, 4));
    }
    for (uint32_t i = 0; i < 30; ++i) {
        SequenceSlice slice;
        slice.tokens = slice.history = texts[i];
        slice.block_table = tables[i];
        slice.samples = i % 6;
        slice.sampling = {.temperature = i % 2 ? 1.0f : 0.0f, .repetition_penalty = 1.3f, .seed = i};
        slice.banned = banned;
        slice.banned_before = 7 + i;
        together.slices.push_back(slice);
        for (uint32_t left = slice.samples; left > 0; --left) {
            SequenceSlice one = slice;
            one.tokens = one.history = std::span<const TokenId>(texts[i]).first(texts[i].size() - left + 1);
            one.samples = 1;
            if (one.tokens.size() >= slice.banned_before) one.banned = {};
            StepPlan plan;
            plan.slices.push_back(one);
            want.push_back(alone.run(plan).sampled.at(0));
            EXPECT_TRUE(one.tokens.size() >= slice.banned_before || want.back() % 2 == 1);
        }
    }
    ASSERT_GT(want.size(), 64u) << "one batch of the head";
    for (const uint32_t threads : {1u, 3u})
        EXPECT_EQ(Hand(model, threads, available_kernel_tiers().back()).run(together).sampled, want);
}

TEST(CpuExecutor, CountsWorkFromShapes) {
    const TestModel model(even_config(), {TensorType::kQ4_1, TensorType::kQ8_0}, 36);
    const ModelConfig& c = model.config();
    Hand hand(model, 2, available_kernel_tiers().back());
    const std::vector<TokenId> tokens(100, 5);
    const auto table = blocks_from(0, 7);
    StepPlan plan;
    SequenceSlice slice;
    slice.tokens = slice.history = tokens;
    slice.block_table = table;
    slice.samples = 1;
    plan.slices.push_back(slice);
    const StepResult result = hand.run(plan);
    const double attention = 4.0 * c.num_layers * c.num_heads * c.head_dim * (100 * 101 / 2);
    EXPECT_EQ(result.flops, 2.0 * double(c.layer_macs()) * 100 + 2.0 * double(c.head_macs()) + attention);
    EXPECT_GT(result.bytes, double(model.weight_bytes()) * 0.95);
    EXPECT_GT(result.execute_ns, 0);
    EXPECT_GT(result.sample_ns, 0);
    EXPECT_NEAR(double(hand.executor().weight_bytes()), double(model.weight_bytes()),
                0.05 * double(model.weight_bytes()));
    EXPECT_EQ(hand.executor().bytes_per_block(), c.kv_values_per_token() * 2 * kBlockTokens);
}

/// K and V of several tokens are written row by row; of a sequence's only one, by its attention.
TEST(CpuExecutor, CountsWrittenKvWhereItsTimeGoes) {
    const TestModel model(even_config(), {TensorType::kQ4_1, TensorType::kQ8_0}, 41);
    const double token_bytes = model.config().kv_values_per_token() * 2.0;
    Hand hand(model, 2, available_kernel_tiers().back());
    const std::vector<TokenId> history(20, 5);
    const auto run = [&](size_t first, size_t tokens) {
        const auto table = blocks_from(0, 2);
        SequenceSlice slice;
        slice.history = std::span(history).first(first + tokens);
        slice.tokens = slice.history.subspan(first);
        slice.first_position = static_cast<uint32_t>(first);
        slice.block_table = table;
        StepPlan plan;
        plan.slices.push_back(slice);
        return hand.run(plan).kernels;
    };
    const auto bytes = [](const KernelWorks& works, KernelKind kind) {
        return works[static_cast<size_t>(kind)].bytes;
    };
    const KernelWorks several = run(0, 19), one = run(19, 1);
    EXPECT_EQ(bytes(several, KernelKind::kRowwise), 19 * token_bytes);
    EXPECT_EQ(bytes(several, KernelKind::kAttention), 19 * token_bytes);
    EXPECT_EQ(bytes(one, KernelKind::kRowwise), 0);
    EXPECT_EQ(bytes(one, KernelKind::kAttention), (20 + 1) * token_bytes);
}

/// Of a greedy row only the largest logit is kept, but where all are wanted: both ways say the same token.
TEST(CpuExecutor, ADamagedModelNeitherCrashesNorHangs) {
    std::mt19937 random(37);
    for (const TensorType type : {TensorType::kF32, TensorType::kQ4_1, TensorType::kQ6_K}) {
        const TestModel model(even_config(), {type, type}, 38, true);
        for (const KernelTier tier : available_kernel_tiers()) {
            Hand hand(model, 2, tier);
            const auto tokens = random_tokens(70, model.config().vocab_size, random);
            const auto table = blocks_from(0, 5);
            for (const float temperature : {0.0f, 1.0f}) {
                StepPlan plan;
                SequenceSlice slice;
                slice.tokens = slice.history = tokens;
                slice.block_table = table;
                slice.samples = 1;
                slice.sampling.temperature = temperature;
                slice.sampling.top_p = 0.9f;
                plan.slices.push_back(slice);
                const TokenId token = hand.run(plan).sampled[0];
                EXPECT_GE(token, 0);
                EXPECT_LT(static_cast<uint32_t>(token), model.config().vocab_size);
                std::vector<float> logits(tokens.size() * model.config().vocab_size);
                plan.slices[0].logits_out = logits;
                EXPECT_EQ(hand.run(plan).sampled[0], token);
            }
        }
    }
}

TEST(CpuExecutor, ATensorOfAnotherShapeIsRefusedByName) {
    TestModel model(odd_config(), {}, 39);
    --model.layers_[1].down.rows;
    const auto made = make_cpu_executor(model, {});
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().what, "tensor blk.1.ffn_down.weight is 39 x 50, the model's shape needs 40 x 50");
}

TEST(CpuExecutor, TooLittleMemoryForOneBlockIsRefused) {
    const TestModel model(odd_config(), {}, 40);
    CpuOptions options;
    options.kv_cache_memory_bytes = 100;
    const auto made = make_cpu_executor(model, options);
    ASSERT_FALSE(made.ok());
    EXPECT_NE(made.error().what.find("kv_cache_memory_bytes=100"), std::string::npos);
}

TEST(CpuExecutor, ProgressRunsToTheWhole) {
    const TestModel model(odd_config(), {}, 41);
    CpuOptions options;
    uint64_t last = 0, total = 0;
    options.progress = [&](uint64_t done, uint64_t all) {
        EXPECT_GE(done, last);
        last = done;
        total = all;
    };
    ASSERT_TRUE(make_cpu_executor(model, options).ok());
    EXPECT_EQ(last, total);
    EXPECT_EQ(total, model.weight_bytes());
}

}  // namespace
}  // namespace pitwall::engine
