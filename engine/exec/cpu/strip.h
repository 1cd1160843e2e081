// SPDX-License-Identifier: GPL-3.0-or-later
//
// The work of one thread's call: for multiplier.cpp, which deals it out, and multiply_strip.cpp, which does it.
#pragma once

#include <algorithm>

#include "engine/exec/cpu/multiplier.h"

namespace pitwall::engine::cpu {

inline constexpr uint32_t kStripPanels = 4;
/// In tiles (of integers, or of bfloat16) so many tokens at a time: the more, the better a panel's unpacked weights serve.
inline constexpr uint32_t kTiledTokenBlock = 512;
/// So many Elements of k are unpacked at a time: the weights of a strip stay in the first-level cache over all tokens.
inline constexpr uint32_t kDepthBlock = 128;
inline constexpr size_t kWeightFloats = size_t{kDepthBlock} * kStripPanels * kPanelRows;
static_assert(sizeof(BfloatPair) == sizeof(float));
/// The same of one panel in bytes.
inline constexpr uint32_t kGroupBlock = 18;
inline constexpr size_t kWeightBytes =
    std::max(kWeightFloats * sizeof(float), kGroupBlock * sizeof(UnpackedGroup));
/// A tile's last rows may be of no token, and are written all the same; a block may exceed its most by less than a tile.
inline constexpr size_t kSumFloats = size_t{kTiledTokenBlock + kMostTileTokens} * kStripPanels * kPanelRows;
inline constexpr size_t kThreadBytes = kWeightBytes + kSumFloats * sizeof(float);

/// Up to four neighbouring panels by a block of tokens: the work of one call.
struct Multiplier::Strip {
    const Product* product;  ///< theirs
    const Product::Panel* panels;
    uint32_t panel_count;
    const float* x;
    size_t ldx;
    uint32_t first_token, tokens;
    uint32_t first_tile, end_tile;  ///< the same tokens, where they lie in tiles
    const Output* out;

    uint32_t k() const { return product->k(); }
    /// Where its panels lie; false where they are not of one format, which a direct kernel wants.
    bool of_one_format(const std::byte* (&data)[kStripPanels]) const {
        for (uint32_t i = 0; i < panel_count; ++i) {
            if (panels[i].format != panels[0].format) return false;
            data[i] = panels[i].data;
        }
        return true;
    }
};

struct Multiplier::Scratch {
    std::byte* weights;
    float* sums;  ///< [tokens, ld]
    size_t ld;
    uint32_t thread;
    /// Where the sums of so many panels begin, from that one on.
    Scratch from_panel(uint32_t panel) const {
        return {weights, sums + size_t{panel} * kPanelRows, ld, thread};
    }
};

}  // namespace pitwall::engine::cpu
