// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tiles of weights in a lane's registers, and the operands of mma made of them (matrix_layout.h). Every kernel that multiplies
// goes through here, so that a weight is the same number in all.
#pragma once

#include "engine/exec/cuda/kernels/matrix_layout.h"
#include "engine/exec/cuda/simt/simt.h"

namespace pitwall::cuda {

/// A scale twice, and a minimum twice.
struct ScalePair {
    uint32_t scale, minimum;
};
PITWALL_DEVICE ScalePair spread_scale(uint32_t word) {
    return {permute_bytes(word, word, 0x1010), permute_bytes(word, word, 0x3232)};
}

/// 8 nibbles to the binary16 of their columns. A code put into the bits of 1024 is 1024 + code, 16 bits further up 1024 + 16
/// code; taking 1024 off again is exact.
PITWALL_DEVICE void unpack_nibbles(uint32_t codes, uint32_t scale_word, uint32_t (&out)[4]) {
    constexpr uint32_t kLow = 0x000f000f, kHigh = 0x00f000f0, k1024 = 0x64006400, kSixteenth = 0x2c002c00,
                       kMinus64 = 0xd400d400;
    const ScalePair s = spread_scale(scale_word);
    const uint32_t upper = codes >> 8;
    out[0] = subtract_halves(and_or(codes, kLow, k1024), k1024);
    out[1] = fma_halves(and_or(codes, kHigh, k1024), kSixteenth, kMinus64);
    out[2] = subtract_halves(and_or(upper, kLow, k1024), k1024);
    out[3] = fma_halves(and_or(upper, kHigh, k1024), kSixteenth, kMinus64);
#pragma unroll
    for (uint32_t& pair : out) pair = fma_halves(pair, s.scale, s.minimum);
}

/// 8 bytes likewise; they lie on 1024 as code + 128.
PITWALL_DEVICE void unpack_bytes(uint32_t low, uint32_t high, uint32_t scale_word, uint32_t (&out)[4]) {
    constexpr uint32_t k1024 = 0x64646464, k1152 = 0x64806480;
    const ScalePair s = spread_scale(scale_word);
    out[0] = permute_bytes(low, k1024, 0x4140);
    out[1] = permute_bytes(low, k1024, 0x4342);
    out[2] = permute_bytes(high, k1024, 0x4140);
    out[3] = permute_bytes(high, k1024, 0x4342);
#pragma unroll
    for (uint32_t& pair : out) pair = fma_halves(subtract_halves(pair, k1152), s.scale, s.minimum);
}

/// 8 E4M3, which are binary16 exactly.
PITWALL_DEVICE void unpack_float8(uint32_t low, uint32_t high, uint32_t (&out)[4]) {
    out[0] = e4m3_to_halves(low & 0xffff);
    out[1] = e4m3_to_halves(low >> 16);
    out[2] = e4m3_to_halves(high & 0xffff);
    out[3] = e4m3_to_halves(high >> 16);
}

PITWALL_DEVICE Words4 load_shared(const std::byte* from) { return *reinterpret_cast<const Words4*>(from); }

/// Of a tile of codes, where a lane's scales begin: those of its rows, and in kByte16 of its half of each 32 columns.
/// 0 where there are none.
PITWALL_DEVICE uint32_t lane_scales(MatrixFormat format) {
    if (tile_scale_bytes(format) == 0) return 0;
    const uint32_t which16 = format == MatrixFormat::kByte16 ? lane() % 4 / 2 : 0;
    return scales_offset({.group = lane() / 4, .half = 0, .k32 = 0, .t = 0, .i = 0}, which16);
}

PITWALL_DEVICE uint32_t lane_values() { return 16 * lane(); }

// Kinds of tiles in a lane's registers. load() takes the addresses in shared memory of the lane's values and scales; rows(k32)
// gives the weights of 32 columns.

/// What a lane holds of the rows g (half 0) and g + 8 (half 1) in 32 columns.
struct Rows32 {
    uint32_t words[2][4];
};
/// The a of the first (0) or second (1) mma of them.
PITWALL_DEVICE void operand_of(const Rows32& rows, uint32_t which, uint32_t (&a)[4]) {
    a[0] = rows.words[0][2 * which];
    a[1] = rows.words[1][2 * which];
    a[2] = rows.words[0][2 * which + 1];
    a[3] = rows.words[1][2 * which + 1];
}

struct NibbleTile {
    static constexpr MatrixFormat kFormat = MatrixFormat::kNibble;
    using Number = Half;
    Words4 codes, scales;

