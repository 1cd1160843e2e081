// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/pack_matrix.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

#include "engine/exec/cuda/executor/block_codes.h"
#include "engine/exec/cuda/kernels/matrix_layout.h"
#include "engine/model/e4m3.h"
#include "engine/model/half.h"

namespace pitwall::cuda {
namespace {

using engine::TensorType;
using engine::TensorView;

MatrixFormat format_of(TensorType type) {
    switch (type) {
        case TensorType::kF32:
        case TensorType::kF16:
            return MatrixFormat::kHalf;
        case TensorType::kBF16:
            return MatrixFormat::kBfloat;
        case TensorType::kQ4_0:
        case TensorType::kQ4_1:
        case TensorType::kQ4_K:
            return MatrixFormat::kNibble;
        case TensorType::kQ5_0:
        case TensorType::kQ5_1:
        case TensorType::kQ8_0:
        case TensorType::kQ5_K:
            return MatrixFormat::kByte;
        case TensorType::kQ6_K:
            return MatrixFormat::kByte16;
    }
    return MatrixFormat::kHalf;
}

bool is_float(const TensorView& tensor) { return engine::block_values(tensor.type) == 1; }

/// Of a row that becomes E4M3.
float row_scale(std::span<const float> row) {
    float largest = 0;
    for (const float value : row) {
        if (!std::isfinite(value)) return std::numeric_limits<float>::quiet_NaN();
        largest = std::max(largest, std::fabs(value));
    }
    return std::max(largest / engine::kLargestE4m3, std::numeric_limits<float>::min());
}

/// Puts rows of tensors in their places of a matrix of zeros; of each row the columns that the matrix has.
class Packer {
  public:
    Packer(MatrixFormat format, uint32_t rows, ColumnRange columns);
    void put_row(const TensorView& tensor, uint32_t source_row, uint32_t row);
    HostMatrix finish() { return std::move(matrix_); }

  private:
    void put_numbers(std::span<const float> numbers, uint32_t row);
    void put_float8(std::span<const float> numbers, uint32_t row);
    void put_group(const CodeGroup& group, uint32_t row, uint32_t first_column);
    size_t tile_index(uint32_t row, uint32_t column) const {
        return size_t{row / kTileRows} * tiles_ + column / kTileColumns;
    }

