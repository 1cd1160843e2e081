// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "engine/exec/cpu/packed_matrix.h"
#include "engine/exec/cpu/product.h"
#include "engine/model/model.h"

namespace pitwall::engine::cpu {

/// One layer, matrices and the products that read them.
struct PackedLayer {
    std::vector<float> attn_norm, ffn_norm;  ///< [hidden, filled up to a panel with zeros]
    PackedMatrix q, k, v, attn_output, gate, up, down;
    Product qkv, output, gate_up, ffn_down;
};

/// All weights as laid out for the kernels: the one resident copy. The model's own pages are let go as it is made.
struct PackedModel {
    ModelConfig config;
    /// All matrices, in the order in which they are read: huge pages are for large buffers, and hold many small matrices.
    PageBuffer weights;
    PackedMatrix embedding;
    std::optional<PackedMatrix> separate_head;  ///< none where it is the embedding
    std::vector<float> output_norm;
    std::vector<PackedLayer> layers;
    Product head;
    /// Where K and V begin in a row of the q|k|v product.
    uint32_t k_column = 0, v_column = 0, qkv_columns = 0;

    uint64_t bytes() const;
    uint64_t layer_bytes() const;  ///< of the layers' matrices: what a step reads whatever it samples
};

using LoadProgress = std::function<void(uint64_t done_bytes, uint64_t total_bytes)>;

/// Checks every shape against the configuration, then repacks, over all threads of `pool`.
Result<std::unique_ptr<PackedModel>> pack_model(const Model& model, ThreadPool& pool,
                                                const LoadProgress& progress);

}  // namespace pitwall::engine::cpu
