// SPDX-License-Identifier: GPL-3.0-or-later
//
// The whole executor, through the plug-in's table, as the engine uses it.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <numeric>

#include "engine/exec/cuda/cuda_library.h"
#include "tests/engine/exec/cuda/cuda_hand.h"
#include "tests/storm.h"

namespace pitwall::engine {
namespace {

double relative_error(const std::vector<float>& got, const std::vector<double>& want) {
    double difference = 0, size = 0;
    for (size_t i = 0; i < want.size(); ++i) {
        difference += std::pow(static_cast<double>(got[i]) - want[i], 2);
        size += want[i] * want[i];
    }
    return std::sqrt(difference / size);
}

TEST(CudaExecutor, LogitsAgreeWithFloat64InEveryStorageType) {
    for (const TensorType type : kAllTypes) {
        SCOPED_TRACE(tensor_type_name(type));
        ModelConfig config = even_config();
        const TestModel model(config, {type, type}, 32);
        std::mt19937 random(21);
        const auto tokens = random_tokens(19, config.vocab_size, random);
        CudaHand hand(model, type == TensorType::kBF16 ? KvDtype::kBf16 : KvDtype::kF16);
        EXPECT_LT(relative_error(hand.logits(tokens, 19, blocks_from(0, 2)), reference_logits(model, tokens)),
                  type == TensorType::kBF16 ? 3e-2 : 4e-3);
    }
}

/// The first invariant: fed in any pieces, from any blocks, a row's logits have the same bits.
TEST(CudaExecutor, BitsDependOnTheRequestAlone) {
    const TestModel model(small_config(), {TensorType::kQ4_0, TensorType::kQ8_0}, 5);
    std::mt19937 random(6);
    const auto tokens = random_tokens(70, model.config().vocab_size, random);
    const auto want = CudaHand(model).logits(tokens, tokens.size(), blocks_from(0, 5));
    for (const size_t chunk : {1u, 7u, 16u, 33u})
        EXPECT_EQ(CudaHand(model).logits(tokens, chunk, blocks_from(20, 5)), want) << chunk;
}

TEST(CudaExecutor, NeighboursDoNotShow) {
    const TestModel model(small_config(), {TensorType::kQ4_0, TensorType::kQ8_0}, 5);
    std::mt19937 random(6);
    const uint32_t vocab = model.config().vocab_size;
    const auto tokens = random_tokens(41, vocab, random), others = random_tokens(70, vocab, random);
    const auto table = blocks_from(0, 3), far = blocks_from(20, 5), farther = blocks_from(30, 5);
    const auto want = CudaHand(model).logits(tokens, 41, table);
    const std::vector<float> want_last(want.end() - vocab, want.end());
    CudaHand hand(model);
    std::vector<float> prompt, decode, of_others, of_more;
    StepPlan first;  // the prompt beside another prompt, then its last token beside prompts and decodes
    const std::vector<TokenId> head(tokens.begin(), tokens.end() - 1);
    first.slices = {scored_slice(others, 0, far, of_others, vocab),
                    scored_slice(head, 0, table, prompt, vocab)};
    ASSERT_TRUE(hand.run(first).status.ok());
    StepPlan second;
    second.slices = {scored_slice(others, 69, far, of_others, vocab),
                     scored_slice(tokens, 40, table, decode, vocab),
                     scored_slice(others, 0, farther, of_more, vocab)};
    ASSERT_TRUE(hand.run(second).status.ok());
    EXPECT_EQ(prompt, std::vector<float>(want.begin(), want.end() - vocab));
    EXPECT_EQ(decode, want_last);
}

/// More tokens than a batch has room for, from two sequences, one of whose tokens the device alone knows.
TEST(CudaExecutor, ALongStepRunsAsSeveralBatches) {
    if (kSanitized) GTEST_SKIP() << "a thousand tokens, emulated and sanitized, take a minute";
    const ModelConfig config = shallow_config();
    const TestModel model(config, {TensorType::kQ4_0, TensorType::kQ8_0}, 5);
    std::mt19937 random(6);
    const auto prompt = random_tokens(1030, config.vocab_size, random);
    const auto table = blocks_from(0, 65), own = blocks_from(70, 2);
    std::vector<TokenId> tokens = random_tokens(9, config.vocab_size, random);
    tokens.reserve(20);
    const auto slice_of = [&](const std::vector<TokenId>& all, uint32_t first,
                              std::span<const BlockId> blocks, uint32_t id) {
        SequenceSlice slice;
        slice.request = RequestId{id};
        slice.tokens = std::span(all).subspan(first);
        slice.history = all;
        slice.first_position = first;
        slice.block_table = blocks;
        slice.samples = 1;
        return slice;
    };
    const auto alone = [&](const std::vector<TokenId>& all, std::span<const BlockId> blocks) {
        StepPlan plan;
        plan.slices = {slice_of(all, 0, blocks, 1)};
        return CudaHand(model, KvDtype::kF16, 80).run(plan).sampled.at(0);
    };
    CudaHand hand(model, KvDtype::kF16, 80);
    StepPlan first, second;
    first.slices = {slice_of(tokens, 0, own, 2)};
    const Ticket one = hand.executor().submit(first);
    tokens.push_back(-1);
    second.slices = {slice_of(prompt, 0, table, 1), slice_of(tokens, 9, own, 2)};
    const Ticket two = hand.executor().submit(second);
    tokens.back() = hand.executor().collect(one).sampled.at(0);
    const StepResult result = hand.executor().collect(two);
    ASSERT_TRUE(result.status.ok());
    EXPECT_EQ(result.sampled.at(0), alone(prompt, table));
    EXPECT_EQ(result.sampled.at(1), alone(tokens, own));
}

TEST(CudaExecutor, GraphsChangeNoBits) {
    const TestModel model(small_config(), {TensorType::kQ4_0, TensorType::kQ8_0}, 5);
    std::mt19937 random(6);
    const auto tokens = random_tokens(21, model.config().vocab_size, random);
    const auto by_graphs = CudaHand(model).logits(tokens, 1, blocks_from(0, 2));
    ::setenv("PITWALL_CUDA_GRAPHS", "off", 1);
    const auto one_by_one = CudaHand(model).logits(tokens, 1, blocks_from(0, 2));
    ::unsetenv("PITWALL_CUDA_GRAPHS");
    EXPECT_EQ(by_graphs, one_by_one);
}

/// A format that it lacks has no room, so that nobody is preempted for it.
TEST(CudaExecutor, AFormatItLacksHasNoRoom) {
    const TestModel model(small_config(), {TensorType::kQ4_0, TensorType::kQ8_0}, 5);
    CudaHand hand(model);
    EXPECT_EQ(hand.executor().kv_capacity(KvDtype::kF32).blocks, 0u);
    EXPECT_EQ(hand.executor().kv_capacity(KvDtype::kF16).blocks, 64u);
    EXPECT_GT(hand.executor().kv_capacity(KvDtype::kInt4).blocks, 64u);
}

TEST(CudaExecutor, SamplesTheTokensOfItsLogits) {
    const TestModel model(small_config(), {TensorType::kQ4_0, TensorType::kQ8_0}, 33);
    std::mt19937 random(34);
    auto tokens = random_tokens(20, model.config().vocab_size, random);
    const auto table = blocks_from(3, 10);
    CudaHand hand(model);
    for (uint32_t first = 0, step = 0; step < 12; ++step) {
        StepPlan plan;
        SequenceSlice slice;
        slice.tokens = std::span<const TokenId>(tokens).subspan(first);
        slice.first_position = first;
        slice.block_table = table;
        slice.history = tokens;
        slice.samples = 1;
        slice.sampling.temperature = step % 2 ? 1e-6f : 0.0f;  // as good as greedy, by way of the draw
        plan.slices.push_back(slice);
        const StepResult result = hand.run(plan);
        ASSERT_EQ(result.sampled.size(), 1u);
        first = static_cast<uint32_t>(tokens.size());
        tokens.push_back(result.sampled[0]);
    }
    const size_t vocab = model.config().vocab_size;
    const auto logits = CudaHand(model).logits(tokens, tokens.size(), table);
    for (size_t t = 19; t + 1 < tokens.size(); ++t) {
        const auto row = logits.begin() + static_cast<std::ptrdiff_t>(t * vocab);
        EXPECT_EQ(std::max_element(row, row + static_cast<std::ptrdiff_t>(vocab)) - row, tokens[t + 1]);
    }
}

/// Picked on the device, the banned left out: what is next best in the logits, and from banned_before on all may be picked.
TEST(CudaExecutor, BannedTokensAreNotSampled) {
    const TestModel model(small_config(), {TensorType::kQ4_0, TensorType::kQ8_0}, 35);
    CudaHand hand(model);
    const std::vector<TokenId> tokens = {1, 2, 3};
    const auto table = blocks_from(0, 1);
    TokenId best = 0;
    const auto pick = [&](const std::vector<TokenId>& banned, uint32_t banned_before) {
        StepPlan plan;
        SequenceSlice slice;
        slice.tokens = slice.history = tokens;
        slice.block_table = table;
        slice.banned = banned;
        slice.banned_before = banned_before;
        slice.samples = 1;
        plan.slices.push_back(slice);
        plan.slices.push_back(slice);
        plan.slices[1].banned = {};
        plan.slices[1].block_table = table;
        const auto sampled = hand.run(plan).sampled;
        EXPECT_EQ(sampled.at(1), best);
        return sampled.at(0);
    };
    const auto logits = hand.logits(tokens, 3, table);
    std::vector<TokenId> order(model.config().vocab_size);
    std::iota(order.begin(), order.end(), 0);
    const float* last = logits.data() + 2 * order.size();
    std::stable_sort(order.begin(), order.end(), [&](TokenId a, TokenId b) { return last[a] > last[b]; });
    best = order[0];
    for (size_t count = 0; count < 6; ++count)
        EXPECT_EQ(pick({order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count)}, 100),
                  order[count]);
    EXPECT_EQ(pick({order.begin(), order.begin() + 4}, 4), order[4]);
    EXPECT_EQ(pick({order.begin(), order.begin() + 4}, 3), order[0]);
}

TEST(CudaExecutor, KvIsConvertedInPlaceBothWays) {
    const TestModel model(small_config(), {TensorType::kQ4_0, TensorType::kQ8_0}, 7);
    std::mt19937 random(9);
    const auto tokens = random_tokens(60, model.config().vocab_size, random);
    const auto table = blocks_from(0, 4), far = blocks_from(17, 4);
    CudaHand hand(model);
    hand.logits(tokens, 60, far);
    const auto want = hand.logits(tokens, 60, table);
    std::vector<BlockId> holding = table;
    holding.insert(holding.end(), far.begin(), far.end());
    const auto last_row =
        [&](const std::vector<BlockId>& blocks) {  // computed again from the cache before it
            StepPlan plan;
            std::vector<float> row(model.config().vocab_size);
            SequenceSlice slice;
            slice.tokens = std::span(tokens).last(1);
            slice.history = tokens;
            slice.first_position = 59;
            slice.block_table = blocks;
            slice.logits_out = row;
            plan.slices.push_back(slice);
            EXPECT_TRUE(hand.run(plan).status.ok());
            return std::vector<double>(row.begin(), row.end());
        };
    const std::vector<float> want_row(want.end() - model.config().vocab_size, want.end());
    for (const KvDtype dtype : {KvDtype::kInt8, KvDtype::kBf16, KvDtype::kFp8, KvDtype::kF16}) {
        const Status status = hand.executor().convert_kv(dtype, 64, holding);
        ASSERT_TRUE(status.ok()) << status.error().text();
        EXPECT_EQ(hand.executor().kv_cache_dtype(), dtype);
        EXPECT_EQ(last_row(table), last_row(far));
        EXPECT_LT(relative_error(want_row, last_row(table)), 0.1);
    }
    EXPECT_FALSE(hand.executor().convert_kv(KvDtype::kF32, 8, {}).ok());
    EXPECT_EQ(hand.executor().kv_cache_dtype(), KvDtype::kF16);
}

/// In pieces, with KV beside the pool, in the pool's format and in others.
TEST(CudaExecutor, TextsAreScoredBesideThePool) {
    const TestModel model(small_config(), {TensorType::kQ4_0, TensorType::kQ8_0}, 7);
    std::mt19937 random(9);
    const size_t vocab = model.config().vocab_size;
    const auto tokens = random_tokens(40, model.config().vocab_size, random);
    for (const KvDtype dtype : {KvDtype::kF16, KvDtype::kInt8}) {
        const auto want = CudaHand(model, dtype).logits(tokens, 40, blocks_from(3, 4));
        CudaHand hand(model);
        const auto others = hand.logits(tokens, 40, blocks_from(9, 4));
        EXPECT_EQ(hand.executor().side_tokens(), 256u);
        std::vector<float> got(want.size(), -1), expected = got;
        std::vector<float*> rows(40, nullptr);
        for (const size_t row : {0u, 19u, 20u, 39u}) {
            rows[row] = got.data() + row * vocab;
            std::copy_n(want.begin() + static_cast<std::ptrdiff_t>(row * vocab), vocab,
                        expected.begin() + static_cast<std::ptrdiff_t>(row * vocab));
        }
        for (const uint32_t first : {0u, 20u}) {
            const Status status =
                hand.executor().score_beside(dtype, std::span(tokens).subspan(first, 20), first,
                                             std::span<float* const>(rows).subspan(first, 20));
            EXPECT_TRUE(status.ok());
        }
        EXPECT_EQ(got, expected);
        EXPECT_EQ(hand.logits(tokens, 40, blocks_from(9, 4)), others);
    }
}

TEST(CudaExecutor, WhatItCannotDoIsSaid) {
    const TestModel odd(odd_config(), {}, 1);
    const auto made = make_cuda_executor(*pitwall_cuda_plugin(), odd, options_of(odd, KvDtype::kF16, 4));
    ASSERT_FALSE(made.ok());
    EXPECT_NE(made.error().text().find("heads of 12 values"), std::string::npos) << made.error().text();
    TestModel damaged(small_config(), {TensorType::kQ4_0, TensorType::kQ8_0}, 2);
    damaged.layers_[1].up.rows = 3;
    const auto broken =
        make_cuda_executor(*pitwall_cuda_plugin(), damaged, options_of(damaged, KvDtype::kF16, 4));
    ASSERT_FALSE(broken.ok());
    EXPECT_NE(broken.error().text().find("blk.1.ffn_up"), std::string::npos) << broken.error().text();
    const TestModel model(small_config(), {TensorType::kQ4_0, TensorType::kQ8_0}, 2);
    CudaOptions options = options_of(model, KvDtype::kF16, 4);
    options.devices = {9};
    EXPECT_FALSE(make_cuda_executor(*pitwall_cuda_plugin(), model, options).ok());
    cuda::abi::Plugin other = *pitwall_cuda_plugin();
    other.build_id = "of another day";
    EXPECT_TRUE(check_cuda_plugin(pitwall_cuda_plugin(), "this").ok());
    EXPECT_FALSE(check_cuda_plugin(&other, "that").ok());
    EXPECT_FALSE(check_cuda_plugin(nullptr, "none").ok());
}

/// An interrupted copy leaves such a file, and the loader would end the program where it is read.
TEST(CudaPluginFile, OneThatIsCutShortIsRefused) {
    const auto whole =
        std::filesystem::canonical("/proc/self/exe");  // a library's file is as an ELF program's
    EXPECT_TRUE(check_plugin_file(whole.string()).ok());
    const auto folder = std::filesystem::temp_directory_path() / fmt::format("pitwall-cut-{}", ::getpid());
    std::filesystem::create_directory(folder);
    const auto cut = folder / "pitwall-cuda.so";
    std::filesystem::copy_file(whole, cut);
    std::filesystem::resize_file(cut, std::filesystem::file_size(cut) / 2);
    const Status status = check_plugin_file(cut.string());
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.error().text().find("is cut short"), std::string::npos) << status.error().text();
    std::filesystem::resize_file(cut, 7);
    EXPECT_TRUE(check_plugin_file(cut.string()).ok()) << "no ELF: the loader has words for it";
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace pitwall::engine
