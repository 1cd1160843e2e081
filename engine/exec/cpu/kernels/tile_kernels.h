// SPDX-License-Identifier: GPL-3.0-or-later
//
// Products in tiles of bfloat16, as Intel's AMX multiplies them: 16 rows of weights by 32 k, with 32 k of 16 tokens, sums in
// float32. Weights of all formats are rounded to bfloat16 as they are read. Each 32 k are added in one instruction, in
// ascending order of such groups, so a token's result is its own: the others of a tile change no bit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/exec/cpu/kernels/attention_kernels.h"
#include "engine/exec/cpu/kernels/panel_format.h"
#include "engine/exec/cpu/kernels/product_kernels.h"

namespace pitwall::engine::cpu {

inline constexpr uint32_t kTileTokens = 16;
inline constexpr uint32_t kTilePairs = kGroupValues / 2;
inline constexpr size_t kTileBytes = size_t{kTilePairs} * kTileTokens * sizeof(BfloatPair);

/// Of k, those of the last filled up with zeros.
[[gnu::always_inline]] constexpr uint32_t tile_groups(uint32_t k) {
    return (k + kGroupValues - 1) / kGroupValues;
}
[[gnu::always_inline]] constexpr size_t tile_token_bytes(uint32_t k) {
    return tile_groups(k) * kTileBytes / kTileTokens;
}
/// So many groups of k at a time, for all tokens: the weights of two panels stay in the first-level cache, while activations pass
/// by.
inline constexpr uint32_t kTileDepthGroups = 18;
/// Of the weights, and of the sums of two panels with up to so many tokens.
[[gnu::always_inline]] constexpr size_t tile_scratch_bytes(uint32_t tokens) {
    return (size_t{2} * kTileDepthGroups + 2 * (tokens / kTileTokens + 2)) * kTileBytes;
}

struct TilePanel {
    const std::byte* data;
    PanelFormat format;
};

/// Rows of activations become tiles, [tile of 16 tokens][group of 32 k][pair of k][token]. Which k make a pair is the kernels'
/// to know.
struct TiledRows {
    const BfloatPair* rows;  ///< [tokens, ld] as BfloatKernels::round gives them
    size_t ld;
    uint32_t tokens, k;
    std::byte* tiles;  ///< of 64 bytes' alignment; what belongs to no token is set to zero
};

/// c[t][16 * p + lane] = sum over k of x[t][k] * weight(panel p, lane, k).
struct TiledProduct {
    const TilePanel* panels;
    uint32_t panel_count, k;
    const std::byte* x;  ///< tiles
    uint32_t tokens;     ///< at least one
    float* c;
    size_t ldc;
    std::byte* scratch;    ///< [tile_scratch_bytes(tokens)], of 64 bytes' alignment as x is
    uint32_t fetch_ahead;  ///< bytes, as in IntegerDirect
};

struct BfloatTileKernels {
    void (*lay_out)(const TiledRows& rows);
    void (*multiply)(const TiledProduct& product);
    /// Q, K, V and weights as bfloat16.
    void (*attend)(const AttentionChunk& chunk);
};

/// Only defined where the compiler's target has it.
const BfloatTileKernels& amx_tiles();
void amx_attend(const AttentionChunk& chunk);

}  // namespace pitwall::engine::cpu
