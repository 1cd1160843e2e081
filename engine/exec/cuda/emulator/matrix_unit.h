// SPDX-License-Identifier: GPL-3.0-or-later
//
// The instructions that a warp's lanes carry out together on matrices spread over their registers; layouts from the PTX ISA
// 9.0, sections "Matrix Fragments for mma.m16n8k16 with floating point type" and "ldmatrix".
#pragma once

#include <cstdint>

#include "engine/exec/cuda/emulator/site.h"

namespace pitwall::cuda::emulator {

/// d [16, 8] += a [16, 16] b [16, 8], of bfloat16 or of binary16.
void multiply_fragments(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, bool bfloats,
                        Site site);

/// Four 8 x 8 matrices of 16-bit numbers; lane 8 i + r names row r of matrix i.
void load_fragments(uint32_t (&r)[4], const void* row, bool transposed, Site site);

}  // namespace pitwall::cuda::emulator
