// SPDX-License-Identifier: GPL-3.0-or-later
//
// One executor over several emulated GPUs, through the plug-in's table, as the engine uses it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <utility>
#include <vector>

#include "engine/exec/cuda/cuda_executor.h"
#include "engine/exec/cuda/cuda_library.h"
#include "engine/exec/cuda/executor/pack_matrix.h"
#include "engine/exec/cuda/plugin/abi.h"
#include "engine/kv/kv_format.h"
#include "tests/engine/exec/cuda/cuda_hand.h"
#include "tests/engine/exec/cuda/device_array.h"
#include "tests/engine/exec/cuda/emulated_gpus.h"
#include "tests/engine/exec/executor_hand.h"
#include "tests/engine/exec/test_model.h"
#include "tests/storm.h"

namespace pitwall::engine {
namespace {

using cuda::relative_error;
using telemetry::KvDtype;

constexpr uint32_t kBlocks = 64;
constexpr KvDtype kFormats[] = {KvDtype::kF16,  KvDtype::kBf16, KvDtype::kFp8,
                                KvDtype::kInt8, KvDtype::kK8V4, KvDtype::kInt4};

/// Can be shared by four, in every storage type; their shares of 64 columns cut blocks of 256, but no group of 32. The last rank
/// has fewer of the 101 logits.
ModelConfig shared_config() {
    ModelConfig c;
    c.num_layers = 2, c.hidden_size = 256, c.num_heads = 8, c.num_kv_heads = 4, c.head_dim = 32;
    c.intermediate_size = 256;
    c.vocab_size = 101, c.max_context_tokens = 512, c.tied_embeddings = false;
    return c;
}

/// Of all its shares, each filled up to whole tiles.
uint64_t head_bytes(uint32_t ranks) {
    const ModelConfig c = shared_config();
    const uint32_t each = (c.vocab_size + ranks - 1) / ranks;
    return ranks * cuda::packed_bytes(cuda::MatrixFormat::kByte, each, c.hidden_size);
}

class ParallelExecution : public cuda::EmulatedGpus {
  protected:
    static CudaOptions options_of(const Model& model, uint32_t ranks, KvDtype dtype) {
        CudaOptions options;
        options.devices.clear();
        for (uint32_t i = 0; i < ranks; ++i) options.devices.push_back(i);
        options.kv_cache_dtype = dtype;
        options.kv_cache_memory_bytes = kBlocks * kv_bytes_per_block(dtype, model.config());
        return options;
    }
    static ExecutorHand hand_of(const Model& model, uint32_t ranks, KvDtype dtype = KvDtype::kF16) {
        return {make_cuda_executor(*pitwall_cuda_plugin(), model, options_of(model, ranks, dtype)), kBlocks};
    }
    std::vector<TokenId> tokens_of(size_t count) {
        return random_tokens(count, shared_config().vocab_size, random_);
    }

