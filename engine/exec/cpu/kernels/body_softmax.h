// SPDX-License-Identifier: GPL-3.0-or-later
//
// The running softmax of attention (Dao et al. 2022), row by row. Included after its lanes.
#pragma once

#include "engine/exec/cpu/kernels/attention_kernels.h"
#include "engine/exec/cpu/kernels/body_exponential.h"

namespace pitwall::engine::cpu {
namespace {

constexpr float kMasked = -3.0e38f;  ///< a score that no query sees; finite, so that differences stay numbers

/// Nothing was summed yet.
PITWALL_LANES void begin_rows(const AttentionChunk& c) {
    for (uint32_t row = 0; row < c.rows; ++row) {
        c.peak[row] = kMasked;
        c.weight[row] = 0;
    }
    for (size_t i = 0; i < size_t{c.rows} * c.layout->v_dim; i += 16) store(c.value + i, zero());
}

/// Positions of a tile that a row sees; negative where the tile lies behind all of them.
PITWALL_LANES int32_t visible_positions(const AttentionChunk& c, uint32_t row, uint32_t tile_position) {
    return static_cast<int32_t>(c.row_position[row]) + 1 - static_cast<int32_t>(tile_position);
}

/// Hides what lies after `visible` positions; any lane may hold the largest score.
PITWALL_LANES F peak_of(float* scores, int32_t visible) {
    alignas(64) static constexpr float kLanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    F peak = broadcast(kMasked);
    for (int32_t i = 0; i < static_cast<int32_t>(kAttentionTile); i += 16) {
        F score = load(scores + i);
        if (i + 16 > visible) {
            score = select_less(load(kLanes), broadcast(static_cast<float>(visible - i)), score,
                                broadcast(kMasked));
            store(scores + i, score);
        }
        peak = max(score, peak);
    }
    return peak;
}

/// What was summed of a row before shrinks to a new peak.
PITWALL_LANES void raise_peak(const AttentionChunk& c, uint32_t row, float peak) {
    const F shrink = exponential(broadcast(c.peak[row] - peak));
    float first[16];
    store(first, shrink);
    c.weight[row] *= first[0];
    c.peak[row] = peak;
    float* value = c.value + size_t{row} * c.layout->v_dim;
    // Adding zero keeps a sum from being -0, which a masked position's +0 would change.
    for (uint32_t i = 0; i < c.layout->v_dim; i += 16)
        store(value + i, add(mul(load(value + i), shrink), zero()));
}

}  // namespace
}  // namespace pitwall::engine::cpu
