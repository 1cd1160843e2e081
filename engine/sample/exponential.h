// SPDX-License-Identifier: GPL-3.0-or-later
//
// The numbers of e^x in float32, within 2 units in the last place: Cephes' expf (S. Moshier). With n the integer nearest to
// x / ln 2 and r = x - n ln 2, e^x = 2^n (1 + r + r^2 p(r)).
#pragma once

#include <cstdint>

namespace pitwall::engine::exponential {

inline constexpr float kPerLn2 = 1.44269504088896341f;
/// 1.5 * 2^23: of a sum with it the low bits are the nearest integer.
inline constexpr float kMagic = 12582912.0f;
/// ln 2 in two parts: n times the first is exact.
inline constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
/// Of p, the highest power first.
inline constexpr float kSeries[] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                    4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};

/// e^x of each of several numbers, as of_negative() below has it: Floats is a float, or a vector of them (gnu::vector_size) with Bits of
/// uint32_t. Not std::bit_cast, which is a function: what vectors it takes depends on the file that it was compiled for.
template <class Bits, class Floats>
[[gnu::always_inline]] constexpr Floats of_negatives(Floats x) {
    const Floats shifted = x * kPerLn2 + kMagic, n = shifted - kMagic;
    const Floats r = x - n * kLn2High - n * kLn2Low;
    Floats p = kSeries[0] * r + kSeries[1];
    p = p * r + kSeries[2];
    p = p * r + kSeries[3];
    p = p * r + kSeries[4];
    p = p * r + kSeries[5];
    p = p * r * r + r + 1.0f;
    return p * __builtin_bit_cast(Floats, (__builtin_bit_cast(Bits, shifted) << 23) + (127u << 23));
}

/// e^x of what is no larger than 0 and no smaller than -80, the same bits wherever products and sums are not fused. No loop
/// and no array's address, so that a CUDA kernel may call it, too.
[[gnu::always_inline]] constexpr float of_negative(float x) { return of_negatives<uint32_t>(x); }

}  // namespace pitwall::engine::exponential
