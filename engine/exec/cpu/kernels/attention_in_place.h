// SPDX-License-Identifier: GPL-3.0-or-later
//
// For few queries, whose K and V it would take longer to lay out as tiles than to read: products where K and V lie, for
// attention_amx.cpp, with the bits of TDPBF16PS. That instruction adds 32 products as two sums, of even ones and of odd ones, each in
// ascending order and rounded to float32 once a step (fused: a product of two bfloat16 is exact); both together are added to what was
// there; denormal numbers are zero (Intel's Software Developer's Manual, volume 2, TDPBF16PS; tests compare the bits). In an anonymous namespace, see lanes_avx512.h.
#pragma once

#include "engine/exec/cpu/kernels/attention_operands.h"

namespace pitwall::engine::cpu {
namespace {

constexpr uint32_t kFewRows = 6;
constexpr uint32_t kPassBlocks = 2;  ///< of K, at a time

/// This thread rounds as the instruction does whatever the caller has set: to the nearest, denormal operands and results are zero, and
/// nothing traps. Gives what end_tile_rounding() takes.
uint32_t begin_tile_rounding() {
    constexpr uint32_t kFlushResults = 0x8000, kAllMasked = 0x1f80, kOperandsAreZero = 0x0040;
    const uint32_t before = _mm_getcsr();
    _mm_setcsr(kFlushResults | kAllMasked | kOperandsAreZero);
    return before;
}
void end_tile_rounding(uint32_t before) { _mm_setcsr(before); }

bool fits_in_place(const AttentionChunk& c) {
    return c.rows <= kFewRows && in_halves(*c.layout) && c.layout->head_dim % kStep == 0 &&
           c.layout->v_dim % kStep == 0;
}

/// Words [16 * kHalf, 16 * kHalf + 16) of bfloat16 as float32.
template <int kHalf>
PITWALL_LANES F widened(I words) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i places = _mm512_slli_epi32(_mm512_add_epi32(lane, _mm512_set1_epi32(16 * kHalf)), 16);
    return {_mm512_castsi512_ps(_mm512_maskz_permutexvar_epi16(0xaaaaaaaa, places, words.v))};
}

/// bfloat16 as float32, as many as are a multiple of 32.
void widen(const std::byte* words, uint32_t count, float* out) {
    for (uint32_t i = 0; i < count; i += kStep, words += kRowBytes) {
        const I some = load_bits(words);
        store(out + i, widened<0>(some));
        store(out + i + 16, widened<1>(some));
    }
}

/// Sums of even and of odd products.
template <int kCount>
struct Sums {
    F even[kCount], odd[kCount];

