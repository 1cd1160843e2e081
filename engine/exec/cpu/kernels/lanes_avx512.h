// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sixteen lanes as one AVX-512 register. Everything is in an anonymous namespace on purpose: nothing compiled with
// these instructions may be shared with files that are not.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define PITWALL_LANES [[gnu::always_inline]] static inline
#define PITWALL_LAMBDA __attribute__((always_inline))

namespace pitwall::engine::cpu {
namespace {

struct F {
    __m512 v;
};  ///< 16 float32
struct I {
    __m512i v;
};  ///< 16 int32

PITWALL_LANES F zero() { return {_mm512_setzero_ps()}; }
PITWALL_LANES F broadcast(float x) { return {_mm512_set1_ps(x)}; }
PITWALL_LANES F load(const float* p) { return {_mm512_loadu_ps(p)}; }
PITWALL_LANES void store(float* p, F a) { _mm512_storeu_ps(p, a.v); }
PITWALL_LANES F add(F a, F b) { return {_mm512_add_ps(a.v, b.v)}; }
PITWALL_LANES F sub(F a, F b) { return {_mm512_sub_ps(a.v, b.v)}; }
PITWALL_LANES F mul(F a, F b) { return {_mm512_mul_ps(a.v, b.v)}; }
PITWALL_LANES F div(F a, F b) { return {_mm512_div_ps(a.v, b.v)}; }
PITWALL_LANES F fma(F a, F b, F c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
/// Where a is not a number, b.
PITWALL_LANES F max(F a, F b) { return {_mm512_max_ps(a.v, b.v)}; }
PITWALL_LANES F min(F a, F b) { return {_mm512_min_ps(a.v, b.v)}; }
/// a < b ? x : y, lane by lane.
PITWALL_LANES F select_less(F a, F b, F x, F y) {
    return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), y.v, x.v)};
}
/// a >= b in any lane.
PITWALL_LANES bool any_at_least(F a, F b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ) != 0; }

PITWALL_LANES I load_bits(const void* p) { return {_mm512_loadu_si512(p)}; }
PITWALL_LANES I broadcast_bits(int32_t x) { return {_mm512_set1_epi32(x)}; }
template <int kBits>
PITWALL_LANES I shift_right(I a) {
    return {_mm512_srli_epi32(a.v, kBits)};
}
template <int kBits>
PITWALL_LANES I shift_left(I a) {
    return {_mm512_slli_epi32(a.v, kBits)};
}
PITWALL_LANES I shift_right(I a, uint32_t bits) {
    return {_mm512_srl_epi32(a.v, _mm_cvtsi32_si128(static_cast<int>(bits)))};
}
template <int kBits>
PITWALL_LANES I shift_right_signed(I a) {
    return {_mm512_srai_epi32(a.v, kBits)};
}
PITWALL_LANES I both(I a, I b) { return {_mm512_and_si512(a.v, b.v)}; }
PITWALL_LANES I flip(I a, I b) { return {_mm512_xor_si512(a.v, b.v)}; }
PITWALL_LANES I either(I a, I b) { return {_mm512_or_si512(a.v, b.v)}; }
PITWALL_LANES I add(I a, I b) { return {_mm512_add_epi32(a.v, b.v)}; }
PITWALL_LANES I sub(I a, I b) { return {_mm512_sub_epi32(a.v, b.v)}; }
PITWALL_LANES F to_float(I a) { return {_mm512_cvtepi32_ps(a.v)}; }
PITWALL_LANES F as_float(I a) { return {_mm512_castsi512_ps(a.v)}; }
PITWALL_LANES I as_bits(F a) { return {_mm512_castps_si512(a.v)}; }

PITWALL_LANES I load_int8(const void* p) {
    return {_mm512_cvtepi8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p)))};
}
PITWALL_LANES I load_uint8(const void* p) {
    return {_mm512_cvtepu8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p)))};
}
PITWALL_LANES F load_half(const void* p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)))};
}
PITWALL_LANES F load_bfloat(const void* p) {
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
}
PITWALL_LANES void store_half(void* p, F a) {
    _mm256_storeu_si256(static_cast<__m256i*>(p),
                        _mm512_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

/// Rounded to binary16 and back.
PITWALL_LANES F through_half(F a) {
    return {_mm512_cvtph_ps(_mm512_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC))};
}

/// To the nearest integer, ties to even.
PITWALL_LANES I to_int(F a) { return {_mm512_cvtps_epi32(a.v)}; }
/// The lowest byte, or two, of each lane.
PITWALL_LANES void store_bytes(void* p, I a) {
    _mm_storeu_si128(static_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a.v));
}
PITWALL_LANES void store_words(void* p, I a) {
    _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtepi32_epi16(a.v));
}

/// The low four bits of each lane, less kOffset, as float: a permutation reads no other bits of its index.
template <int kOffset>
PITWALL_LANES F low_nibble(I a) {
    constexpr float k = static_cast<float>(-kOffset);
    const __m512 values = _mm512_setr_ps(k, k + 1, k + 2, k + 3, k + 4, k + 5, k + 6, k + 7, k + 8, k + 9,
                                         k + 10, k + 11, k + 12, k + 13, k + 14, k + 15);
    return {_mm512_permutexvar_ps(a.v, values)};
}

/// Each lane of a pair in the other's place.
PITWALL_LANES F swap_neighbours(F a) { return {_mm512_permute_ps(a.v, 0xb1)}; }

template <int kHalf>
constexpr __mmask16 kUpper = kHalf == 1   ? 0xaaaa
                             : kHalf == 2 ? 0xcccc
                             : kHalf == 4 ? 0xf0f0
                                          : 0xff00;
/// Each lane with the one kHalf away: a + b in the lower of the two, a - b in the upper.
template <int kHalf>
PITWALL_LANES F butterfly(F a) {
    static_assert(kHalf == 1 || kHalf == 2 || kHalf == 4 || kHalf == 8);
    const __m512 signs = _mm512_castsi512_ps(
        _mm512_mask_set1_epi32(_mm512_set1_epi32(0x3f800000), kUpper<kHalf>, static_cast<int>(0xbf800000)));
    __m512 other;
    if constexpr (kHalf < 4) other = _mm512_permute_ps(a.v, kHalf == 1 ? 0xb1 : 0x4e);
    if constexpr (kHalf >= 4) other = _mm512_shuffle_f32x4(a.v, a.v, kHalf == 4 ? 0xb1 : 0x4e);
    return {_mm512_fmadd_ps(a.v, signs, other)};  // times 1 or -1: one rounding, that of the sum
}

/// Sums and maxima fold halves onto each other, the same way in every tier.
PITWALL_LANES float horizontal_sum(F a) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
PITWALL_LANES float horizontal_max(F a) {
    const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

// What 32 registers hold: accumulators of rows x vectors beside the weights.
constexpr int kTileVectors = 4;
constexpr int kTileRows[kTileVectors + 1] = {0, 16, 12, 8, 6};
constexpr int kDirectPanels[5] = {0, 4, 4, 4, 4};  ///< panels side by side, by number of tokens
constexpr int kHalfRows = 6;  ///< most queries that read K and V in binary16 where they lie

}  // namespace
}  // namespace pitwall::engine::cpu
