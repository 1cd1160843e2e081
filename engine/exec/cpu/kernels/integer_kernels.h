// SPDX-License-Identifier: GPL-3.0-or-later
//
// Products of quantized weights with integer activations. Sums of 32 products are exact integers; they
// are scaled and added in float32, group after group, so a result depends on its own token alone, and is the same
// whether a weight was unpacked in registers or before.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/exec/cpu/kernels/panel_format.h"
#include "presets/knob.h"

namespace pitwall::engine::cpu {

using presets::ActivationDtype;

constexpr bool is_integer(ActivationDtype dtype) {
    return dtype == ActivationDtype::kI8 || dtype == ActivationDtype::kI16;
}

/// 32 k of one token in 8 bits: value = the token's scale * factor of its half * integer. Where a weight is d * u + m, with u
/// unsigned, a product of a group is the token's scale * (d * (integers' product) * factor + m * total); where it is
/// d * (u - offset), the integers' product begins at minus offset times their sum, and there is no m.
struct GroupI8 {
    float wide_factor[2];
    int32_t minus_sum[2];  ///< of each half's integers
    float total;           ///< of factor * integers
    /// The same as wide_factor, up to 32,767: where weights have 4 bits a half's product fits 16, and two of those meet their
    /// factors in one instruction.
    int16_t factor[2];
    int8_t values[kGroupValues];
};

/// 32 k of one token in 16 bits: value = the token's scale * integer. Each four of them lie as 0 2 1 3: a mask splits
/// four weight bytes into words that way.
struct GroupI16 {
    float sum[2];  ///< of the integers of each half
    float total;
    int16_t values[kGroupValues];
};

/// Activations of one tile.
struct TileRows {
    ActivationDtype dtype;
    const std::byte* groups;  ///< of the first token, of the first k wanted
    size_t group_stride;      ///< to the next 32 k
    const float* scales;      ///< of each token
    uint32_t tokens;
};

inline constexpr uint32_t kMostTileTokens = 32;  ///< of any tier

/// 32 k of one panel as the tile kernels read them: a weight is d * value + m, each half with scales of its own where the
/// format has them (else those of the first hold for both). Quad q of half h is values[4 * h + q].
struct alignas(64) UnpackedGroup {
    float d[2][kPanelRows], m[2][kPanelRows];
    uint8_t values[8][kPanelRows][4];
};

/// c[t][lane] (+)= sum over k of x[t][k] * weight(lane, k).
struct IntegerTile {
    const UnpackedGroup* weights;
    uint32_t groups;
    PanelFormat format;
    TileRows rows;
    float* c;
    size_t ldc;
    bool accumulate;  ///< go on from what c holds
    bool last;        ///< k ends here: the tokens' scales are applied now
};

/// c[t][16 * p + lane] = the same over all k, weights unpacked in registers.
struct IntegerDirect {
    const std::byte* const* panels;
    uint32_t panel_count;
    PanelFormat format;
    uint32_t k;
    TileRows rows;
    float* c;
    size_t ldc;
    uint32_t fetch_ahead =
        0;  ///< bytes before a weight's turn in which it is asked for; 0: the processor does so unasked
};

struct IntegerKernels {
    std::array<uint8_t, 16> heights;  ///< of the tiles there are kernels for, ascending; 0: no more of them
    uint8_t most_tokens_i16;          ///< higher ones are for kI8 alone
    uint32_t direct_tiles;            ///< up to so many tiles at a panel direct() is the faster way
    /// With so many for each thread, threads divide tokens and not panels: what was made of a token stays in one core's
    /// cache, which is worth more than that weights are read by one thread alone.
    uint32_t own_tokens;
    /// One token's `k` values: its groups lie `group_stride` apart. Values that are not finite give what they give.
    void (*round_i8)(const float* x, uint32_t k, std::byte* groups, size_t group_stride, float* scale);
    void (*round_i16)(const float* x, uint32_t k, std::byte* groups, size_t group_stride, float* scale);
    /// Groups [first, first + count) of a panel.
    void (*unpack)(PanelFormat format, const std::byte* panel, uint32_t first, uint32_t count,
                   UnpackedGroup* out);
    void (*tile)(const IntegerTile& tile);
    /// False where there is no such kernel; then unpack() and tile() give the same bits.
    bool (*direct)(const IntegerDirect& product);
};

// One per file; only those that the compiler's target has are defined.
const IntegerKernels& plain_integers();
const IntegerKernels& avx2_integers();
const IntegerKernels& avx2_vnni_integers();
const IntegerKernels& avx512_integers();
const IntegerKernels& avx512_vnni_integers();

}  // namespace pitwall::engine::cpu
