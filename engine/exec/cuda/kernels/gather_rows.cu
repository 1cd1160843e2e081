// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/kernels/weight_tiles.h"
#include "engine/exec/cuda/runtime/launch.h"

namespace pitwall::cuda {
namespace {

constexpr uint32_t kThreads = 128;

PITWALL_DEVICE uint32_t word_at(const std::byte* at) { return *reinterpret_cast<const uint32_t*>(at); }

/// A lane's 8 columns of one row, as four pairs.
PITWALL_DEVICE void read_lane(const DeviceMatrix& m, uint32_t row, uint32_t column, uint32_t (&out)[4]) {
    const TilePlace place = place_in_tile(row, column);
    const size_t tile = size_t{row / kTileRows} * column_tiles(m.columns) + column / kTileColumns;
    const std::byte* const values = m.values + tile * tile_value_bytes(m.format);
    if (m.format == MatrixFormat::kFloat8) {
        const Words2 bytes = load8(values + byte_offset(place));
        return unpack_float8(bytes.x, bytes.y, out);
    }
    if (has_numbers(m.format)) {
#pragma unroll
        for (uint32_t j = 0; j < 4; ++j)
            out[j] = word_at(values + number_offset(place_in_tile(row, column + 2 * j)));
        return;
    }
    const uint32_t which16 = m.format == MatrixFormat::kByte16 ? column % 32 / 16 : 0;
    const uint32_t scale =
        word_at(m.scales + tile * tile_scale_bytes(m.format) + scales_offset(place, which16));
    if (m.format == MatrixFormat::kNibble)
        return unpack_nibbles(word_at(values + nibbles_offset(place)), scale, out);
    const Words2 bytes = load8(values + byte_offset(place));
    unpack_bytes(bytes.x, bytes.y, scale, out);
}

PITWALL_DEVICE float number_of(uint32_t bits, MatrixFormat format) {
    const auto number = static_cast<uint16_t>(bits);
    return format == MatrixFormat::kBfloat ? to_float(Bfloat{number}) : to_float(Half{number});
}

/// A block a row.
PITWALL_KERNEL gather_rows_kernel(GatherArgs args) {
    begin_kernel();
    const DeviceMatrix& m = args.matrix;
    const int32_t id = args.ids[block_x()];
    const auto row = static_cast<uint32_t>(id < 0 ? args.before[-1 - id] : id);
    float* const out = args.out + size_t{block_x()} * args.ld_out;
    const float scale = has_row_scales(m.format) ? m.row_scales[row] : 1.0f;
    for (uint32_t column = thread() * kLaneColumns; column < m.columns; column += threads() * kLaneColumns) {
        uint32_t pairs[4];
        read_lane(m, row, column, pairs);
#pragma unroll
        for (uint32_t i = 0; i < kLaneColumns; ++i)
            if (column + i < m.columns)
                out[column + i] = number_of(pairs[i / 2] >> 16 * (i % 2), m.format) * scale;
    }
}

}  // namespace

void gather_rows(Stream& stream, const GatherArgs& args, uint32_t count) {
    launch(stream, {.kernel = "gather_rows", .x = count, .threads = kThreads}, gather_rows_kernel, args);
}

}  // namespace pitwall::cuda
