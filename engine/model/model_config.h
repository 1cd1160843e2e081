// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

namespace pitwall::engine {

/// The shape of a llama-architecture model (Touvron et al. 2023, with grouped-query attention).
struct ModelConfig {
    std::string name;
    uint32_t num_layers = 0, hidden_size = 0, num_heads = 0, num_kv_heads = 0, head_dim = 0,
             intermediate_size = 0;
    uint32_t vocab_size = 0, max_context_tokens = 0;
    float rms_epsilon = 1e-5f;
    float rope_base = 10000.0f;
    bool tied_embeddings = true;  ///< the output head is the embedding table

    /// Multiply-adds of all matrices for one token, without the head.
    uint64_t layer_macs() const {
        const uint64_t attention = uint64_t{hidden_size} * head_dim * (2 * num_heads + 2 * num_kv_heads);
        return num_layers * (attention + uint64_t{3} * hidden_size * intermediate_size);
    }
    uint64_t head_macs() const { return uint64_t{hidden_size} * vocab_size; }
    /// K and V of one token over all layers, in values.
    uint64_t kv_values_per_token() const { return uint64_t{2} * num_layers * num_kv_heads * head_dim; }
};

}  // namespace pitwall::engine