    PITWALL_DEVICE void load(const std::byte* value_words, const std::byte* scale_words) {
        codes = load_shared(value_words);
        scales = load_shared(scale_words);
    }
    PITWALL_DEVICE Rows32 rows(uint32_t k32) const {
        Rows32 out;
        unpack_nibbles(k32 == 0 ? codes.x : codes.y, k32 == 0 ? scales.x : scales.y, out.words[0]);
        unpack_nibbles(k32 == 0 ? codes.z : codes.w, k32 == 0 ? scales.z : scales.w, out.words[1]);
        return out;
    }
};

template <MatrixFormat kBytes>
struct ByteTile {
    static constexpr MatrixFormat kFormat = kBytes;
    using Number = Half;
    Words4 codes[2], scales;

    PITWALL_DEVICE void load(const std::byte* value_words, const std::byte* scale_words) {
        codes[0] = load_shared(value_words);
        codes[1] = load_shared(value_words + 512);
        scales = load_shared(scale_words);
    }
    PITWALL_DEVICE Rows32 rows(uint32_t k32) const {
        Rows32 out;
        const Words4& c = codes[k32];
        unpack_bytes(c.x, c.y, k32 == 0 ? scales.x : scales.y, out.words[0]);
        unpack_bytes(c.z, c.w, k32 == 0 ? scales.z : scales.w, out.words[1]);
        return out;
    }
};

struct Float8Tile {
    static constexpr MatrixFormat kFormat = MatrixFormat::kFloat8;
    using Number = Half;
    Words4 codes[2];

    PITWALL_DEVICE void load(const std::byte* value_words, const std::byte*) {
        codes[0] = load_shared(value_words);
        codes[1] = load_shared(value_words + 512);
    }
    PITWALL_DEVICE Rows32 rows(uint32_t k32) const {
        Rows32 out;
        const Words4& c = codes[k32];
        unpack_float8(c.x, c.y, out.words[0]);
        unpack_float8(c.z, c.w, out.words[1]);
        return out;
    }
};

template <MatrixFormat kNumbers, class NumberType>
struct NumberTile {
    static constexpr MatrixFormat kFormat = kNumbers;
    using Number = NumberType;
    Words4 values[2][2];  ///< [k32][which mma]

    PITWALL_DEVICE void load(const std::byte* value_words, const std::byte*) {
#pragma unroll
        for (uint32_t i = 0; i < 4; ++i) values[i / 2][i % 2] = load_shared(value_words + 512 * i);
    }
    PITWALL_DEVICE Rows32 rows(uint32_t k32) const {
        const Words4 &first = values[k32][0], &second = values[k32][1];
        return {{{first.x, first.z, second.x, second.z}, {first.y, first.w, second.y, second.w}}};
    }
};

/// What `Tile` is in memory.
template <class Tile>
inline constexpr uint32_t kValueBytes = tile_value_bytes(Tile::kFormat);
template <class Tile>
inline constexpr uint32_t kScaleBytes = tile_scale_bytes(Tile::kFormat);

/// Calls launch.template operator()<Tile>() for the tiles of a format.
template <class Launch>
void with_tile(MatrixFormat format, const Launch& launch) {
    switch (format) {
        case MatrixFormat::kHalf:
            return launch.template operator()<NumberTile<MatrixFormat::kHalf, Half>>();
        case MatrixFormat::kBfloat:
            return launch.template operator()<NumberTile<MatrixFormat::kBfloat, Bfloat>>();
        case MatrixFormat::kNibble:
            return launch.template operator()<NibbleTile>();
        case MatrixFormat::kByte:
            return launch.template operator()<ByteTile<MatrixFormat::kByte>>();
        case MatrixFormat::kByte16:
            return launch.template operator()<ByteTile<MatrixFormat::kByte16>>();
        case MatrixFormat::kFloat8:
            return launch.template operator()<Float8Tile>();
    }
}

}  // namespace pitwall::cuda
