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
    kNibble,  ///< 4 bits, a scale and a minimum (binary16) for each 32: Q4_0, Q4_1, Q4_K
    kByte     ///< 8 bits, a scale and a minimum for each 16: Q8_0, Q5_0, Q5_1, Q5_K, Q6_K
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
    uint64_t bytes = 0;                 ///< of both
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
    /// At least multiply_workspace_bytes() of it, for what is unpacked on the way; its contents are lost.
    std::byte* workspace = nullptr;
};
void multiply(Stream& stream, const MultiplyArgs& args);
/// For up to so many tokens.
uint64_t multiply_workspace_bytes(const DeviceMatrix& matrix, uint32_t tokens);

/// Rows of a matrix as float32: out[i] [ld_out] = row ids[i].
void gather_rows(Stream& stream, const DeviceMatrix& matrix, const int32_t* ids, uint32_t count, float* out,
                 uint32_t ld_out);

}  // namespace pitwall::cuda
