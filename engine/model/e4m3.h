// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "engine/model/half.h"

namespace pitwall::engine {

inline constexpr float kLargestE4m3 = 448;

/// float32 to the nearest E4M3 (OCP 8-bit floating point specification 1.0), ties to even; saturates, NaN stays NaN.
inline uint8_t float_to_e4m3(float value) {
    const auto bits = std::bit_cast<uint32_t>(value);
    const auto sign = static_cast<uint8_t>(bits >> 24 & 0x80);
    const uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return sign | 0x7f;
    if (magnitude >= 0x43e00000) return sign | 0x7e;  // 448
    if (magnitude < 0x3c800000)                       // below 2^-6: subnormal, counted in units of 2^-9
        return sign | static_cast<uint8_t>(std::nearbyint(std::bit_cast<float>(magnitude) * 0x1p9f));
    const uint32_t rounded = magnitude + 0x7ffff + (magnitude >> 20 & 1);
    return sign | static_cast<uint8_t>((rounded >> 20) - (120u << 3));
}

/// Exact, and without a branch. Exponent bias 7; S.1111.111 is NaN.
inline float e4m3_to_float(uint8_t code) {
    const uint32_t sign = uint32_t{code & 0x80u} << 24, exponent = code >> 3 & 15, fraction = code & 7;
    const auto small = std::bit_cast<uint32_t>(static_cast<float>(fraction) * 0x1p-9f);  // zero or subnormal
    const uint32_t normal = (exponent + 120) << 23 | fraction << 20;
    const uint32_t number = either(exponent == 0, small, normal);
    return std::bit_cast<float>(sign | either((code & 0x7f) == 0x7f, 0x7fc00000, number));
}

}  // namespace pitwall::engine
