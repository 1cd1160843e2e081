// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sixteen lanes as two AVX2 registers; the same operations in the same order as lanes_avx512.h, so the same bits.
// Anonymous namespace on purpose, as there.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define PITWALL_LANES [[gnu::always_inline]] static inline
#define PITWALL_LAMBDA __attribute__((always_inline))

namespace pitwall::engine::cpu {
namespace {

struct F {
    __m256 lo, hi;
};  ///< 16 float32
struct I {
    __m256i lo, hi;
};  ///< 16 int32

PITWALL_LANES F zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
PITWALL_LANES F broadcast(float x) {
    const __m256 v = _mm256_set1_ps(x);
    return {v, v};
}
PITWALL_LANES F load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
PITWALL_LANES void store(float* p, F a) {
    _mm256_storeu_ps(p, a.lo);
    _mm256_storeu_ps(p + 8, a.hi);
}
PITWALL_LANES F add(F a, F b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
PITWALL_LANES F sub(F a, F b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
PITWALL_LANES F mul(F a, F b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
PITWALL_LANES F div(F a, F b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
PITWALL_LANES F fma(F a, F b, F c) {
    return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
/// Where a is not a number, b.
PITWALL_LANES F max(F a, F b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
PITWALL_LANES F min(F a, F b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
/// a < b ? x : y, lane by lane.
PITWALL_LANES F select_less(F a, F b, F x, F y) {
    return {_mm256_blendv_ps(y.lo, x.lo, _mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ)),
            _mm256_blendv_ps(y.hi, x.hi, _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ))};
}
/// a >= b in any lane.
PITWALL_LANES bool any_at_least(F a, F b) {
    const __m256 low = _mm256_cmp_ps(a.lo, b.lo, _CMP_GE_OQ), high = _mm256_cmp_ps(a.hi, b.hi, _CMP_GE_OQ);
    return _mm256_movemask_ps(_mm256_or_ps(low, high)) != 0;
}

PITWALL_LANES I load_bits(const void* p) {
    const auto* words = static_cast<const __m256i*>(p);
    return {_mm256_loadu_si256(words), _mm256_loadu_si256(words + 1)};
}
PITWALL_LANES I broadcast_bits(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
template <int kBits>
PITWALL_LANES I shift_right(I a) {
    return {_mm256_srli_epi32(a.lo, kBits), _mm256_srli_epi32(a.hi, kBits)};
}
template <int kBits>
PITWALL_LANES I shift_left(I a) {
    return {_mm256_slli_epi32(a.lo, kBits), _mm256_slli_epi32(a.hi, kBits)};
}
PITWALL_LANES I shift_right(I a, uint32_t bits) {
    const __m128i count = _mm_cvtsi32_si128(static_cast<int>(bits));
    return {_mm256_srl_epi32(a.lo, count), _mm256_srl_epi32(a.hi, count)};
}
template <int kBits>
PITWALL_LANES I shift_right_signed(I a) {
    return {_mm256_srai_epi32(a.lo, kBits), _mm256_srai_epi32(a.hi, kBits)};
}
PITWALL_LANES I flip(I a, I b) { return {_mm256_xor_si256(a.lo, b.lo), _mm256_xor_si256(a.hi, b.hi)}; }
PITWALL_LANES I both(I a, I b) { return {_mm256_and_si256(a.lo, b.lo), _mm256_and_si256(a.hi, b.hi)}; }
PITWALL_LANES I either(I a, I b) { return {_mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi)}; }
PITWALL_LANES I add(I a, I b) { return {_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)}; }
PITWALL_LANES I sub(I a, I b) { return {_mm256_sub_epi32(a.lo, b.lo), _mm256_sub_epi32(a.hi, b.hi)}; }
PITWALL_LANES F to_float(I a) { return {_mm256_cvtepi32_ps(a.lo), _mm256_cvtepi32_ps(a.hi)}; }
PITWALL_LANES F as_float(I a) { return {_mm256_castsi256_ps(a.lo), _mm256_castsi256_ps(a.hi)}; }
PITWALL_LANES I as_bits(F a) { return {_mm256_castps_si256(a.lo), _mm256_castps_si256(a.hi)}; }

PITWALL_LANES I load_int8(const void* p) {
    const __m128i bytes = _mm_loadu_si128(static_cast<const __m128i*>(p));
    return {_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(_mm_unpackhi_epi64(bytes, bytes))};
}
PITWALL_LANES I load_uint8(const void* p) {
    const __m128i bytes = _mm_loadu_si128(static_cast<const __m128i*>(p));
    return {_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_unpackhi_epi64(bytes, bytes))};
}
PITWALL_LANES F load_half(const void* p) {
    const auto* halves = static_cast<const __m128i*>(p);
    return {_mm256_cvtph_ps(_mm_loadu_si128(halves)), _mm256_cvtph_ps(_mm_loadu_si128(halves + 1))};
}
PITWALL_LANES __m256 bfloat_half(const __m128i* p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(p)), 16));
}
PITWALL_LANES F load_bfloat(const void* p) {
    const auto* halves = static_cast<const __m128i*>(p);
    return {bfloat_half(halves), bfloat_half(halves + 1)};
}
PITWALL_LANES void store_half(void* p, F a) {
    auto* halves = static_cast<__m128i*>(p);
    _mm_storeu_si128(halves, _mm256_cvtps_ph(a.lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    _mm_storeu_si128(halves + 1, _mm256_cvtps_ph(a.hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

/// Rounded to binary16 and back.
PITWALL_LANES F through_half(F a) {
    return {_mm256_cvtph_ps(_mm256_cvtps_ph(a.lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)),
            _mm256_cvtph_ps(_mm256_cvtps_ph(a.hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC))};
}

/// To the nearest integer, ties to even.
PITWALL_LANES I to_int(F a) { return {_mm256_cvtps_epi32(a.lo), _mm256_cvtps_epi32(a.hi)}; }
/// The lowest two bytes of each lane, in order: packing works in halves of a register, which the permutation undoes.
PITWALL_LANES __m256i low_words(I a) {
    const __m256i mask = _mm256_set1_epi32(0xffff);
    const __m256i packed = _mm256_packus_epi32(_mm256_and_si256(a.lo, mask), _mm256_and_si256(a.hi, mask));
    return _mm256_permute4x64_epi64(packed, 0xd8);
}
/// The lowest byte, or two, of each lane.
PITWALL_LANES void store_bytes(void* p, I a) {
    const __m256i words = _mm256_and_si256(low_words(a), _mm256_set1_epi16(0xff));
    const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(static_cast<__m128i*>(p), bytes);
}
PITWALL_LANES void store_words(void* p, I a) { _mm256_storeu_si256(static_cast<__m256i*>(p), low_words(a)); }

/// The low four bits of each lane, less kOffset, as float.
template <int kOffset>
PITWALL_LANES F low_nibble(I a) {
    const I nibble = both(a, broadcast_bits(15));
    return kOffset == 0 ? to_float(nibble) : to_float(sub(nibble, broadcast_bits(kOffset)));
}

/// Each lane of a pair in the other's place.
PITWALL_LANES F swap_neighbours(F a) {
    return {_mm256_permute_ps(a.lo, 0xb1), _mm256_permute_ps(a.hi, 0xb1)};
}

/// Each lane with the one kHalf away, within a register: a + b in the lower of the two, a - b in the upper.
template <int kHalf>
PITWALL_LANES __m256 butterfly(__m256 a) {
    static_assert(kHalf == 1 || kHalf == 2 || kHalf == 4);
    constexpr int kUpper = kHalf == 1 ? 0xaa : kHalf == 2 ? 0xcc : 0xf0;
    const __m256 other =
        kHalf == 4 ? _mm256_permute2f128_ps(a, a, 1) : _mm256_permute_ps(a, kHalf == 1 ? 0xb1 : 0x4e);
    return _mm256_blend_ps(_mm256_add_ps(a, other), _mm256_sub_ps(other, a), kUpper);
}
template <int kHalf>
PITWALL_LANES F butterfly(F a) {
    if constexpr (kHalf == 8) return {_mm256_add_ps(a.lo, a.hi), _mm256_sub_ps(a.lo, a.hi)};
    if constexpr (kHalf < 8) return {butterfly<kHalf>(a.lo), butterfly<kHalf>(a.hi)};
}

/// Sums and maxima fold halves onto each other, the same way in every tier.
PITWALL_LANES float horizontal_sum(F a) {
    const __m256 eight = _mm256_add_ps(a.lo, a.hi);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
PITWALL_LANES float horizontal_max(F a) {
    const __m256 eight = _mm256_max_ps(a.lo, a.hi);
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

// What 16 registers hold: accumulators of rows x vectors (each two registers) beside the weights.
constexpr int kTileVectors = 2;
constexpr int kTileRows[kTileVectors + 1] = {0, 6, 3};
constexpr int kDirectPanels[5] = {0, 2, 1, 1, 1};  ///< panels side by side, by number of tokens
constexpr int kHalfRows = 0;  ///< most queries that read K and V in binary16 where they lie

}  // namespace
}  // namespace pitwall::engine::cpu
