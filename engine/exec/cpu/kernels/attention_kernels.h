// SPDX-License-Identifier: GPL-3.0-or-later
//
// What attention asks of the kernels of a tier.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/kv/kv_layout.h"

namespace pitwall::engine::cpu {

inline constexpr uint32_t kAttentionTile =
    64;  ///< KV positions of one softmax tile, aligned to absolute position
inline constexpr uint32_t kAttentionChunk = 256;  ///< KV positions of one partial result, aligned likewise

/// Attention of `rows` queries to one chunk of one KV head, FlashAttention's running softmax (Dao et al. 2022).
struct AttentionChunk {
    const float* q;  ///< [rows, head_dim], rotated as `layout` rotates K, and scaled
    size_t ldq;
    const uint32_t* row_position;  ///< [rows] a row sees positions up to its own
    uint32_t rows;
    uint32_t last_position;          ///< the largest of row_position
    uint32_t first_position;         ///< of the chunk
    uint32_t first_tile, end_tile;   ///< those of the chunk that are wanted; behind the first, sums go on
    const std::byte* const* blocks;  ///< of this head, from first_position on
    /// Beside each of those, a block that will be wanted soon, and is asked for meanwhile; null: nothing is.
    const std::byte* const* ahead;
    const KvHeadLayout* layout;
    float* scratch;        ///< attention_scratch_floats()
    float *peak, *weight;  ///< [rows] out (and in): largest score, sum of exp(score - peak)
    float* value;          ///< [rows, v_dim] out: sum of exp(score - peak) * V as it is stored
};

/// Blocks of a tile of positions, and what is asked for while each is read.
struct TileBlocks {
    const std::byte* const* blocks;
    const std::byte* const* ahead;  ///< null: nothing
};
[[gnu::always_inline]] inline TileBlocks blocks_of(const AttentionChunk& chunk, uint32_t tile) {
    const uint32_t first = tile * (kAttentionTile / 16);
    return {chunk.blocks + first, chunk.ahead == nullptr ? nullptr : chunk.ahead + first};
}

/// In float32: K, V and scores of a tile. In tiles of bfloat16: Q, K and V in whole groups of 32, K and V as float where they are
/// stored as something else than binary16, scores of twice 16 rows and weights of 16.
constexpr size_t attention_scratch_floats(size_t rows, size_t v_dim) {
    const size_t widest = (v_dim + 31) / 32 * 32;
    const size_t plain = kAttentionTile * (2 * v_dim + rows) + rows;
    const size_t tiled = (rows * widest + 2 * kAttentionTile * widest) / 2 + 2 * kAttentionTile * widest +
                         16 * (2 * kAttentionTile + kAttentionTile / 2) + 16;
    return plain > tiled ? plain : tiled;
}

/// Folds the partial result of a later chunk into that of the earlier ones.
struct AttentionMerge {
    float *peak, *weight, *value;  ///< of one row; value [v_dim]
    float next_peak, next_weight;
    const float* next_value;
    uint32_t v_dim;
};

}  // namespace pitwall::engine::cpu
