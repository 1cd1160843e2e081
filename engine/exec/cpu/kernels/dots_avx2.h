// SPDX-License-Identifier: GPL-3.0-or-later
//
// Integer dot products of sixteen lanes in AVX2, with AVX-VNNI where the file is compiled for it. After lanes_avx2.h, in
// an anonymous namespace as there.
#pragma once

#include <cstring>

#include "engine/exec/cpu/kernels/lanes_avx2.h"
//
#include "engine/exec/cpu/kernels/folds_one_by_one.h"

namespace pitwall::engine::cpu {
namespace {

PITWALL_LANES void store_bits(void* p, I a) {
    auto* words = static_cast<__m256i*>(p);
    _mm256_storeu_si256(words, a.lo);
    _mm256_storeu_si256(words + 1, a.hi);
}
/// The lowest two bytes of each lane, each four of them as 0 2 1 3.
PITWALL_LANES void store_words_0213(void* p, I a) {
    const __m256i words = low_words(a);
    _mm256_storeu_si256(static_cast<__m256i*>(p),
                        _mm256_shufflehi_epi16(_mm256_shufflelo_epi16(words, 0xd8), 0xd8));
}
PITWALL_LANES __m256i four_bytes(const void* p) {
    int32_t bytes;
    std::memcpy(&bytes, p, sizeof bytes);
    return _mm256_set1_epi32(bytes);
}

/// sum += of each lane, two words times two of x.
PITWALL_LANES I dot_pairs(I sum, I words, const int16_t* x) {
    const __m256i two = four_bytes(x);
#ifdef __AVXVNNI__
    return {_mm256_dpwssd_avx_epi32(sum.lo, words.lo, two), _mm256_dpwssd_avx_epi32(sum.hi, words.hi, two)};
#else
    return {_mm256_add_epi32(sum.lo, _mm256_madd_epi16(words.lo, two)),
            _mm256_add_epi32(sum.hi, _mm256_madd_epi16(words.hi, two))};
#endif
}

/// Of each lane, first * factors[0] + second * factors[1]; both fit 16 bits, and what comes out 32.
PITWALL_LANES I dot_halves(I first, I second, const int16_t* factors) {
    const __m256i two = four_bytes(factors);
    const auto of = [&](__m256i a, __m256i b) PITWALL_LAMBDA {
        return _mm256_madd_epi16(_mm256_blend_epi16(_mm256_slli_epi32(b, 16), a, 0x55), two);
    };
    return {of(first.lo, second.lo), of(first.hi, second.hi)};
}

#ifdef __AVXVNNI__
constexpr bool kDotTakesBytes = true;  ///< dot_quads is as fast for 8 bits as for 4

/// Of each lane, `start` + sixteen unsigned values of up to kBits bits (four vectors of four) times sixteen of x.
template <int kBits>
PITWALL_LANES I dot_quads(I start, const I* values, const int8_t* x) {
    I sum = start;
    for (int i = 0; i < 4; ++i) {
        const __m256i four = four_bytes(x + 4 * i);
        sum = {_mm256_dpbusd_avx_epi32(sum.lo, values[i].lo, four),
               _mm256_dpbusd_avx_epi32(sum.hi, values[i].hi, four)};
    }
    return sum;
}
#else
constexpr bool kDotTakesBytes = false;

/// Pairs of products in 16 bits, over two vectors: up to 4 * 63 * 127 fits.
PITWALL_LANES I two_pairs(I a, I b, const int8_t* x) {
    const __m256i first = four_bytes(x), second = four_bytes(x + 4);
    return {_mm256_add_epi16(_mm256_maddubs_epi16(a.lo, first), _mm256_maddubs_epi16(b.lo, second)),
            _mm256_add_epi16(_mm256_maddubs_epi16(a.hi, first), _mm256_maddubs_epi16(b.hi, second))};
}
PITWALL_LANES I sum_pairs(I words) {
    const __m256i ones = _mm256_set1_epi16(1);
    return {_mm256_madd_epi16(words.lo, ones), _mm256_madd_epi16(words.hi, ones)};
}

template <int kBits>
PITWALL_LANES I dot_quads(I start, const I* values, const int8_t* x) {
    static_assert(kBits == 5 || kBits == 6 || kBits == 8);
    if constexpr (kBits == 8) {
        const I mask = broadcast_bits(0x0f0f0f0f);
        I low[4], high[4];
        for (int i = 0; i < 4; ++i) {
            low[i] = both(values[i], mask);
            high[i] = both(shift_right<4>(values[i]), mask);
        }
        return dot_quads<5>(add(start, shift_left<4>(dot_quads<5>(broadcast_bits(0), high, x))), low, x);
    } else {
        const I first = two_pairs(values[0], values[1], x), second = two_pairs(values[2], values[3], x + 8);
        if constexpr (kBits == 6) return add(start, add(sum_pairs(first), sum_pairs(second)));
        return add(start, sum_pairs({_mm256_add_epi16(first.lo, second.lo),
                                     _mm256_add_epi16(first.hi, second.hi)}));  // 8 * 31 * 127 fits
    }
}
#endif

// What 16 registers hold.
constexpr int kIntegerHeights[] = {1, 2, 3, 4};
constexpr int kMostTokensI16 = 4;
constexpr uint32_t kDirectTiles =
    2;  ///< of more, to unpack weights anew in registers costs more than to keep them
constexpr uint32_t kOwnTokens = 32;

}  // namespace
}  // namespace pitwall::engine::cpu
