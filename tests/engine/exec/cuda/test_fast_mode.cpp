// SPDX-License-Identifier: GPL-3.0-or-later
//
// The whole executor with batch_invariant off, and on again.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "engine/exec/cuda/cuda_executor.h"
#include "engine/exec/cuda/cuda_library.h"
#include "engine/exec/cuda/plugin/abi.h"
#include "engine/kv/kv_format.h"
#include "tests/engine/exec/executor_hand.h"
#include "tests/engine/exec/test_model.h"
#include "tests/storm.h"

namespace pitwall::engine {
namespace {

using telemetry::KvDtype;

constexpr uint32_t kBlocks = 160;

ModelConfig short_config() {
    ModelConfig c = even_config();
    c.num_layers = 1, c.hidden_size = 64, c.num_heads = 2, c.num_kv_heads = 1, c.head_dim = 32;
    c.intermediate_size = 96;
    return c;
}

class Hand : public ExecutorHand {
  public:
    explicit Hand(const Model& model) : ExecutorHand(made(model), kBlocks) {}

  private:
    static Result<std::unique_ptr<Executor>> made(const Model& model) {
        CudaOptions options;
        options.kv_cache_memory_bytes = kBlocks * kv_bytes_per_block(KvDtype::kF16, model.config());
        return make_cuda_executor(*pitwall_cuda_plugin(), model, options);
    }
};

bool has_library() { return !describe_matrix_library(*pitwall_cuda_plugin()).starts_with("none"); }

double relative_error(const std::vector<float>& got, const std::vector<double>& want) {
    double difference = 0, size = 0;
    for (size_t i = 0; i < want.size(); ++i) {
        difference += std::pow(static_cast<double>(got[i]) - want[i], 2);
        size += want[i] * want[i];
    }
    return std::sqrt(difference / size);
}

/// Enough tokens at once for the library to be asked.
class CudaFastMode : public testing::Test {
  protected:
    static constexpr size_t kTokens = 260;
    std::vector<float> logits(Hand& hand, size_t chunk = kTokens) {
        return hand.logits(tokens_, chunk, blocks_from(0, kTokens / kBlockTokens + 1));
    }
    std::mt19937 random_{21};
    std::vector<TokenId> tokens_ = random_tokens(kTokens, even_config().vocab_size, random_);
};

TEST_F(CudaFastMode, AgreesWithFloat64AndGivesTheOldBitsBack) {
    if (!has_library()) GTEST_SKIP() << describe_matrix_library(*pitwall_cuda_plugin());
    const std::vector<TensorType> types =
        kSanitized ? std::vector{TensorType::kQ4_0}
                   : std::vector{TensorType::kQ4_0, TensorType::kQ8_0, TensorType::kF16, TensorType::kBF16};
    for (const TensorType type : types) {
        SCOPED_TRACE(tensor_type_name(type));
        const TestModel model(short_config(), {type, type}, 32);
        Hand hand(model);
        Executor& executor = hand.executor();
        const auto exact = logits(hand);
        const uint64_t scratch = executor.activation_bytes(), weights = executor.weight_bytes();
        ASSERT_TRUE(executor.set_batch_invariant(false).ok());
        EXPECT_FALSE(executor.batch_invariant());
        EXPECT_GT(executor.activation_bytes(), scratch);
        EXPECT_EQ(executor.weight_bytes() > weights, type == TensorType::kF16 || type == TensorType::kBF16);
        const auto fast = logits(hand);
        EXPECT_LT(relative_error(fast, reference_logits(model, tokens_)),
                  type == TensorType::kBF16 ? 3e-2 : 4e-3);
        EXPECT_NE(fast, exact) << "the library was not asked";
        EXPECT_EQ(logits(hand, 100), exact) << "few tokens go the old way";
        ASSERT_TRUE(executor.set_batch_invariant(true).ok());
        EXPECT_EQ(logits(hand), exact);
        EXPECT_EQ(executor.activation_bytes(), scratch);
        EXPECT_EQ(executor.weight_bytes(), weights);
    }
}

/// Where there is no library, nothing is faster, and nothing else is different.
TEST_F(CudaFastMode, GoesOnWithoutTheLibrary) {
    const TestModel model(short_config(), {TensorType::kQ4_0, TensorType::kQ8_0}, 5);
    Hand hand(model);
    const auto exact = logits(hand);
    const uint64_t scratch = hand.executor().activation_bytes();
    ::setenv("PITWALL_CUBLASLT", "off", 1);
    const std::string words = describe_matrix_library(*pitwall_cuda_plugin());
    const Status status = hand.executor().set_batch_invariant(false);
    ::unsetenv("PITWALL_CUBLASLT");
    EXPECT_EQ(words, "none: turned off by PITWALL_CUBLASLT=off in the environment");
    EXPECT_TRUE(status.ok());
    EXPECT_FALSE(hand.executor().batch_invariant());
    EXPECT_EQ(hand.executor().activation_bytes(), scratch);
    EXPECT_EQ(logits(hand), exact);
}

/// A decode step of 128 sequences is the shortest that a graph may have a library's products in.
class CudaFastGraphs : public testing::Test {
  protected:
    static constexpr uint32_t kSequences = 128;
    /// Logits of such a step: each sequence has one token, at position 0 of a block of its own.
    std::vector<float> step(Hand& hand) {
        const size_t vocab = model_.config().vocab_size;
        std::vector<float> logits(kSequences * vocab);
        StepPlan plan;
        for (uint32_t i = 0; i < kSequences; ++i) {
            SequenceSlice slice;
            slice.request = RequestId{i + 1};
            slice.tokens = slice.history = std::span(tokens_).subspan(i, 1);
            slice.block_table = std::span(blocks_).subspan(i, 1);
            slice.samples = 1;
            slice.logits_out = std::span(logits).subspan(i * vocab, vocab);
            plan.slices.push_back(slice);
        }
        const Status status = hand.run(plan).status;
        EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().text());
        return logits;
    }

    TestModel model_{even_config(), {TensorType::kF16, TensorType::kF16}, 32};
    std::mt19937 random_{22};
    std::vector<TokenId> tokens_ = random_tokens(kSequences, model_.config().vocab_size, random_);
    std::vector<BlockId> blocks_ = blocks_from(0, kSequences);
};

TEST_F(CudaFastGraphs, AreNotMixedWithThoseOfTheOtherMode) {
    if (!has_library()) GTEST_SKIP() << describe_matrix_library(*pitwall_cuda_plugin());
    Hand hand(model_);
    const auto exact = step(hand);
    EXPECT_EQ(step(hand), exact);
    for (int round = 0; round < 2; ++round) {
        ASSERT_TRUE(hand.executor().set_batch_invariant(false).ok());
        const auto fast = step(hand);
        EXPECT_NE(fast, exact);
        EXPECT_EQ(step(hand), fast) << "captured";
        EXPECT_EQ(step(hand), fast) << "launched";
        ASSERT_TRUE(hand.executor().set_batch_invariant(true).ok());
        EXPECT_EQ(step(hand), exact);
    }
}

}  // namespace
}  // namespace pitwall::engine
