// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace pitwall::engine {

/// `yes` or `no`, without a branch: bits that nobody wrote then make a result of the same kind, which memcheck follows, and nothing is
/// decided by them.
constexpr uint32_t either(bool condition, uint32_t yes, uint32_t no) {
    const uint32_t mask = uint32_t{0} - uint32_t{condition};
    return (yes & mask) | (no & ~mask);
}

/// IEEE 754 binary16 to float32, exact, in plain arithmetic without a branch: the same on every machine.
inline float half_to_float(uint16_t half) {
    const uint32_t sign = uint32_t{half & 0x8000u} << 16;
    const uint32_t exponent = (half >> 10) & 0x1f, fraction = half & 0x3ff;
    const auto small = std::bit_cast<uint32_t>(static_cast<float>(fraction) * 0x1p-24f);  // zero or subnormal
    const uint32_t normal = either(exponent == 31, 0xff, exponent + 112) << 23 | fraction << 13;
    return std::bit_cast<float>(sign | either(exponent == 0, small, normal));
}

/// float32 to the nearest binary16, ties to even; too large becomes infinity, NaN stays NaN. No branch either.
inline uint16_t float_to_half(float value) {
    const auto bits = std::bit_cast<uint32_t>(value);
    const uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    const uint32_t normal = ((magnitude + 0xfff + (magnitude >> 13 & 1)) >> 13) - (112u << 10);
    // Below 2^-14 it is subnormal, counted in units of 2^-24, which is what the last bit of 0.5 is worth.
    const uint32_t small = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000;
    const uint32_t finite = either(magnitude < 0x38800000, small, normal);
    const uint32_t number = either(magnitude >= 0x477ff000, 0x7c00, finite);  // 65520 and above
    return static_cast<uint16_t>(sign | either(magnitude > 0x7f800000, 0x7e00, number));
}

/// bfloat16 is the upper half of a float32.
inline float bfloat16_to_float(uint16_t value) { return std::bit_cast<float>(uint32_t{value} << 16); }

/// float32 to the nearest bfloat16, ties to even; NaN stays NaN.
inline uint16_t float_to_bfloat16(float value) {
    const auto bits = std::bit_cast<uint32_t>(value);
    if (std::isnan(value)) return static_cast<uint16_t>(bits >> 16 | 0x40);
    return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace pitwall::engine
