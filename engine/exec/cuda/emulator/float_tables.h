// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace pitwall::cuda::emulator {

const float* half_table();    ///< [65536] of binary16, by its bits
const float* bfloat_table();  ///< [65536]
const float* e4m3_table();    ///< [256]

/// To the nearest, ties to even.
uint16_t float_to_bfloat(float value);

}  // namespace pitwall::cuda::emulator
