// SPDX-License-Identifier: GPL-3.0-or-later
//
// Random matrices in storage formats, as numbers and in the device's memory.
#pragma once

#include <algorithm>
#include <cmath>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "engine/exec/cuda/executor/pack_matrix.h"
#include "tests/engine/exec/cuda/device_array.h"
#include "tests/engine/exec/random_weights.h"

namespace pitwall::cuda {

/// A storage type, and what becomes of it.
struct Stored {
    Stored(engine::TensorType of_file, WeightDtype on_device = WeightDtype::kFile)
        : type(of_file), dtype(on_device) {}
    std::string name() const {
        return std::string(engine::tensor_type_name(type)) + (dtype == WeightDtype::kFp8 ? "_fp8" : "");
    }
    engine::TensorType type;
    WeightDtype dtype;
};
inline void PrintTo(const Stored& stored, std::ostream* out) { *out << stored.name(); }
inline const std::vector<Stored>& all_stored() {
    static const std::vector<Stored> all = [] {
        std::vector<Stored> made(std::begin(engine::kAllTypes), std::end(engine::kAllTypes));
        for (const engine::TensorType type : engine::kAllTypes)
            if (engine::block_values(type) == 1) made.emplace_back(type, WeightDtype::kFp8);
        return made;
    }();
    return all;
}

/// OCP 8-bit floating point specification: exponent bias 7.
inline double e4m3_of(uint32_t code) {
    const int exponent = static_cast<int>(code >> 3 & 15), fraction = static_cast<int>(code & 7);
    const double size = exponent == 0 ? std::ldexp(fraction, -9) : std::ldexp(8 + fraction, exponent - 10);
    return code & 0x80 ? -size : size;
}

/// What a row of finite floats is as E4M3: each the nearest of all there are, of two as near the one whose code is even.
inline void round_to_float8(std::span<float> row) {
    float largest = 0;
    for (const float value : row) largest = std::max(largest, std::fabs(value));
    const float scale = std::max(largest / 448, 0x1p-126f);
    for (float& value : row) {
        const double wanted = std::fabs(value / scale);
        uint32_t best = 0;
        for (uint32_t code = 1; code < 0x7f; ++code) {
            const double off = std::fabs(e4m3_of(code) - wanted), least = std::fabs(e4m3_of(best) - wanted);
            if (off < least || (off == least && code % 2 == 0)) best = code;
        }
        value = std::copysign(static_cast<float>(e4m3_of(best)), value) * scale;
    }
}

struct RandomTensor {
    RandomTensor(const Stored& stored, uint32_t rows, uint32_t columns, std::mt19937& random)
        : bytes(engine::random_blocks(stored.type, size_t{rows} * columns, 1, random)),
          values(size_t{rows} * columns),
          view{stored.type, rows, columns, bytes.data(), bytes.size()} {
        engine::dequantize(stored.type, bytes.data(), values.size(), values.data());
        if (stored.dtype == WeightDtype::kFp8)
            for (uint32_t row = 0; row < rows; ++row)
                round_to_float8(std::span(values).subspan(size_t{row} * columns, columns));
    }
    std::vector<std::byte> bytes;
    std::vector<float> values;  ///< as they are on the device, but for the rounding of codes to binary16
    engine::TensorView view;
};

struct MatrixOnDevice {
    MatrixOnDevice(Stream& stream, const HostMatrix& host)
        : values(stream, host.values),
          scales(stream, host.scales),
          row_scales(stream, host.row_scales),
          matrix(host.shape) {
        matrix.values = values.data();
        matrix.scales = scales.data();
        matrix.row_scales = row_scales.data();
    }
    DeviceArray<std::byte> values, scales;
    DeviceArray<float> row_scales;
    DeviceMatrix matrix;
};

/// How far off a product may be whose operands have 16 bits.
inline double tolerance_of(MatrixFormat format) { return format == MatrixFormat::kBfloat ? 6e-3 : 1e-3; }

}  // namespace pitwall::cuda
