// SPDX-License-Identifier: GPL-3.0-or-later
//
// Products in tiles of bfloat16, as Intel's AMX multiplies them: 32 k of up to 16 tokens by 32 k of 16 rows of weights, sums in
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
inline constexpr size_t kTileRowBytes = kTilePairs * sizeof(BfloatPair);
inline constexpr size_t kTileBytes = kTileTokens * kTileRowBytes;

/// Of k, those of the last filled up with zeros.
[[gnu::always_inline]] constexpr uint32_t tile_groups(uint32_t k) {
    return (k + kGroupValues - 1) / kGroupValues;
}
/// So many groups of k at a time, for all tokens: the weights of two panels stay in the first-level cache, while activations pass
/// by.
inline constexpr uint32_t kTileDepthGroups = 18;
/// Of the weights of two panels.
inline constexpr size_t kTileScratchBytes = size_t{2} * kTileDepthGroups * kTileBytes;

/// Weights of these formats stand in tiles as 2^kSmallWeights of themselves: binary16 becomes bfloat16 most cheaply where its exponent
/// keeps its bits (2^-112), and is raised by 2^6 before. So a weight below 2^-20 counts as zero. One above 1,023 counts as 1,024; scales of
/// such weights (from 128 on) may be too large themselves, and make others of their group wrong. Trained weights are far below 1,000.
inline constexpr int kSmallWeights = -106;
[[gnu::always_inline]] constexpr bool has_small_weights(PanelFormat format) {
    return format == PanelFormat::kQ4 || format == PanelFormat::kQ4M || format == PanelFormat::kQ4K ||
           format == PanelFormat::kQ8;
}

struct TilePanel {
    const std::byte* data;
    PanelFormat format;
    float* c;  ///< [tokens, ldc] of TiledProduct, its 16 columns
};

/// A row of activations as tiles take it: each 32 k in the kernels' own order, the last filled up with zeros.
struct TiledRow {
    const float* x;  ///< [k]
    uint32_t k;
    int exponent;       ///< they are multiplied by 2^exponent, which has to stay below the largest number
    BfloatPair* pairs;  ///< of 64 bytes' alignment
};

/// One panel's c[t][lane] (+)= sum over k of x[t][k] * weight(panel, lane, k).
struct TiledProduct {
    const TilePanel* panels;
    uint32_t panel_count, k;
    const BfloatPair*
        x;  ///< [tokens, ldx], of TiledRow; of more than 16 tokens up to a multiple of them is read
    size_t ldx;
    int x_exponent;   ///< of TiledRow
    uint32_t tokens;  ///< at least one; as many rows of c are written as of x are read
    size_t ldc;
    bool add;            ///< to what c holds, which is added up first; of panels whose x_exponent fits alone
    std::byte* scratch;  ///< [kTileScratchBytes], of 64 bytes' alignment
    uint32_t fetch_ahead;  ///< bytes, as in IntegerDirect
};

/// Sixteen outputs of SwiGLU, of the sums of a gate's panel and an up's beside it, as 16 of some tokens' activations.
struct TiledSwiglu {
    const float* sums;  ///< [tokens, ld]
    size_t ld;
    uint32_t tokens;
    uint32_t k;         ///< of the first, a multiple of 16
    int exponent;       ///< of TiledRow
    BfloatPair* pairs;  ///< the rows of these tokens, `ldp` apart
    size_t ldp;
};

struct BfloatTileKernels {
    void (*round)(const TiledRow& row);
    void (*round_swiglu)(const TiledSwiglu& some);
    void (*multiply)(const TiledProduct& product);
    /// Q, K, V and weights as bfloat16.
    void (*attend)(const AttentionChunk& chunk);
};

/// Only defined where the compiler's target has it.
const BfloatTileKernels& amx_tiles();
void amx_attend(const AttentionChunk& chunk);

}  // namespace pitwall::engine::cpu
