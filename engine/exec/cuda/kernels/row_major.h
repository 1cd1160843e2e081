// SPDX-License-Identifier: GPL-3.0-or-later
//
// What surrounds a product by somebody else's kernels, which know neither tiles nor codes nor epilogues.
#pragma once

#include "engine/exec/cuda/kernels/matrix_layout.h"

namespace pitwall::cuda {

/// Rows that a matrix has in memory, those included that fill up its last tiles.
constexpr uint32_t stored_rows(const DeviceMatrix& matrix) { return row_tiles(matrix.rows) * kTileRows; }
/// Bytes of it row by row.
constexpr uint64_t row_major_bytes(const DeviceMatrix& matrix) {
    return uint64_t{stored_rows(matrix)} * padded_columns(matrix.columns) * sizeof(uint16_t);
}

/// All its stored rows one after the other, out[row][padded_columns]: the same 16-bit numbers that multiply() takes. Scales of
/// rows are not in them: finish_product() has those.
void unpack_matrix(Stream& stream, const DeviceMatrix& matrix, uint16_t* out);

/// What multiply() does with its sums, for sums[token][stored_rows] that somebody else made of the same operands.
void finish_product(Stream& stream, const MultiplyArgs& args, const float* sums);

}  // namespace pitwall::cuda
