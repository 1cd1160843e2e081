// SPDX-License-Identifier: GPL-3.0-or-later
//
// The whole executor with the layers' floats as E4M3 (weight_dtype=fp8).
#include <gtest/gtest.h>

#include <list>
#include <span>
#include <vector>

#include "tests/engine/exec/cuda/cuda_hand.h"
#include "tests/engine/exec/cuda/matrices.h"
#include "tests/storm.h"

namespace pitwall::engine {
namespace {

using cuda::relative_error;
using presets::WeightDtype;

constexpr TensorType kFloats[] = {TensorType::kF32, TensorType::kF16, TensorType::kBF16};

/// That model, with what its layers' matrices are as E4M3 written out in float32.
class RoundedModel {
  public:
    RoundedModel(const ModelConfig& config, TestModel::Types types, uint32_t seed)
        : model_(config, types, seed) {
        for (LayerWeights& l : model_.layers_)
            for (TensorView* t : {&l.q, &l.k, &l.v, &l.attn_output, &l.gate, &l.up, &l.down}) round(*t);
    }
    const Model& model() const { return model_; }

  private:
    void round(TensorView& tensor) {
        auto& values = storage_.emplace_back(size_t{tensor.rows} * tensor.columns);
        dequantize(tensor.type, tensor.data, values.size(), values.data());
        for (uint32_t row = 0; row < tensor.rows; ++row)
            cuda::round_to_float8(std::span(values).subspan(size_t{row} * tensor.columns, tensor.columns));
        tensor.type = TensorType::kF32;
        tensor.data = reinterpret_cast<const std::byte*>(values.data());
        tensor.bytes = values.size() * sizeof(float);
    }

