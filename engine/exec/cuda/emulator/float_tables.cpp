// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/emulator/float_tables.h"

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/model/half.h"

namespace pitwall::cuda::emulator {
namespace {

template <class Make>
std::vector<float> filled(uint32_t count, const Make& make) {
    std::vector<float> table(count);
    for (uint32_t i = 0; i < count; ++i) table[i] = make(i);
    return table;
}

/// OCP 8-bit floating point specification, section 5: exponent bias 7, S.1111.111 is NaN.
float e4m3_value(uint32_t bits) {
    const uint32_t exponent = bits >> 3 & 15, fraction = bits & 7;
    if (exponent == 15 && fraction == 7) return std::numeric_limits<float>::quiet_NaN();
    const float magnitude =
        exponent == 0 ? std::ldexp(static_cast<float>(fraction), -9)
                      : std::ldexp(static_cast<float>(8 + fraction), static_cast<int>(exponent) - 10);
    return bits & 0x80 ? -magnitude : magnitude;
}

}  // namespace

const float* half_table() {
    static const std::vector<float> table =
        filled(65536, [](uint32_t i) { return engine::half_to_float(static_cast<uint16_t>(i)); });
    return table.data();
}

const float* bfloat_table() {
    static const std::vector<float> table =
        filled(65536, [](uint32_t i) { return engine::bfloat16_to_float(static_cast<uint16_t>(i)); });
    return table.data();
}

const float* e4m3_table() {
    static const std::vector<float> table = filled(256, e4m3_value);
    return table.data();
}

uint16_t float_to_bfloat(float value) {
    const auto bits = std::bit_cast<uint32_t>(value);
    if (std::isnan(value)) return 0x7fff;
    return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace pitwall::cuda::emulator
