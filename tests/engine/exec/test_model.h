// SPDX-License-Identifier: GPL-3.0-or-later
//
// Small models in memory, and a slow reference of the whole forward pass.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/model/model.h"
#include "telemetry/base/ids.h"
#include "tests/engine/exec/random_weights.h"

namespace pitwall::engine {

std::vector<TokenId> random_tokens(size_t count, uint32_t vocab, std::mt19937& random);

/// A model of random weights in given storage types.
class TestModel final : public Model {
  public:
    struct Types {
        TensorType layers = TensorType::kF32, head = TensorType::kF32;
    };
    TestModel(const ModelConfig& config, Types types, uint32_t seed, bool damaged = false);

    const ModelConfig& config() const override { return config_; }
    const TensorView& embedding() const override { return embedding_; }
    const TensorView& output_head() const override { return config_.tied_embeddings ? embedding_ : head_; }
    const TensorView& output_norm() const override { return norm_; }
    const LayerWeights& layer(uint32_t index) const override { return layers_[index]; }
    const Vocabulary& vocabulary() const override { return vocabulary_; }
    std::string_view path() const override { return "test"; }
    std::string_view sha256() const override { return ""; }
    uint64_t weight_bytes() const override { return weight_bytes_; }
    std::string format_summary() const override { return "test"; }

    std::vector<LayerWeights> layers_;  ///< open to tests that break one

  private:
    TensorView add(TensorType type, uint32_t rows, uint32_t columns, float size, std::mt19937& random);

    ModelConfig config_;
    bool damaged_;
    std::vector<std::unique_ptr<std::vector<std::byte>>> storage_;
    TensorView embedding_, head_, norm_;
    Vocabulary vocabulary_;
    uint64_t weight_bytes_ = 0;
};

/// Odd sizes on purpose: rows that fill no panel, a head dimension that fills no vector, groups of three heads.
ModelConfig odd_config();
/// Sizes that every storage type can hold.
ModelConfig even_config();

/// [tokens, vocab] logits of one sequence in float64, K and V rounded to binary16 as the executor stores them.
std::vector<double> reference_logits(const Model& model, const std::vector<TokenId>& tokens);

}  // namespace pitwall::engine
