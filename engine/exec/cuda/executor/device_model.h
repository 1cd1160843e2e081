// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/exec/cuda/executor/model_share.h"
#include "engine/exec/cuda/executor/pack_matrix.h"
#include "engine/exec/cuda/kernels/matrix.h"
#include "engine/exec/cuda/plugin/abi.h"
#include "engine/exec/cuda/runtime/runtime.h"
#include "engine/model/model_config.h"

namespace pitwall::cuda {

struct DeviceLayer {
    const float *attn_norm, *ffn_norm;  ///< [hidden]
    DeviceMatrix qkv;                   ///< queries of all heads, then keys, then values
    DeviceMatrix output, gate_up, down;
};

/// All weights that a rank has, in its device's memory, as laid out for the kernels.
struct DeviceModel {
    ModelShare share;
    engine::ModelConfig config;    ///< of the share
    DeviceMatrix embedding, head;  ///< the same where tied and not shared
    const float* output_norm;
    std::vector<DeviceLayer> layers;
    uint64_t bytes = 0;
    std::vector<DeviceMemory> memory;

    uint32_t q_columns() const { return config.num_heads * config.head_dim; }
    uint32_t qkv_columns() const { return q_columns() + 2 * config.num_kv_heads * config.head_dim; }
    uint32_t head_columns() const { return logits_each(config.vocab_size, share.ranks); }
};

/// False: no more is wanted.
using LoadProgress = std::function<bool(uint64_t done_bytes, uint64_t total_bytes)>;

/// Shapes were checked before (engine/model/check_shapes.h, check_ranks.h). `dtype`: of the layers' matrices.
Result<DeviceModel> load_model(const abi::Model& model, const ModelShare& share, WeightDtype dtype,
                               Stream& stream, const LoadProgress& progress);

}  // namespace pitwall::cuda
