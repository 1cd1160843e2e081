// SPDX-License-Identifier: GPL-3.0-or-later
//
// K or V of 16 tokens of one head, from the pool to shared memory and on to the fragments of a matrix product. Codes become
// 16-bit floats that hold them exactly. Which dimension stands where in a fragment differs by format, so that a lane uses all
// 32 bits that a matrix load gives it: for K the query's fragments follow suit (load_query), for V the result's (value_dim).
#pragma once

#include <cstddef>

#include "engine/exec/cuda/simt/simt.h"
#include "engine/kv/kv_layout.h"

namespace pitwall::cuda {

using engine::KvNumber;

constexpr uint32_t bits_of(KvNumber number) {
    if (number == KvNumber::kInt4) return 4;
    return number == KvNumber::kInt8 || number == KvNumber::kFp8 ? 8 : 16;
}

inline constexpr uint32_t kTokensOfBlock = 16, kPieceBytes = 16;

/// How they lie in memory: [16 tokens][kPieces] of 16 bytes, then [16 tokens][kScales] of binary16; and in shared memory, where
/// an odd number of pieces a token puts eight tokens' pieces of one column into different banks.
template <KvNumber kStored, uint32_t kDim>
struct KvRows {
    static constexpr KvNumber kNumber = kStored;
    static constexpr uint32_t kBits = bits_of(kStored), kHeadDim = kDim;
    static constexpr uint32_t kPieces = kDim * kBits / (8 * kPieceBytes);
    static constexpr uint32_t kGroups = kBits == 4 ? kDim / 32 : 0;  ///< with a scale and a minimum each
    static constexpr uint32_t kScales = kBits == 4 ? 2 * kGroups : kBits == 8 ? 1 : 0;
    static constexpr uint32_t kRowBytes =
        (kPieces == 1 ? 1 : kPieces + 1) * kPieceBytes;  ///< in shared memory
    static constexpr uint32_t kScaleBytes = kTokensOfBlock * kScales * 2;
    static constexpr uint32_t kScalesAt = kTokensOfBlock * kRowBytes;  ///< in shared memory
    static constexpr uint32_t kBytes = kScalesAt + kScaleBytes;        ///< of shared memory
};

/// Starts the copies of one of `kLanes` lanes. Tokens from `valid` on become zero: what nobody wrote may be no number.
template <class Rows, uint32_t kLanes>
PITWALL_DEVICE void copy_rows(std::byte* slot, const std::byte* values, const std::byte* scales,
                              uint32_t valid, uint32_t me) {
    constexpr uint32_t kValues = kTokensOfBlock * Rows::kPieces, kScales = Rows::kScaleBytes / kPieceBytes;
    constexpr uint32_t kTokensAtOnce = kLanes / Rows::kPieces;
    const uint32_t token = me / Rows::kPieces;
    std::byte* const to = slot + token * Rows::kRowBytes + me % Rows::kPieces * kPieceBytes;
    const std::byte* const from = values + me * kPieceBytes;
#pragma unroll
    for (uint32_t i = 0; i * kLanes < kValues; ++i)
        if (kValues % kLanes == 0 || i * kLanes + me < kValues)
            copy_async(to + i * kTokensAtOnce * Rows::kRowBytes, from + i * kLanes * kPieceBytes,
                       i * kTokensAtOnce + token < valid);
    if constexpr (kScales > 0) {
        static_assert(kScales <= kLanes);
        if (me < kScales) copy_async(slot + Rows::kScalesAt + me * kPieceBytes, scales + me * kPieceBytes);
    }
}

/// Four 8 x 8 matrices of a slot: `kTokensFirst`: matrix i is of token half i % 2, piece `piece` + i / 2; otherwise of
/// token half i / 2, piece `piece` + i % 2. A token that has but one piece gives it for both.
template <class Rows, bool kTokensFirst>
PITWALL_DEVICE const std::byte* matrix_row(const std::byte* slot, uint32_t piece) {
    const uint32_t matrix = lane() / 8, high = matrix / 2, low = matrix % 2;
    const uint32_t token = (kTokensFirst ? low : high) * 8 + lane() % 8;
    const uint32_t further = Rows::kPieces == 1 ? 0 : kTokensFirst ? high : low;
    return slot + token * Rows::kRowBytes + further * kPieceBytes + piece * kPieceBytes;
}

PITWALL_DEVICE uint32_t word_at(const std::byte* from) { return *reinterpret_cast<const uint32_t*>(from); }

// Codes of a 32-bit word to two pairs of binary16 that are exactly they. 1024 + u is binary16's 0x6400 | u.

/// Bytes (0, 1) and (2, 3), or with kApart (0, 2) and (1, 3).
template <KvNumber kNumber, bool kApart>
PITWALL_DEVICE void open_bytes(uint32_t word, uint32_t& first, uint32_t& second) {
    if constexpr (kNumber == KvNumber::kInt8) {
        const uint32_t unsigned_bytes = word ^ 0x80808080u;
        first = permute_bytes(unsigned_bytes, 0x64646464u, kApart ? 0x4240u : 0x4140u);
        second = permute_bytes(unsigned_bytes, 0x64646464u, kApart ? 0x4341u : 0x4342u);
        first = subtract_halves(first, 0x64806480u);
        second = subtract_halves(second, 0x64806480u);
    } else {
        const uint32_t low = e4m3_to_halves(word & 0xffff), high = e4m3_to_halves(word >> 16);
        first = kApart ? permute_bytes(low, high, 0x5410u) : low;
        second = kApart ? permute_bytes(low, high, 0x7632u) : high;
    }
}

/// Nibbles kIndex and kIndex + 4.
template <uint32_t kIndex>
PITWALL_DEVICE uint32_t open_nibbles(uint32_t word) {
    const uint32_t shifted = kIndex < 2 ? word : word >> 8;
    if constexpr (kIndex % 2 == 0)
        return subtract_halves(and_or(shifted, 0x000f000fu, 0x64006400u), 0x64006400u);
    // 16 times as much: (1024 + 16 u) / 16 - 64
    return fma_halves(and_or(shifted, 0x00f000f0u, 0x64006400u), 0x2c002c00u, 0xd400d400u);
}

/// The dimension of output column 2 (lane % 4) + `odd` in tile `tile` of 8.
template <KvNumber kNumber>
PITWALL_DEVICE uint32_t value_dim(uint32_t tile, uint32_t odd) {
    const uint32_t t = lane() % 4;
    if constexpr (bits_of(kNumber) == 16) return 8 * tile + 2 * t + odd;
    if constexpr (bits_of(kNumber) == 8) return 16 * (tile / 2) + 4 * t + 2 * odd + tile % 2;
    return 32 * (tile / 4) + 8 * t + 4 * odd + tile % 4;
}

/// One row's part of the query fragments a[step][0] and a[step][2] (rows 0 to 7) or [1] and [3]: `row` [kDim], or null.
template <class Keys>
PITWALL_DEVICE void load_query(uint32_t (&a)[Keys::kHeadDim / 16][4], uint32_t half, const uint16_t* row) {
    const uint32_t t = lane() % 4;
    constexpr uint32_t kSteps = Keys::kHeadDim / 16;
#pragma unroll
    for (uint32_t step = 0; step < kSteps; ++step) {
        uint32_t low = 0, high = 0;
        if (row != nullptr && Keys::kBits == 16) {
            const uint16_t* const from = row + 16 * step + 2 * t;
            low = *reinterpret_cast<const uint32_t*>(from);
            high = *reinterpret_cast<const uint32_t*>(from + 8);
        } else if (row != nullptr && Keys::kBits == 8) {
            const Words2 words = load8(row + 16 * step + 4 * t);
            low = words.x, high = words.y;
        } else if (row != nullptr) {
            const Words4 words = load16(row + 32 * (step / 2) + 8 * t);
            const uint32_t first = step % 2 == 0 ? words.x : words.y;
            const uint32_t second = step % 2 == 0 ? words.z : words.w;
            low = permute_bytes(first, second, 0x5410u);
            high = permute_bytes(first, second, 0x7632u);
        }
        a[step][half] = low, a[step][half + 2] = high;
    }
}

}  // namespace pitwall::cuda
