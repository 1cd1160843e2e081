// SPDX-License-Identifier: GPL-3.0-or-later
//
// How a DeviceMatrix lies in memory: in tiles of 16 rows and 64 columns, [row tile][column tile], filled up with zeros. A tile
// holds what the 32 lanes of a warp need, 16 bytes a lane and load, so that each load of a warp is whole lines and a row of
// tiles is one stream.
//
// mma m16n8k16 takes 16 rows of weights; which column meets which of its k is free as long as weights and activations agree.
// Lane 4 g + t holds rows g and g + 8, and of each 32 columns its 8 neighbours from 8 t on: the first four are k = 2 t,
// 2 t + 1, 2 t + 8, 2 t + 9 of one instruction, the last four of the next. So activations are read as they lie, 16 bytes a lane.
#pragma once

#include <cstdint>

#include "engine/exec/cuda/kernels/matrix.h"

namespace pitwall::cuda {

inline constexpr uint32_t kTileRows = 16, kTileColumns = kOperandColumns;
inline constexpr uint32_t kLaneColumns = 8;  ///< of each 32

constexpr uint32_t row_tiles(uint32_t rows) { return (rows + kTileRows - 1) / kTileRows; }
constexpr uint32_t column_tiles(uint32_t columns) { return padded_columns(columns) / kTileColumns; }

/// Where a number of a tile is.
struct TilePlace {
    uint32_t group;  ///< g: the row, or the row - 8
    uint32_t half;   ///< 1: the row is g + 8
    uint32_t k32;    ///< which 32 columns
    uint32_t t;
    uint32_t i;  ///< of the lane's 8 columns
    constexpr uint32_t lane() const { return 4 * group + t; }
};
constexpr TilePlace place_in_tile(uint32_t row, uint32_t column) {
    return {row % 8, row % kTileRows / 8, column % kTileColumns / 32, column % 32 / kLaneColumns,
            column % kLaneColumns};
}

/// 16-bit numbers: [k32][which mma of the two][lane][first or last pair of its four columns][half][2], so that 16 bytes are the
/// registers of an mma in their order.
constexpr uint32_t number_offset(const TilePlace& p) {
    const uint32_t pair = p.i / 2;
    return ((2 * p.k32 + pair / 2) * 32 + p.lane()) * 16 + 8 * (pair % 2) + 4 * p.half + 2 * (p.i % 2);
}
/// Bytes: [k32][lane][half][8]. The code plus 128; or an E4M3.
constexpr uint32_t byte_offset(const TilePlace& p) { return (p.k32 * 32 + p.lane()) * 16 + 8 * p.half + p.i; }
inline constexpr int32_t kByteZero = 128;
/// Words of 8 nibbles: [lane][half][k32]; columns 2 j and 2 j + 1 are 4 bits at 4 j and at 16 + 4 j, so that one mask gives
/// the numerals of a pair of binary16.
constexpr uint32_t nibbles_offset(const TilePlace& p) { return p.lane() * 16 + 8 * p.half + 4 * p.k32; }
constexpr uint32_t nibble_shift(uint32_t i) { return 4 * (i / 2) + 16 * (i % 2); }
/// Pairs of scale and minimum: [which 16 of 32, in kByte16 alone][g][half][k32].
constexpr uint32_t scales_offset(const TilePlace& p, uint32_t which16) {
    return (8 * which16 + p.group) * 16 + 8 * p.half + 4 * p.k32;
}

/// Bytes of a tile.
constexpr uint32_t tile_value_bytes(MatrixFormat format) {
    if (format == MatrixFormat::kNibble) return 512;
    return format == MatrixFormat::kHalf || format == MatrixFormat::kBfloat ? 2048 : 1024;
}
constexpr uint32_t tile_scale_bytes(MatrixFormat format) {
    if (format == MatrixFormat::kByte16) return 256;
    return format == MatrixFormat::kByte || format == MatrixFormat::kNibble ? 128 : 0;
}
/// Numbers in memory as an mma takes them; others become such in registers.
constexpr bool has_numbers(MatrixFormat format) {
    return format == MatrixFormat::kHalf || format == MatrixFormat::kBfloat;
}
constexpr bool has_row_scales(MatrixFormat format) { return format == MatrixFormat::kFloat8; }

/// Products are summed in so many parts of whole tiles of columns, as equal as can be; a matter of the matrix alone.
inline constexpr uint32_t kMostParts = 8;
constexpr uint32_t part_count(uint32_t tiles) { return tiles < kMostParts ? tiles : kMostParts; }
constexpr uint32_t part_begin(uint32_t part, uint32_t tiles) { return part * tiles / part_count(tiles); }

}  // namespace pitwall::cuda
