// SPDX-License-Identifier: GPL-3.0-or-later
//
// What one of several ranks has of a model, cut as in Megatron-LM (Shoeybi et al. 2019): whole heads of q, k and v, and as many
// rows of gate and up; of the attention's output and of down the columns that meet them, so that the ranks' products add up to
// the whole one. The vocabulary's matrix is cut by rows. Embedding and norms are everybody's.
#pragma once

#include <cstdint>

#include "engine/exec/cuda/executor/pack_matrix.h"
#include "engine/model/model.h"
#include "engine/model/model_config.h"

namespace pitwall::cuda {

struct ModelShare {
    uint32_t rank = 0, ranks = 1;
};

/// The shape of a share, which is that of a smaller model; vocabulary and hidden size stay. What is cut can be divided
/// (check_ranks.h).
engine::ModelConfig config_of(const engine::ModelConfig& whole, const ModelShare& share);

engine::TensorView rows_of(const engine::TensorView& tensor, const ModelShare& share);
ColumnRange columns_of(const engine::TensorView& tensor, const ModelShare& share);

/// Logits that a rank computes: the last may have fewer.
constexpr uint32_t logits_each(uint32_t vocab, uint32_t ranks) { return (vocab + ranks - 1) / ranks; }
engine::TensorView head_rows_of(const engine::TensorView& head, const ModelShare& share);

}  // namespace pitwall::cuda