    TestModel model_{shared_config(), {TensorType::kQ4_0, TensorType::kQ8_0}, 5};
    std::mt19937 random_{6};
};

TEST_F(ParallelExecution, LogitsAgreeWithFloat64InEveryStorageType) {
    const auto tokens = tokens_of(19);
    for (const TensorType type : kAllTypes) {
        SCOPED_TRACE(tensor_type_name(type));
        const TestModel model(shared_config(), {type, type}, 32);
        const auto want = reference_logits(model, tokens);
        const bool bfloats = type == TensorType::kBF16;
        const auto error_on = [&](uint32_t ranks) {
            ExecutorHand hand = hand_of(model, ranks, bfloats ? KvDtype::kBf16 : KvDtype::kF16);
            return relative_error(hand.logits(tokens, 19, blocks_from(0, 2)), want);
        };
        const double alone = error_on(1);
        EXPECT_LT(alone, bfloats ? 3e-2 : 8e-3);
        for (const uint32_t ranks : {2u, 4u}) EXPECT_LT(error_on(ranks), 1.1 * alone) << ranks;
    }
}

/// A row's scale is that of the whole row, whoever has which of its columns: the same weights, however many share them.
TEST_F(ParallelExecution, Float8WeightsAreThoseOfOneGpu) {
    const auto tokens = tokens_of(19);
    const TestModel model(shared_config(), {TensorType::kBF16, TensorType::kF16}, 32);
    const auto logits_on = [&](uint32_t ranks) {
        CudaOptions options = options_of(model, ranks, KvDtype::kF16);
        options.weight_dtype = presets::WeightDtype::kFp8;
        ExecutorHand hand(make_cuda_executor(*pitwall_cuda_plugin(), model, options), kBlocks);
        return hand.logits(tokens, 19, blocks_from(0, 2));
    };
    const auto alone = logits_on(1);
    for (const uint32_t ranks : {2u, 4u}) EXPECT_LT(relative_error(logits_on(ranks), alone), 8e-3) << ranks;
}

TEST_F(ParallelExecution, ATiedHeadIsSharedToo) {
    ModelConfig config = shared_config();
    config.tied_embeddings = true;
    const TestModel model(config, {TensorType::kQ8_0, TensorType::kF16}, 32);
    const auto tokens = tokens_of(19);
    EXPECT_LT(relative_error(hand_of(model, 4).logits(tokens, 19, blocks_from(0, 2)),
                             reference_logits(model, tokens)),
              4e-3);
}

TEST_F(ParallelExecution, EveryKvFormatGivesWhatOneGpuGives) {
    const auto tokens = tokens_of(40);
    for (const KvDtype dtype : kFormats) {
        const auto want = hand_of(model_, 1, dtype).logits(tokens, 40, blocks_from(0, 3));
        const auto got = hand_of(model_, 2, dtype).logits(tokens, 40, blocks_from(0, 3));
        EXPECT_LT(relative_error(got, want), 1e-2) << static_cast<int>(dtype);
    }
}

/// The first invariant: fed in any pieces, from any blocks, a row's logits have the same bits.
TEST_F(ParallelExecution, BitsDependOnTheRequestAlone) {
    const auto tokens = tokens_of(70);
    for (const auto& [ranks, chunks] : {std::pair(2u, std::vector{1u, 33u}), {4u, {7u}}}) {
        const auto want = hand_of(model_, ranks).logits(tokens, tokens.size(), blocks_from(0, 5));
        for (const uint32_t chunk : chunks)
            EXPECT_EQ(hand_of(model_, ranks).logits(tokens, chunk, blocks_from(20, 5)), want) << chunk;
    }
}

/// As if there were one: room for as many blocks, of the same bytes; operations and what is touched add up.
TEST_F(ParallelExecution, BytesAndWorkAreThoseOfAllTogether) {
    const auto tokens = tokens_of(20);
    const auto step = [&](ExecutorHand& hand) {
        SequenceSlice slice;
        slice.tokens = slice.history = tokens;
        const auto table = blocks_from(0, 2);
        slice.block_table = table;
        slice.samples = 1;
        return hand.run({StepId{}, {}, {slice}});
    };
    ExecutorHand one = hand_of(model_, 1), four = hand_of(model_, 4);
    for (const KvDtype dtype : kFormats) {
        const KvCapacity want = one.executor().kv_capacity(dtype), got = four.executor().kv_capacity(dtype);
        EXPECT_EQ(got.bytes_per_block, want.bytes_per_block);
        EXPECT_EQ(got.blocks, want.blocks);
    }
    EXPECT_EQ(four.executor().capacity_blocks(), kBlocks);
    EXPECT_EQ(four.executor().kv_capacity(KvDtype::kF32).blocks, 0u);
    EXPECT_TRUE(four.executor().resize_pool(kBlocks).ok());
    EXPECT_FALSE(four.executor().resize_pool(kBlocks + 1).ok());
    const StepResult want = step(one), got = step(four);
    EXPECT_DOUBLE_EQ(got.flops, want.flops);
    EXPECT_DOUBLE_EQ(got.bytes - static_cast<double>(head_bytes(4)),
                     want.bytes - static_cast<double>(head_bytes(1)));
}

/// Each has its share of the layers and of the head, and a whole embedding.
TEST_F(ParallelExecution, WeightsAreShared) {
    const ModelConfig c = shared_config();
    const uint64_t norms = (2 * c.num_layers + 1) * c.hidden_size * sizeof(float);
    const uint64_t everybodys = head_bytes(1) + norms;  // the embedding has the head's shape
    const uint64_t layers = hand_of(model_, 1).executor().weight_bytes() - everybodys - head_bytes(1);
    for (const uint32_t ranks : {2u, 4u})
        EXPECT_EQ(hand_of(model_, ranks).executor().weight_bytes(),
                  layers + head_bytes(ranks) + ranks * everybodys);
}

std::vector<Decoding> some_sequences() {
    std::mt19937 random(8);
    std::vector<Decoding> sequences;
    for (uint32_t i = 0; i < 3; ++i) {
        Decoding d{RequestId{i + 1}, random_tokens(5 + 17 * i, 101, random), blocks_from(10 * i, 10), {}, 0};
        d.tokens.reserve(200);  // spans of them stay valid while a plan is in flight
        if (i == 1) d.sampling = {.temperature = 1, .repetition_penalty = 1.5f, .seed = 3};
        if (i == 2) d.sampling = {.temperature = 1.5f, .top_k = 30, .top_p = 0.9f, .seed = 4};
        sequences.push_back(std::move(d));
    }
    return sequences;
}

StepPlan plan_of(std::vector<Decoding>& sequences) {
    StepPlan plan;
    for (Decoding& d : sequences) plan.slices.push_back(d.next());
    return plan;
}

TEST_F(ParallelExecution, TwoPlansInFlightGiveTheTokensOfOne) {
    constexpr uint32_t kSteps = 7;
    auto alone = some_sequences(), overlapped = some_sequences();
    ExecutorHand first = hand_of(model_, 2);
    for (uint32_t step = 0; step < kSteps; ++step) {
        const StepResult result = first.run(plan_of(alone));
        for (size_t i = 0; i < alone.size(); ++i) alone[i].tokens.push_back(result.sampled.at(i));
    }
    ExecutorHand second = hand_of(model_, 2);
    Executor& executor = second.executor();
    Ticket before = executor.submit(plan_of(overlapped));
    for (uint32_t step = 1; step <= kSteps; ++step) {
        for (Decoding& d : overlapped) d.tokens.push_back(-1);
        const Ticket next = step < kSteps ? executor.submit(plan_of(overlapped)) : before;
        const StepResult result = executor.collect(before);
        ASSERT_TRUE(result.status.ok()) << result.status.error().text();
        for (size_t i = 0; i < overlapped.size(); ++i) *overlapped[i].tokens.rbegin() = result.sampled.at(i);
        before = next;
    }
    for (size_t i = 0; i < alone.size(); ++i) EXPECT_EQ(overlapped[i].tokens, alone[i].tokens) << i;
}

TEST_F(ParallelExecution, KvIsConvertedInPlaceBothWays) {
    const auto tokens = tokens_of(60);
    const size_t vocab = shared_config().vocab_size;
    const auto table = blocks_from(0, 4), far = blocks_from(17, 4);
    ExecutorHand hand = hand_of(model_, 2);
    hand.logits(tokens, 60, far);
    const auto want = hand.logits(tokens, 60, table);
    const std::vector<float> want_row(want.end() - static_cast<std::ptrdiff_t>(vocab), want.end());
    std::vector<BlockId> holding = table;
    holding.insert(holding.end(), far.begin(), far.end());
    const auto last_row = [&](const std::vector<BlockId>& blocks) {  // again, from the cache before it
        std::vector<float> row(vocab);
        SequenceSlice slice;
        slice.tokens = std::span(tokens).last(1);
        slice.history = tokens;
        slice.first_position = 59;
        slice.block_table = blocks;
        slice.logits_out = row;
        EXPECT_TRUE(hand.run({StepId{}, {}, {slice}}).status.ok());
        return row;
    };
    for (const KvDtype dtype : {KvDtype::kInt8, KvDtype::kBf16, KvDtype::kFp8, KvDtype::kF16}) {
        const Status status = hand.executor().convert_kv(dtype, kBlocks, holding);
        ASSERT_TRUE(status.ok()) << status.error().text();
        EXPECT_EQ(last_row(table), last_row(far));
        EXPECT_LT(relative_error(last_row(table), want_row), 0.1);
    }
}

/// In pieces, with KV beside the pool.
TEST_F(ParallelExecution, TextsAreScoredBesideThePool) {
    const auto tokens = tokens_of(40);
    const size_t vocab = shared_config().vocab_size;
    const auto want = hand_of(model_, 2, KvDtype::kInt8).logits(tokens, 40, blocks_from(3, 4));
    ExecutorHand hand = hand_of(model_, 2);
    std::vector<float> got(want.size(), -1);
    std::vector<float*> rows;
    for (size_t row = 0; row < 40; ++row) rows.push_back(got.data() + row * vocab);
    for (const uint32_t first : {0u, 20u})
        EXPECT_TRUE(hand.executor()
                        .score_beside(KvDtype::kInt8, std::span(tokens).subspan(first, 20), first,
                                      std::span<float* const>(rows).subspan(first, 20))
                        .ok());
    EXPECT_EQ(got, want);
}

/// Sums of the ranks by a library, and products where it takes them; then the old bits again.
TEST_F(ParallelExecution, TheFastModeAgreesWithFloat64AndGivesTheOldBitsBack) {
    ModelConfig config = shared_config();
    config.num_layers = 1;
    const TestModel model(config, {TensorType::kF16, TensorType::kF16}, 32);
    const auto tokens = tokens_of(kSanitized ? 30 : 130);
    const auto table = blocks_from(0, 9);
    ExecutorHand hand = hand_of(model, 4);
    const auto exact = hand.logits(tokens, tokens.size(), table);
    ASSERT_TRUE(hand.executor().set_batch_invariant(false).ok());
    EXPECT_LT(relative_error(hand.logits(tokens, tokens.size(), table), reference_logits(model, tokens)),
              4e-3);
    ASSERT_TRUE(hand.executor().set_batch_invariant(true).ok());
    EXPECT_EQ(hand.logits(tokens, tokens.size(), table), exact);
}

TEST_F(ParallelExecution, ItSaysWhatItRunsOn) {
    EXPECT_EQ(hand_of(model_, 1).executor().device().name, "Emulated GPU");
    EXPECT_EQ(hand_of(model_, 2).executor().device().name, "2 x Emulated GPU");
    EXPECT_EQ(describe_collective_library(*pitwall_cuda_plugin()), "emulated");
    std::vector<cuda::abi::DeviceInfo> several(4);
    const char* const names[] = {"NVIDIA H200", "NVIDIA L40S", "NVIDIA L40S", "NVIDIA H200"};
    for (size_t i = 0; i < 4; ++i) std::snprintf(several[i].name, sizeof several[i].name, "%s", names[i]);
    EXPECT_EQ(cuda_device_names(several), "NVIDIA H200 + 2 x NVIDIA L40S + NVIDIA H200");
}

TEST_F(ParallelExecution, WhatItCannotDoIsSaid) {
    const auto refusal = [&](const CudaOptions& options) {
        const auto made = make_cuda_executor(*pitwall_cuda_plugin(), model_, options);
        return made.ok() ? "" : made.error().text();
    };
    CudaOptions options = options_of(model_, 2, KvDtype::kF16);
    options.devices = {0, 9};
    EXPECT_NE(refusal(options).find("there is no GPU 9"), std::string::npos) << refusal(options);
    options.devices = {0, 1, 2};
    EXPECT_NE(refusal(options).find("its 8 heads cannot be divided by 3"), std::string::npos)
        << refusal(options);
    options.devices = {0, 1};
    options.kv_cache_memory_bytes = 100;
    EXPECT_NE(refusal(options).find("cuda:0: a KV cache of 50 bytes holds no KV block"), std::string::npos)
        << refusal(options);
    ::setenv("PITWALL_NCCL", "off", 1);
    EXPECT_NE(refusal(options).find("PITWALL_NCCL=off"), std::string::npos) << refusal(options);
    EXPECT_EQ(describe_collective_library(*pitwall_cuda_plugin()),
              "none: NCCL is turned off by PITWALL_NCCL=off in the environment");
    ::unsetenv("PITWALL_NCCL");
}

/// What it throws while weights are laid out ends that on all of them, and comes back.
TEST_F(ParallelExecution, LoadingCanBeGivenUp) {
    CudaOptions options = options_of(model_, 4, KvDtype::kF16);
    options.progress = [](uint64_t done, uint64_t total) {
        if (done > total / 2) throw std::runtime_error("enough");
    };
    EXPECT_THROW((void)make_cuda_executor(*pitwall_cuda_plugin(), model_, options), std::runtime_error);
}

}  // namespace
}  // namespace pitwall::engine
