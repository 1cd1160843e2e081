// SPDX-License-Identifier: GPL-3.0-or-later
//
// The numbers of e^x in float32, within 2 units in the last place: Cephes' expf (S. Moshier). With n the integer nearest to
// x / ln 2 and r = x - n ln 2, e^x = 2^n (1 + r + r^2 p(r)).
#pragma once

namespace pitwall::engine::exponential {

inline constexpr float kPerLn2 = 1.44269504088896341f;
/// 1.5 * 2^23: of a sum with it the low bits are the nearest integer.
inline constexpr float kMagic = 12582912.0f;
/// ln 2 in two parts: n times the first is exact.
inline constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
/// Of p, the highest power first.
inline constexpr float kSeries[] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                    4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};

}  // namespace pitwall::engine::exponential
