// SPDX-License-Identifier: GPL-3.0-or-later
//
// Integer dot products of sixteen lanes in AVX-512, with VNNI where the file is compiled for it. After lanes_avx512.h, in
// an anonymous namespace as there.
#pragma once

#include <cstring>

#include "engine/exec/cpu/kernels/lanes_avx512.h"

namespace pitwall::engine::cpu {
namespace {

PITWALL_LANES void store_bits(void* p, I a) { _mm512_storeu_si512(p, a.v); }
/// The lowest two bytes of each lane, each four of them as 0 2 1 3.
PITWALL_LANES void store_words_0213(void* p, I a) {
    const __m256i words = _mm512_cvtepi32_epi16(a.v);
    _mm256_storeu_si256(static_cast<__m256i*>(p),
                        _mm256_shufflehi_epi16(_mm256_shufflelo_epi16(words, 0xd8), 0xd8));
}
PITWALL_LANES __m512i four_bytes(const void* p) {
    int32_t bytes;
    std::memcpy(&bytes, p, sizeof bytes);
    return _mm512_set1_epi32(bytes);
}

/// Sixteen vectors become one: lane i is what `both` makes of all lanes of vector i. First each four neighbours meet within
/// 128 bits, then parts of 128 bits, so that lanes end in order.
template <class Both>
PITWALL_LANES __m512 folded(const __m512* v, const Both& both) {
    __m512 two[8], four[4];
    for (int i = 0; i < 4; ++i) {
        const __m512 a = v[4 * i], b = v[4 * i + 1], c = v[4 * i + 2], d = v[4 * i + 3];
        two[i] = both(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
        two[4 + i] = both(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    }
    for (int i = 0; i < 4; ++i)
        four[i] =
            both(_mm512_shuffle_ps(two[i], two[4 + i], 0x44), _mm512_shuffle_ps(two[i], two[4 + i], 0xee));
    const auto halves = [&](__m512 a, __m512 b) PITWALL_LAMBDA {
        return both(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
    };
    const __m512 low = halves(four[0], four[1]), high = halves(four[2], four[3]);
    return both(_mm512_shuffle_f32x4(low, high, 0x88), _mm512_shuffle_f32x4(low, high, 0xdd));
}

/// Lane i: the largest of vector i's lanes.
PITWALL_LANES F largest_of_each(const F* vectors) {
    __m512 v[16];
    for (int i = 0; i < 16; ++i) v[i] = vectors[i].v;
    return {folded(v, [](__m512 a, __m512 b) PITWALL_LAMBDA { return _mm512_max_ps(a, b); })};
}
/// Lane i: the sum of vector i's lanes.
PITWALL_LANES I sum_of_each(const I* vectors) {
    __m512 v[16];
    for (int i = 0; i < 16; ++i) v[i] = _mm512_castsi512_ps(vectors[i].v);
    const auto sum = [](__m512 a, __m512 b) PITWALL_LAMBDA {
        return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
    };
    return {_mm512_castps_si512(folded(v, sum))};
}

/// Of each lane, first * factors[0] + second * factors[1]; both fit 16 bits, and what comes out 32.
PITWALL_LANES I dot_halves(I first, I second, const int16_t* factors) {
    const __m512i words = _mm512_mask_blend_epi16(0x55555555, _mm512_slli_epi32(second.v, 16), first.v);
    return {_mm512_madd_epi16(words, four_bytes(factors))};
}

#ifdef __AVX512VNNI__
// Products with four bytes that the instruction itself reads and gives to all lanes. Of intrinsics GCC 12 makes a load of its own for
// each four: a third of all instructions. Without those loads products in i8 are 1.15 times as fast (a Xeon, Granite Rapids).

/// Four bytes of an array of any type.
using FourBytes [[gnu::may_alias]] = int32_t;

/// sum += of each lane, four unsigned bytes times four of x.
PITWALL_LANES void add_dot_of_bytes(__m512i& sum, __m512i bytes, const int8_t* x) {
    asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(bytes), "m"(*reinterpret_cast<const FourBytes*>(x)));
}
/// sum += of each lane, two words times two of x.
PITWALL_LANES I dot_pairs(I sum, I words, const int16_t* x) {
    asm("vpdpwssd %2%{1to16%}, %1, %0"
        : "+v"(sum.v)
        : "v"(words.v), "m"(*reinterpret_cast<const FourBytes*>(x)));
    return sum;
}

constexpr bool kDotTakesBytes = true;  ///< dot_quads is as fast for 8 bits as for 4

/// Of each lane, `start` + sixteen unsigned values of up to kBits bits (four vectors of four) times sixteen of x.
template <int kBits>
PITWALL_LANES I dot_quads(I start, const I* values, const int8_t* x) {
    add_dot_of_bytes(start.v, values[0].v, x);
    add_dot_of_bytes(start.v, values[1].v, x + 4);
    add_dot_of_bytes(start.v, values[2].v, x + 8);
    add_dot_of_bytes(start.v, values[3].v, x + 12);
    return start;
}
#else
/// sum += of each lane, two words times two of x.
PITWALL_LANES I dot_pairs(I sum, I words, const int16_t* x) {
    return {_mm512_add_epi32(sum.v, _mm512_madd_epi16(words.v, four_bytes(x)))};
}

constexpr bool kDotTakesBytes = false;

/// Pairs of products in 16 bits, over two vectors: up to 4 * 63 * 127 fits.
PITWALL_LANES __m512i two_pairs(__m512i a, __m512i b, const int8_t* x) {
    return _mm512_add_epi16(_mm512_maddubs_epi16(a, four_bytes(x)),
                            _mm512_maddubs_epi16(b, four_bytes(x + 4)));
}
PITWALL_LANES __m512i sum_pairs(__m512i words) { return _mm512_madd_epi16(words, _mm512_set1_epi16(1)); }

template <int kBits>
PITWALL_LANES I dot_quads(I start, const I* values, const int8_t* x) {
    static_assert(kBits == 5 || kBits == 6 || kBits == 8);
    if constexpr (kBits == 8) {
        const __m512i mask = _mm512_set1_epi8(15);
        I low[4], high[4];
        for (int i = 0; i < 4; ++i) {
            low[i] = {_mm512_and_si512(values[i].v, mask)};
            high[i] = {_mm512_and_si512(_mm512_srli_epi16(values[i].v, 4), mask)};
        }
        return dot_quads<5>(add(start, shift_left<4>(dot_quads<5>(broadcast_bits(0), high, x))), low, x);
    } else {
        const __m512i first = two_pairs(values[0].v, values[1].v, x),
                      second = two_pairs(values[2].v, values[3].v, x + 8);
        if constexpr (kBits == 5)  // 8 * 31 * 127 fits
            return add(start, {sum_pairs(_mm512_add_epi16(first, second))});
        return add(start, {_mm512_add_epi32(sum_pairs(first), sum_pairs(second))});
    }
}
#endif

#ifdef __AVX512VNNI__
// Beyond 16 tokens (with 16-bit activations, 12) sums do not all fit the 32 registers: some are read and written each group, which
// costs less than to walk the weights twice.
constexpr int kIntegerHeights[] = {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32};
constexpr int kMostTokensI16 = 24;             ///< the integers' sums have to stay in registers
constexpr uint32_t kDirectTiles = UINT32_MAX;  ///< to unpack weights costs nothing beside so many products
#else                                          // of few processors: fewer, and less to compile
constexpr int kIntegerHeights[] = {1, 2, 4, 8, 12};
constexpr int kMostTokensI16 = 12;
constexpr uint32_t kDirectTiles = 2;
#endif
constexpr uint32_t kOwnTokens = 16;

}  // namespace
}  // namespace pitwall::engine::cpu