    TestModel model_;
    std::list<std::vector<float>> storage_;
};

std::vector<float> float8_logits(const Model& model, const std::vector<TokenId>& tokens, size_t chunk,
                                 uint32_t first_block = 0) {
    return CudaHand(model, float8_options(model)).logits(tokens, chunk, blocks_from(first_block, 5));
}

std::vector<TokenId> some_tokens(uint32_t count, const ModelConfig& config) {
    std::mt19937 random(21);
    return random_tokens(count, config.vocab_size, random);
}

/// As near to what E4M3 weights say as any 16-bit weights are to themselves.
TEST(CudaFloat8Model, LogitsAgreeWithFloat64) {
    for (const TensorType type : kFloats) {
        SCOPED_TRACE(tensor_type_name(type));
        const TestModel::Types types{type, TensorType::kF16};
        const auto tokens = some_tokens(19, even_config());
        const RoundedModel rounded(even_config(), types, 32);
        EXPECT_LT(relative_error(float8_logits(TestModel(even_config(), types, 32), tokens, 19),
                                 reference_logits(rounded.model(), tokens)),
                  4e-3);
    }
}

/// Three bits of fraction are off by 2^-4 / sqrt(3) at most in the mean of squares, and these layers pass that on.
TEST(CudaFloat8Model, RoundingCostsWhatThreeBitsOfFractionCost) {
    for (const TensorType type : kFloats) {
        SCOPED_TRACE(tensor_type_name(type));
        const TestModel model(even_config(), {type, TensorType::kF16}, 32);
        const auto tokens = some_tokens(19, even_config());
        const double error =
            relative_error(float8_logits(model, tokens, 19), reference_logits(model, tokens));
        EXPECT_LT(error, 0.1);
        EXPECT_GT(error, 5e-3) << "nothing was rounded";
    }
}

/// The first invariant: fed in any pieces, from any blocks, a row's logits have the same bits.
TEST(CudaFloat8Model, BitsDependOnTheRequestAlone) {
    const TestModel model(small_config(), {TensorType::kBF16, TensorType::kBF16}, 5);
    const auto tokens = some_tokens(70, small_config());
    const auto want = float8_logits(model, tokens, tokens.size());
    for (const size_t chunk : {1u, 7u, 16u, 33u})
        EXPECT_EQ(float8_logits(model, tokens, chunk, 20), want) << chunk;
}

StepResult one_step(ExecutorHand& hand, const std::vector<TokenId>& tokens) {
    const auto table = blocks_from(0, 2);
    SequenceSlice slice;
    slice.tokens = slice.history = tokens;
    slice.block_table = table;
    slice.samples = 1;
    return hand.run({StepId{}, {}, {slice}});
}

/// Bytes of layers halve, but for a scale a row; a step reads so much less.
TEST(CudaFloat8Model, WeightsTakeHalfTheBytes) {
    ModelConfig config = even_config();
    const TestModel model(config, {TensorType::kF16, TensorType::kF16}, 3);
    CudaHand wide(model), narrow(model, float8_options(model));
    EXPECT_EQ(wide.executor().weight_dtype(), WeightDtype::kFile);
    EXPECT_EQ(narrow.executor().weight_dtype(), WeightDtype::kFp8);
    uint64_t values = 0, rows = 0;
    const LayerWeights& l = model.layer(0);
    for (const TensorView* t : {&l.q, &l.k, &l.v, &l.attn_output, &l.gate, &l.up, &l.down}) {
        values += uint64_t{t->rows} * t->columns;
        rows += t->rows;
    }
    const uint64_t saved = config.num_layers * (values - rows * sizeof(float));
    EXPECT_EQ(wide.executor().weight_bytes() - narrow.executor().weight_bytes(), saved);
    const auto tokens = some_tokens(20, config);
    EXPECT_DOUBLE_EQ(one_step(wide, tokens).bytes - one_step(narrow, tokens).bytes,
                     static_cast<double>(saved));
}

/// Float weights that are bfloat16 no more meet binary16.
TEST(CudaFloat8Model, ActivationsAreHalf) {
    const TestModel model(small_config(), {TensorType::kBF16, TensorType::kBF16}, 3);
    using presets::ActivationDtype;
    EXPECT_EQ(CudaHand(model).executor().activation_dtype(), ActivationDtype::kBf16);
    CudaHand hand(model, float8_options(model));
    EXPECT_EQ(hand.executor().activation_dtype(), ActivationDtype::kF16);
    EXPECT_FALSE(hand.executor().set_activation_dtype(ActivationDtype::kBf16).ok());
}

TEST(CudaFloat8Model, CodesOfTheFileStay) {
    const TestModel model(small_config(), {TensorType::kQ4_0, TensorType::kQ8_0}, 5);
    const auto tokens = some_tokens(20, small_config());
    CudaHand as_stored(model), asked(model, float8_options(model));
    EXPECT_EQ(asked.executor().weight_dtype(), WeightDtype::kFile) << "nothing became E4M3";
    EXPECT_EQ(asked.executor().weight_bytes(), as_stored.executor().weight_bytes());
    EXPECT_EQ(asked.logits(tokens, 20, blocks_from(0, 2)), as_stored.logits(tokens, 20, blocks_from(0, 2)));
}

/// Unpacked for a library, as codes are; and the old bits again.
TEST(CudaFloat8Model, TheFastModeAgrees) {
    if (kSanitized) GTEST_SKIP() << "hundreds of tokens, emulated and sanitized, take a minute";
    const ModelConfig config = shallow_config();
    const TestModel model(config, {TensorType::kF16, TensorType::kF16}, 5);
    const auto tokens = some_tokens(300, config);
    const auto table = blocks_from(0, 19);
    CudaHand hand(model, float8_options(model));
    const auto exact = hand.logits(tokens, 300, table);
    ASSERT_TRUE(hand.executor().set_batch_invariant(false).ok());
    const auto fast = hand.logits(tokens, 300, table);
    EXPECT_LT(relative_error(fast, exact), 4e-3);
    ASSERT_TRUE(hand.executor().set_batch_invariant(true).ok());
    EXPECT_EQ(hand.logits(tokens, 300, table), exact);
}

}  // namespace
}  // namespace pitwall::engine
