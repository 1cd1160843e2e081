// SPDX-License-Identifier: GPL-3.0-or-later
//
// How a kernel writes a row of activations for the matrix that comes next.
#pragma once

#include "engine/exec/cuda/kernels/block_reduce.h"
#include "engine/exec/cuda/kernels/operand.h"

namespace pitwall::cuda {

/// The power of two that brings `largest` to [2^13, 2^14), and what undoes it; both 1 for zero and for what is no number.
PITWALL_DEVICE float operand_factor(float largest, float& undo) {
    constexpr int kTarget = 13, kMost = 100;
    undo = 1;
    if (!(largest > 0) || largest > 3e38f) return 1;
    int exponent = ilogbf(largest);
    exponent = exponent < -kMost ? -kMost : exponent;
    undo = ldexpf(1.0f, exponent - kTarget);
    return ldexpf(1.0f, kTarget - exponent);
}

/// Writes value(column) of one row, by all threads of the block.
template <class Value>
PITWALL_DEVICE void write_operand(const Operand& out, uint32_t row, SharedMemory& shared,
                                  const Value& value) {
    uint16_t* const target = out.data + static_cast<size_t>(row) * out.ld;
    if (out.number == OperandNumber::kBfloat) {
        for (uint32_t i = thread(); i < out.ld; i += threads()) {
            Bfloat rounded{0};
            if (i < out.columns) round_to(value(i), rounded);
            target[i] = rounded.bits;
        }
        if (thread() == 0) out.scales[row] = 1;
        return;
    }
    float largest = 0;
    for (uint32_t i = thread(); i < out.columns; i += threads()) largest = fmaxf(largest, fabsf(value(i)));
    float undo = 1;
    const float factor = operand_factor(block_max(largest, shared), undo);
    for (uint32_t i = thread(); i < out.ld; i += threads()) {
        Half rounded{0};
        if (i < out.columns) round_to(value(i) * factor, rounded);
        target[i] = rounded.bits;
    }
    if (thread() == 0) out.scales[row] = undo;
}

}  // namespace pitwall::cuda
