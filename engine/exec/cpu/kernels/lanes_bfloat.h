// SPDX-License-Identifier: GPL-3.0-or-later
//
// Pairs of bfloat16 in AVX-512 registers. After lanes_avx512.h, in an anonymous namespace as there.
#pragma once

#include "engine/exec/cpu/kernels/lanes_avx512.h"

namespace pitwall::engine::cpu {
namespace {

/// Thirty-two bfloat16, to nearest, ties to even: those of `low`, then those of `high`.
PITWALL_LANES I rounded(F low, F high) {
    return {reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high.v, low.v))};
}

/// As many of thirty-two numbers as there are left, zeros behind; the first sixteen, then the others.
struct ThirtyTwo {
    F low, high;
};
PITWALL_LANES ThirtyTwo load_up_to_32(const float* x, uint32_t left) {
    const __mmask32 wanted = left < 32 ? (1u << left) - 1 : ~0u;
    return {F{_mm512_maskz_loadu_ps(static_cast<__mmask16>(wanted), x)},
            F{_mm512_maskz_loadu_ps(static_cast<__mmask16>(wanted >> 16), x + 16)}};
}

/// Lane by lane, the word of one half beside that of the other.
PITWALL_LANES I halves_in_turns(I words) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i places =
        _mm512_or_si512(lane, _mm512_slli_epi32(_mm512_add_epi32(lane, _mm512_set1_epi32(16)), 16));
    return {_mm512_permutexvar_epi16(places, words.v)};
}

}  // namespace
}  // namespace pitwall::engine::cpu
