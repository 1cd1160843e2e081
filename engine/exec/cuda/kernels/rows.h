// SPDX-License-Identifier: GPL-3.0-or-later
//
// Kernels that look at each row of activations by itself: what they compute for a row depends on that row alone.
#pragma once

#include <cstdint>

#include "engine/exec/cuda/kernels/operand.h"
#include "engine/exec/cuda/runtime/runtime.h"

namespace pitwall::cuda {

/// Root mean square norm (Zhang and Sennrich 2019): x / sqrt(mean(x^2) + epsilon) * weight.
struct RmsNormArgs {
    const float* x;  ///< [any, ld_x]
    uint32_t ld_x;
    /// Row i of the operand comes from row source_rows[i] of x; from row i where null.
    const uint32_t* source_rows;
    const float* weight;  ///< [out.columns]
    float epsilon;
    Operand out;
};
void rms_norm(Stream& stream, const RmsNormArgs& args, uint32_t rows);

/// Rounds rows to 16 bits as they are.
struct RoundRowsArgs {
    const float* x;  ///< [rows, ld_x]
    uint32_t ld_x;
    Operand out;
};
void round_rows(Stream& stream, const RoundRowsArgs& args, uint32_t rows);

}  // namespace pitwall::cuda