    HostMatrix matrix_;
    ColumnRange columns_;
    uint32_t tiles_;
    size_t value_bytes_, scale_bytes_;  ///< of a tile
};

Packer::Packer(MatrixFormat format, uint32_t rows, ColumnRange columns)
    : columns_(columns),
      tiles_(column_tiles(columns.count)),
      value_bytes_(tile_value_bytes(format)),
      scale_bytes_(tile_scale_bytes(format)) {
    const size_t count = size_t{row_tiles(rows)} * tiles_;
    // A code of zero is kByteZero in a byte; times a scale of zero any other would do as well.
    matrix_.values.resize(count * value_bytes_);
    matrix_.scales.resize(count * scale_bytes_);
    if (has_row_scales(format)) matrix_.row_scales.resize(size_t{row_tiles(rows)} * kTileRows);
    matrix_.shape.format = format;
    matrix_.shape.rows = rows;
    matrix_.shape.columns = columns.count;
    matrix_.shape.bytes = packed_bytes(format, rows, columns.count);
}

void Packer::put_row(const TensorView& tensor, uint32_t source_row, uint32_t row) {
    const std::byte* data = tensor.data + engine::row_bytes(tensor.type, tensor.columns) * source_row;
    const MatrixFormat format = matrix_.shape.format;
    if (has_numbers(format) || has_row_scales(format)) {
        thread_local std::vector<float> numbers;
        numbers.resize(tensor.columns);
        engine::dequantize(tensor.type, data, tensor.columns, numbers.data());
        return has_numbers(format) ? put_numbers(numbers, row) : put_float8(numbers, row);
    }
    const uint32_t values = engine::block_values(tensor.type), bytes = engine::block_bytes(tensor.type);
    const uint32_t end = columns_.first + columns_.count;
    CodeGroup groups[8];
    for (uint32_t block = columns_.first / values; block * values < end; ++block) {
        read_block(tensor.type, data + size_t{block} * bytes, groups);
        for (uint32_t i = 0; i < values / kGroupValues; ++i) {
            const uint32_t column = block * values + i * kGroupValues;
            if (column >= columns_.first && column < end) put_group(groups[i], row, column - columns_.first);
        }
    }
}

void Packer::put_numbers(std::span<const float> numbers, uint32_t row) {
    const bool bfloat = matrix_.shape.format == MatrixFormat::kBfloat;
    for (uint32_t column = 0; column < columns_.count; ++column) {
        const float value = numbers[columns_.first + column];
        const uint16_t bits = bfloat ? engine::float_to_bfloat16(value) : engine::float_to_half(value);
        std::byte* const tile = matrix_.values.data() + tile_index(row, column) * value_bytes_;
        std::memcpy(tile + number_offset(place_in_tile(row, column)), &bits, sizeof bits);
    }
}

void Packer::put_float8(std::span<const float> numbers, uint32_t row) {
    const float scale = row_scale(numbers);
    matrix_.row_scales[row] = scale;
    if (std::isnan(scale)) return;  // no code says so, and none has to
    for (uint32_t column = 0; column < columns_.count; ++column) {
        std::byte* const tile = matrix_.values.data() + tile_index(row, column) * value_bytes_;
        const uint8_t code = engine::float_to_e4m3(numbers[columns_.first + column] / scale);
        tile[byte_offset(place_in_tile(row, column))] = static_cast<std::byte>(code);
    }
}

void Packer::put_group(const CodeGroup& group, uint32_t row, uint32_t first_column) {
    const size_t tile = tile_index(row, first_column);
    std::byte* const values = matrix_.values.data() + tile * value_bytes_;
    std::byte* const scales = matrix_.scales.data() + tile * scale_bytes_;
    const bool nibbles = matrix_.shape.format == MatrixFormat::kNibble;
    for (uint32_t i = 0; i < kGroupValues; i += kLaneColumns) {
        const TilePlace place = place_in_tile(row, first_column + i);
        uint32_t word = 0;
        for (uint32_t j = 0; j < kLaneColumns; ++j) {
            const int8_t code = group.codes[i + j];
            if (nibbles)
                word |= uint32_t{static_cast<uint8_t>(code)} << nibble_shift(j);
            else
                values[byte_offset(place) + j] = static_cast<std::byte>(code + kByteZero);
        }
        if (nibbles) std::memcpy(values + nibbles_offset(place), &word, sizeof word);
    }
    const uint32_t kinds = matrix_.shape.format == MatrixFormat::kByte16 ? 2 : 1;
    for (uint32_t i = 0; i < kinds; ++i) {
        const uint16_t pair[2] = {group.scales[i], group.minima[i]};
        std::memcpy(scales + scales_offset(place_in_tile(row, first_column), i), pair, sizeof pair);
    }
}

/// Rows have bytes of their own, so threads need not know of each other; a large matrix has one for each core.
template <class Work>
void each_row(uint32_t rows, const Work& work) {
    constexpr uint32_t kRowsWorthAThread = 256;
    const uint32_t threads =
        std::clamp(rows / kRowsWorthAThread, 1u, std::max(1u, std::thread::hardware_concurrency()));
    std::vector<std::jthread> others;
    const auto run = [&](uint32_t thread) {
        for (uint32_t row = thread * uint64_t{rows} / threads; row < (thread + 1) * uint64_t{rows} / threads;
             ++row)
            work(row);
    };
    for (uint32_t thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
    run(0);
}

}  // namespace

MatrixFormat format_for(std::span<const TensorView> stack, WeightDtype dtype) {
    if (dtype == WeightDtype::kFp8 && std::ranges::all_of(stack, is_float)) return MatrixFormat::kFloat8;
    MatrixFormat format = format_of(stack[0].type);
    for (const TensorView& tensor : stack) {
        const MatrixFormat other = format_of(tensor.type);
        if (has_numbers(format) != has_numbers(other) || (has_numbers(format) && format != other))
            return MatrixFormat::kHalf;
        format = std::max(format, other);  // the codes' formats are in the order of what they hold
    }
    return format;
}

uint64_t packed_bytes(MatrixFormat format, uint32_t rows, uint32_t columns) {
    const uint64_t row_scales = has_row_scales(format) ? kTileRows * sizeof(float) : 0;
    const uint64_t of_a_tile = tile_value_bytes(format) + tile_scale_bytes(format);
    return row_tiles(rows) * (column_tiles(columns) * of_a_tile + row_scales);
}

HostMatrix pack_matrix(std::span<const TensorView> stack, WeightDtype dtype) {
    uint32_t rows = 0;
    for (const TensorView& tensor : stack) rows += tensor.rows;
    Packer packer(format_for(stack, dtype), rows, {0, stack[0].columns});
    uint32_t first = 0;
    for (const TensorView& tensor : stack) {
        assert(tensor.columns == stack[0].columns);
        each_row(tensor.rows, [&](uint32_t row) { packer.put_row(tensor, row, first + row); });
        first += tensor.rows;
    }
    return packer.finish();
}

HostMatrix pack_columns(const TensorView& tensor, ColumnRange columns, WeightDtype dtype) {
    Packer packer(format_for({&tensor, 1}, dtype), tensor.rows, columns);
    each_row(tensor.rows, [&](uint32_t row) { packer.put_row(tensor, row, row); });
    return packer.finish();
}

HostMatrix pack_gate_up(const TensorView& gate, const TensorView& up, WeightDtype dtype) {
    assert(gate.rows == up.rows && gate.columns == up.columns);
    const TensorView both[] = {gate, up};
    Packer packer(format_for(both, dtype), gate.rows + up.rows, {0, gate.columns});
    constexpr uint32_t kTurn = kTileRows / 2;
    each_row(gate.rows, [&](uint32_t i) {
        const uint32_t row = i / kTurn * kTileRows + i % kTurn;
        packer.put_row(gate, i, row);
        packer.put_row(up, i, row + kTurn);
    });
    return packer.finish();
}

}  // namespace pitwall::cuda