    [[gnu::always_inline]] void clear() {
        unrolled<kCount>([&](auto i) PITWALL_LAMBDA { even[i.value] = odd[i.value] = zero(); });
    }
    template <int kIndex>
    [[gnu::always_inline]] void add_to(float* sums) const {
        store(sums, add(load(sums), add(even[kIndex], odd[kIndex])));
    }
};

/// Scores [row][64] of kBlocks blocks from `first` on. Queries [row][head_dim] are float32 of what was rounded to bfloat16.
template <int kRowCount, int kBlockCount>
void score_in_place(const AttentionChunk& c, const TileBlocks& tile, uint32_t first, const float* q,
                    float* scores) {
    const uint32_t dim = c.layout->head_dim;
    unrolled<kRowCount * kBlockCount>([&](auto i) PITWALL_LAMBDA {
        store(scores + i.value / kBlockCount * kAttentionTile + i.value % kBlockCount * 16, zero());
    });
    for (uint32_t step = 0; step < dim; step += kStep) {
        Sums<kRowCount * kBlockCount> sums;
        sums.clear();
        for (uint32_t d = step; d < step + kStep; d += 2) {
            F even[kBlockCount], odd[kBlockCount];
            unrolled<kBlockCount>([&](auto b) PITWALL_LAMBDA {
                if (tile.ahead != nullptr)
                    __builtin_prefetch(tile.ahead[first + b.value] + size_t{d} * 32, 0, kSecondLevel);
                const I pair = narrowed(load_bits(tile.blocks[first + b.value] + size_t{d} * 32));
                even[b.value] = widened<0>(pair);
                odd[b.value] = widened<1>(pair);
            });
            unrolled<kRowCount * kBlockCount>([&](auto i) PITWALL_LAMBDA {
                constexpr int kBlock = i.value % kBlockCount;
                const float* own = q + size_t{i.value / kBlockCount} * dim + d;
                sums.even[i.value] = fma(even[kBlock], broadcast(own[0]), sums.even[i.value]);
                sums.odd[i.value] = fma(odd[kBlock], broadcast(own[1]), sums.odd[i.value]);
            });
        }
        unrolled<kRowCount * kBlockCount>([&](auto i) PITWALL_LAMBDA {
            sums.template add_to<i.value>(scores + i.value / kBlockCount * kAttentionTile +
                                          i.value % kBlockCount * 16);
        });
    }
}

/// Adds V of some positions, of 16 * kVectors values from `first` on, to those of each row; weights [row][64] are float32 of what was
/// rounded to bfloat16.
template <int kRowCount, int kVectors>
void add_in_place(const AttentionChunk& c, const TileBlocks& tile, uint32_t positions, uint32_t first,
                  const float* weights) {
    const size_t dim = c.layout->v_dim;
    constexpr int kCount = kRowCount * kVectors;
    for (uint32_t step = 0; step < positions; step += kStep) {
        Sums<kCount> sums;
        sums.clear();
        const auto add_position = [&](uint32_t p, F* sum) PITWALL_LAMBDA {
            const size_t at = c.layout->v_values + (p % kBlockPositions * dim + first) * 2;
            const std::byte* v = tile.blocks[p / kBlockPositions] + at;
            F values[kVectors];
            unrolled<kVectors / 2>([&](auto i) PITWALL_LAMBDA {
                if (tile.ahead != nullptr)
                    __builtin_prefetch(tile.ahead[p / kBlockPositions] + at + i.value * kRowBytes, 0,
                                       kSecondLevel);
                const I words = narrowed(load_bits(v + i.value * kRowBytes));
                values[2 * i.value] = widened<0>(words);
                values[2 * i.value + 1] = widened<1>(words);
            });
            unrolled<kCount>([&](auto i) PITWALL_LAMBDA {
                const F weight = broadcast(weights[i.value / kVectors * kAttentionTile + p]);
                sum[i.value] = fma(values[i.value % kVectors], weight, sum[i.value]);
            });
        };
        const uint32_t end = step + kStep < positions ? step + kStep : positions;
        for (uint32_t p = step; p < end; p += 2) {
            add_position(p, sums.even);
            if (p + 1 < end) add_position(p + 1, sums.odd);
        }
        unrolled<kCount>([&](auto i) PITWALL_LAMBDA {
            sums.template add_to<i.value>(c.value + i.value / kVectors * dim + first +
                                          i.value % kVectors * 16);
        });
    }
}

/// What is asked of K, or of V, for as many rows as the chunk has.
template <int kRowCount>
void score_rows_in_place(const AttentionChunk& c, const TileBlocks& tile, uint32_t positions, const float* q,
                         float* scores) {
    uint32_t block = 0;
    for (; (block + 1) * kBlockPositions < positions; block += kPassBlocks)
        score_in_place<kRowCount, kPassBlocks>(c, tile, block, q, scores + size_t{block} * kBlockPositions);
    if (block * kBlockPositions < positions)
        score_in_place<kRowCount, 1>(c, tile, block, q, scores + size_t{block} * kBlockPositions);
}

template <int kRowCount>
void add_rows_in_place(const AttentionChunk& c, const TileBlocks& tile, uint32_t positions,
                       const float* weights) {
    const uint32_t dim = c.layout->v_dim;
    uint32_t first = 0;
    if constexpr (kRowCount <= 3)  // what 32 registers hold
        for (; first + 64 <= dim; first += 64) add_in_place<kRowCount, 4>(c, tile, positions, first, weights);
    for (; first < dim; first += 32) add_in_place<kRowCount, 2>(c, tile, positions, first, weights);
}

/// Calls use(Index<rows>) for that number of them.
template <int kRowCount = 1, class Use>
void with_rows(uint32_t rows, const Use& use) {
    if constexpr (kRowCount <= static_cast<int>(kFewRows)) {
        if (rows == kRowCount) return use(Index<kRowCount>{});
        with_rows<kRowCount + 1>(rows, use);
    }
}

}  // namespace
}  // namespace pitwall::engine::cpu
