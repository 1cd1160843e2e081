// SPDX-License-Identifier: GPL-3.0-or-later
//
// Matrices in the device's memory, and products with them. A product's bits depend on the matrix and on the row of activations
// alone, not on how many rows there are or which kernel takes them: operands meet in the same instruction in the same order,
// and the columns are cut into the same parts, whose sums are added in ascending order.
#pragma once

#include <cstdint>

#include "engine/exec/cuda/kernels/operand.h"
#include "engine/exec/cuda/runtime/runtime.h"

namespace pitwall::cuda {

enum class MatrixFormat : uint8_t {
    kHalf,    ///< binary16
    kBfloat,  ///< bfloat16
    // A weight is code * scale + minimum (binary16 both), rounded once to binary16: in every kernel the same number.
    kNibble,  ///< codes of 4 bits, a scale and a minimum for each 32 columns: Q4_0, Q4_1, Q4_K
    kByte,    ///< of 8 bits: Q5_0, Q5_1, Q8_0, Q5_K
    kByte16,  ///< of 8 bits, a scale and a minimum for each 16 columns: Q6_K
    /// E4M3, made of floats where that is asked for. In products they are binary16, exactly; a row's scale multiplies its sums,
    /// after the tokens' powers of two.
    kFloat8
};

/// What it is multiplied with.
constexpr OperandNumber operand_number(MatrixFormat format) {
    return format == MatrixFormat::kBfloat ? OperandNumber::kBfloat : OperandNumber::kHalf;
}

/// [rows, columns]: a row of it makes one output. How it lies in memory: matrix_layout.h.
struct DeviceMatrix {
    MatrixFormat format = MatrixFormat::kHalf;
    uint32_t rows = 0, columns = 0;
    const std::byte* values = nullptr;
    const std::byte* scales = nullptr;  ///< null where the format has none
    uint64_t bytes = 0;                 ///< of all
    const float* row_scales = nullptr;  ///< of kFloat8: one for each row that is stored
};

enum class Epilogue : uint8_t {
    kStore,  ///< out = matrix x
    kAdd,    ///< out += matrix x
    /// For a matrix of gates and ups in turns of 8 rows: out[i] = silu(gate i) * up i, of rows / 2 columns (Shazeer 2020).
    kSwiglu
};

struct MultiplyArgs {
    DeviceMatrix matrix;
    Operand x;        ///< [tokens, ...], in the format's operand number
    uint32_t tokens;  ///< 1 or more
    float* out;       ///< [tokens, ld_out]
    uint32_t ld_out;
    Epilogue epilogue = Epilogue::kStore;
};
void multiply(Stream& stream, const MultiplyArgs& args);

/// Rows of a matrix as float32: out[i] [ld_out] = row ids[i], or row before[-1 - ids[i]] where that is negative: of a number
/// that the device alone knows yet.
struct GatherArgs {
    DeviceMatrix matrix;
    const int32_t* ids;     ///< [count]
    const int32_t* before;  ///< may be null where no id is negative
    float* out;             ///< [count, ld_out]
    uint32_t ld_out;
};
void gather_rows(Stream& stream, const GatherArgs& args, uint32_t count);

}  // namespace pitwall::cuda
