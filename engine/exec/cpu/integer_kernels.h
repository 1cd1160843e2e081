// SPDX-License-Identifier: GPL-3.0-or-later
//
// Products of quantized weights with integer activations (integer_rows.h). Sums of 32 products are exact integers; they
// are scaled and added in float32, group after group, so a result depends on its own token alone, and is the same
// whether a weight was unpacked in registers or before.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/exec/cpu/integer_rows.h"
#include "engine/exec/cpu/panel_format.h"

namespace pitwall::engine::cpu {

inline constexpr uint32_t kMostTileTokens = 16;  ///< of any tier

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
};

struct IntegerKernels {
    std::array<uint8_t, 12> heights;  ///< of the tiles there are kernels for, ascending; 0: no more of them
    uint8_t most_tokens_i16;          ///< higher ones are for kI8 alone
    uint32_t direct_tiles;            ///< up to so many tiles at a panel direct() is the faster way
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
