// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "engine/exec/cuda/simt/numbers.h"

namespace pitwall::cuda {

/// The 16-bit format in which activations meet weights: that of the weights.
enum class OperandNumber : uint8_t {
    kHalf,  ///< each row times a power of two that brings its largest magnitude to [2^13, 2^14): nothing overflows
    kBfloat  ///< as it is
};

/// Rows of activations that a matrix is multiplied with, [rows, ld]. Columns from `columns` on are zero.
struct Operand {
    uint16_t* data = nullptr;
    float* scales = nullptr;  ///< [rows]: what undoes a row's power of two; 1 for bfloats
    uint32_t columns = 0;
    uint32_t ld = 0;  ///< a multiple of kOperandColumns
    OperandNumber number = OperandNumber::kHalf;
};

/// Matrices are walked so many columns at a time; operands and weights are filled up with zeros.
inline constexpr uint32_t kOperandColumns = 64;

constexpr uint32_t padded_columns(uint32_t columns) {
    return (columns + kOperandColumns - 1) / kOperandColumns * kOperandColumns;
}

}  // namespace pitwall::cuda
