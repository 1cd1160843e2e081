// SPDX-License-Identifier: GPL-3.0-or-later
//
// Integer dot products of sixteen lanes in plain C++: what the other tiers are compared with.
#pragma once

#include "engine/exec/cpu/kernels/lanes_plain.h"
//
#include "engine/exec/cpu/kernels/folds_one_by_one.h"

namespace pitwall::engine::cpu {
namespace {

PITWALL_LANES void store_bits(void* p, I a) { std::memcpy(p, a.v, sizeof a.v); }
/// The lowest two bytes of each lane, each four of them as 0 2 1 3.
PITWALL_LANES void store_words_0213(void* p, I a) {
    uint16_t words[16];
    for (int i = 0; i < 16; ++i) {
        const int place = i % 4 == 1 ? i + 1 : i % 4 == 2 ? i - 1 : i;
        words[place] = static_cast<uint16_t>(a.v[i]);
    }
    std::memcpy(p, words, sizeof words);
}

/// sum += of each lane, two words times two of x.
PITWALL_LANES I dot_pairs(I sum, I words, const int16_t* x) {
    return each_bits([&](int i) {
        const int32_t low = static_cast<int16_t>(words.v[i]), high = static_cast<int16_t>(words.v[i] >> 16);
        return sum.v[i] + static_cast<uint32_t>(low * x[0] + high * x[1]);
    });
}

/// Of each lane, first * factors[0] + second * factors[1]; both fit 16 bits, and what comes out 32.
PITWALL_LANES I dot_halves(I first, I second, const int16_t* factors) {
    return each_bits([&](int i) {
        return first.v[i] * static_cast<uint32_t>(int32_t{factors[0]}) +
               second.v[i] * static_cast<uint32_t>(int32_t{factors[1]});
    });
}

constexpr bool kDotTakesBytes = true;  ///< dot_quads is as fast for 8 bits as for 4

/// Of each lane, `start` + sixteen unsigned values of up to kBits bits (four vectors of four) times sixteen of x.
template <int kBits>
PITWALL_LANES I dot_quads(I start, const I* values, const int8_t* x) {
    return each_bits([&](int i) {
        int32_t sum = static_cast<int32_t>(start.v[i]);
        for (int k = 0; k < 16; ++k)
            sum += static_cast<int32_t>(values[k / 4].v[i] >> (8 * (k % 4)) & 255u) * x[k];
        return static_cast<uint32_t>(sum);
    });
}

constexpr int kIntegerHeights[] = {1, 2};  ///< more would only cost compile time
constexpr int kMostTokensI16 = 2;
constexpr uint32_t kDirectTiles = 2;
constexpr uint32_t kOwnTokens = 32;

}  // namespace
}  // namespace pitwall::engine::cpu
