// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

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

}  // namespace pitwall::engine
