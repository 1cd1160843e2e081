// SPDX-License-Identifier: GPL-3.0-or-later
//
// The whole executor, through the plug-in's table, as the engine uses it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/exec/cuda/cuda_executor.h"
#include "engine/exec/cuda/plugin/abi.h"
#include "engine/kv/kv_format.h"
#include "tests/engine/exec/executor_hand.h"
#include "tests/engine/exec/test_model.h"

namespace pitwall::engine {
namespace {

using telemetry::KvDtype;

ModelConfig small_config() {
    ModelConfig c;
    c.num_layers = 2, c.hidden_size = 96, c.num_heads = 6, c.num_kv_heads = 2, c.head_dim = 32;
    c.intermediate_size = 160;
    c.vocab_size = 83, c.max_context_tokens = 4096, c.tied_embeddings = false;
    return c;
}

CudaOptions options_of(const Model& model, KvDtype dtype, uint32_t blocks) {
    CudaOptions options;
    options.kv_cache_dtype = dtype;
    options.kv_cache_memory_bytes = blocks * kv_bytes_per_block(dtype, model.config());
    return options;
}

class CudaHand : public ExecutorHand {
  public:
    explicit CudaHand(const Model& model, KvDtype dtype = KvDtype::kF16, uint32_t blocks = 64)
        : ExecutorHand(make_cuda_executor(*pitwall_cuda_plugin(), model, options_of(model, dtype, blocks)),
                       blocks) {}
};

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

/// The first invariant: fed in any pieces, from any blocks, in any company, a row's logits have the same bits.
TEST(CudaExecutor, BitsDependOnTheRequestAlone) {
    const TestModel model(small_config(), {TensorType::kQ4_0, TensorType::kQ8_0}, 5);
    std::mt19937 random(6);
    const auto tokens = random_tokens(70, model.config().vocab_size, random);
    const auto want = CudaHand(model).logits(tokens, tokens.size(), blocks_from(0, 5));
    for (const size_t chunk : {1u, 7u, 16u, 33u})
        EXPECT_EQ(CudaHand(model).logits(tokens, chunk, blocks_from(20, 5)), want) << chunk;
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
        slice.sampling.temperature =
            step % 2 ? 1e-6f : 0.0f;  // as good as greedy, by way of the host's sampler
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

}  // namespace
}  // namespace pitwall::engine
