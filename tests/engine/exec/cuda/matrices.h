// SPDX-License-Identifier: GPL-3.0-or-later
//
// Random matrices in storage formats, as numbers and in the device's memory.
#pragma once

#include <span>
#include <vector>

#include "engine/exec/cuda/executor/pack_matrix.h"
#include "tests/engine/exec/cuda/device_array.h"
#include "tests/engine/exec/random_weights.h"

namespace pitwall::cuda {

struct RandomTensor {
    RandomTensor(engine::TensorType type, uint32_t rows, uint32_t columns, std::mt19937& random)
        : bytes(engine::random_blocks(type, size_t{rows} * columns, 1, random)),
          values(size_t{rows} * columns),
          view{type, rows, columns, bytes.data(), bytes.size()} {
        engine::dequantize(type, bytes.data(), values.size(), values.data());
    }
    std::vector<std::byte> bytes;
    std::vector<float> values;
    engine::TensorView view;
};

struct MatrixOnDevice {
    MatrixOnDevice(Stream& stream, const HostMatrix& host)
        : values(stream, host.values), scales(stream, host.scales), matrix(host.shape) {
        matrix.values = values.data();
        matrix.scales = scales.data();
    }
    DeviceArray<std::byte> values, scales;
    DeviceMatrix matrix;
};

/// How far off a product may be whose operands have 16 bits.
inline double tolerance_of(MatrixFormat format) { return format == MatrixFormat::kBfloat ? 6e-3 : 1e-3; }

}  // namespace pitwall::cuda
