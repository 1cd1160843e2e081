// SPDX-License-Identifier: GPL-3.0-or-later
//
// 16- and 8-bit floats as their bits, the same types for host and device code.
#pragma once

#include <cstdint>

namespace pitwall::cuda {

struct Half {  ///< IEEE 754 binary16
    uint16_t bits;
};
struct Bfloat {  ///< the upper half of a float32
    uint16_t bits;
};
struct E4m3 {  ///< OCP FP8: no infinity, largest 448
    uint8_t bits;
};

struct alignas(16) Words4 {
    uint32_t x, y, z, w;
};
struct alignas(8) Float2 {
    float x, y;
};
struct alignas(8) Words2 {
    uint32_t x, y;
};

}  // namespace pitwall::cuda
