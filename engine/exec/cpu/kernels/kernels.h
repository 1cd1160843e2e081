// SPDX-License-Identifier: GPL-3.0-or-later
//
// The arithmetic of one kernel tier: plain functions on raw pointers, so that each tier lives in a file of its own
// with its own instructions. Rows of tokens never meet: a result depends on its own row alone, and every sum over k
// runs in ascending order, so tiles, threads and the number of tokens change no bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "engine/exec/cpu/kernels/attention_kernels.h"
#include "engine/exec/cpu/kernels/fetch_ahead.h"
#include "engine/exec/cpu/kernels/integer_kernels.h"
#include "engine/exec/cpu/kernels/kernel_tier.h"
#include "engine/exec/cpu/kernels/product_kernels.h"
#include "engine/exec/cpu/kernels/tile_kernels.h"
#include "engine/kv/kv_layout.h"

namespace pitwall::engine::cpu {

/// One head of one block, from one format into another. All 16 slots, whatever they hold; source and target may overlap.
struct KvConversion {
    const KvHeadLayout *from, *to;
    const std::byte* source;
    std::byte* target;
    float* scratch;  ///< conversion_scratch_floats()
};

/// K and V of 16 tokens as float.
constexpr size_t conversion_scratch_floats(uint32_t head_dim) {
    return size_t{head_dim + 31} / 32 * 32 * 16 * 2;
}

/// Sixteen neighbouring outputs of some tokens: sums [tokens, ld] of one panel, and where they go.
struct PanelSums {
    const float* sums;
    size_t ld;
    uint32_t tokens;
    float* out;
    size_t ldo;
};

/// By how much the values of a head of one token are rotated.
struct PairRotation {
    const float *cosines, *sines;
    uint32_t dim;  ///< even
};

/// The largest output of a row, the first of equal ones; what is not a number is none.
struct Largest {
    float value = -std::numeric_limits<float>::infinity();
    int32_t column = -1;

    bool is_beaten_by(float other, int32_t other_column) const {
        return other > value || (other == value && other_column < column);
    }
};

/// One panel's outputs of one token.
struct PanelRow {
    const float* values;  ///< [16]
    uint32_t count;       ///< those behind it are nobody's
    int32_t first_column;
};

struct Kernels {
    KernelTier tier;
    ProductKernels<float> floats;  ///< of all formats
    /// out = x / rms(x) * weight over `count` values, a multiple of 16 with zeros behind `size` (Zhang & Sennrich 2019).
    void (*rms_norm)(const float* x, const float* weight, uint32_t size, uint32_t count, float epsilon,
                     float* out);
    /// Rotary embedding of adjacent pairs (Su et al. 2021) of `heads` [count, dim]. Both tables [dim] hold each value twice, that
    /// of the sine first with its sign turned.
    void (*rotate_pairs)(const PairRotation& rotation, float* heads, uint32_t count);
    /// out = x * factor, of `count` values.
    void (*scale)(const float* x, float factor, uint32_t count, float* out);
    void (*store)(const PanelSums& sums);  ///< out = sums
    /// out = gate / (1 + exp(-gate)) * up (Shazeer 2020, SwiGLU); the sums are those of gate, then up's.
    void (*swiglu)(const PanelSums& sums);
    void (*add)(const PanelSums& sums);  ///< out += sums
    void (*keep_largest)(const PanelRow& row, Largest& largest);
    /// Multiplies each run of `side` values with the orthonormal Hadamard matrix of that side.
    void (*rotate_runs)(uint32_t side, uint32_t dim, float* row);
    /// One token's k and v [head_dim] into its slot of a block. What does not fit saturates, what is not a number
    /// becomes the largest.
    void (*store_kv)(const KvHeadLayout& layout, const float* k, const float* v, uint32_t slot,
                     std::byte* head);
    void (*convert_kv)(const KvConversion& conversion);
    /// K [head_dim][64] and V [64][v_dim] of one tile of a chunk as float, up to `positions` of it: the rest of K is zero in whole
    /// blocks, and V is not written.
    void (*open_tile)(const AttentionChunk& chunk, const TileBlocks& tile, uint32_t positions, float* k,
                      float* v);
    void (*attend)(const AttentionChunk& chunk);
    void (*merge)(const AttentionMerge& merge);
    void (*exponential)(const float* x, uint32_t vectors, float* out);  ///< for its test
    IntegerKernels integer;
    const BfloatKernels* bfloats;  ///< null: this tier has none
    const BfloatTileKernels* tiles =
        nullptr;  ///< likewise; where there are, they multiply what bfloats has rounded
    FetchAhead fetch = {};
};

const Kernels& kernels_of(KernelTier tier);  ///< of an available tier

// One per file; only those that the compiler's target has are defined.
const Kernels& plain_kernels();
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();

}  // namespace pitwall::engine::cpu
