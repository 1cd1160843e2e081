// SPDX-License-Identifier: GPL-3.0-or-later
//
// Matrices of a model file, laid out for the kernels (kernels/matrix_layout.h). Codes stay codes. Floats become E4M3 where that
// is asked for: divided by a row's scale, which is its largest magnitude / 448 (but 2^-126 at least) as a float32, and rounded to
// the nearest. It is that of the tensor's whole row, also for who packs some of its columns. A row with what is no finite number
// has no number for a scale, so that a damaged file shows in what is computed.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/exec/cuda/kernels/matrix.h"
#include "engine/model/model.h"
#include "presets/knob.h"

namespace pitwall::cuda {

using presets::WeightDtype;

/// A matrix on its way to the device.
struct HostMatrix {
    DeviceMatrix shape;  ///< all but the addresses
    std::vector<std::byte> values, scales;
    std::vector<float> row_scales;
};

/// Columns of a tensor; of one of codes they begin and end between two groups of 32.
struct ColumnRange {
    uint32_t first, count;
};

/// What a stack of tensors becomes: the narrowest that holds each of them as its own format would; binary16 where 16-bit
/// formats meet. With kFp8 E4M3, where all are floats.
MatrixFormat format_for(std::span<const engine::TensorView> stack, WeightDtype dtype);

/// Bytes that pack_matrix() gives and a device has to hold.
uint64_t packed_bytes(MatrixFormat format, uint32_t rows, uint32_t columns);

/// The rows of one tensor after those of the other; all have the same columns.
HostMatrix pack_matrix(std::span<const engine::TensorView> stack, WeightDtype dtype = WeightDtype::kFile);
/// All rows of a tensor, and of its columns these.
HostMatrix pack_columns(const engine::TensorView& tensor, ColumnRange columns,
                        WeightDtype dtype = WeightDtype::kFile);
/// For Epilogue::kSwiglu: 8 rows of the gate, 8 of the up, in turns; each is filled up to a multiple of 8. `rows` counts those of
/// the two tensors, without what was filled up.
HostMatrix pack_gate_up(const engine::TensorView& gate, const engine::TensorView& up,
                        WeightDtype dtype = WeightDtype::kFile);

}  // namespace pitwall::cuda
