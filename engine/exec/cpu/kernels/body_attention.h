// SPDX-License-Identifier: GPL-3.0-or-later
//
// Paged attention of one tier, in float32. Included after body_products.h.
#pragma once

#include "engine/exec/cpu/kernels/body_kv.h"
#include "engine/exec/cpu/kernels/body_softmax.h"

namespace pitwall::engine::cpu {
namespace {

PITWALL_LANES void ask_for(const std::byte* begin, const std::byte* end) {
    for (; begin < end; begin += 64) __builtin_prefetch(begin, 0, kSecondLevel);
}

/// K and V of up to 64 positions as float: K [head_dim][64], V [64][v_dim]. Blocks beyond `positions` are zero in
/// K; V is read up to `positions` only.
void open_tile(const AttentionChunk& c, const TileBlocks& tile, uint32_t positions, float* k, float* v) {
    for (uint32_t b = 0; b * 16 < kAttentionTile; ++b) {
        if (b * 16 >= positions) {
            for (uint32_t d = 0; d < c.layout->head_dim; ++d) store(k + d * kAttentionTile + b * 16, zero());
            continue;
        }
        const std::byte* const ahead = tile.ahead == nullptr ? nullptr : tile.ahead[b];
        if (ahead != nullptr) ask_for(ahead, ahead + c.layout->v_values);
        open_k_block(*c.layout, tile.blocks[b], k + size_t{b} * 16, kAttentionTile);
        if (ahead != nullptr) ask_for(ahead + c.layout->v_values, ahead + c.layout->bytes);
        const uint32_t tokens = positions - b * 16 < 16 ? positions - b * 16 : 16;
        open_v_block(*c.layout, tile.blocks[b], tokens, v + size_t{b} * 16 * c.layout->v_dim);
    }
}

/// Scores of one row become weights.
PITWALL_LANES void softmax_row(const AttentionChunk& c, uint32_t row, float* scores, int32_t visible) {
    const float tile_peak = horizontal_max(peak_of(scores, visible));
    if (tile_peak > c.peak[row]) raise_peak(c, row, tile_peak);
    const F peak = broadcast(c.peak[row]);
    F sum = zero();
    for (uint32_t i = 0; i < kAttentionTile; i += 16) {
        const F w = exponential(sub(load(scores + i), peak));
        store(scores + i, w);
        sum = add(sum, w);
    }
    c.weight[row] += horizontal_sum(sum);
}

void softmax_rows(const AttentionChunk& c, float* scores, uint32_t tile_position) {
    for (uint32_t row = 0; row < c.rows; ++row)
        softmax_row(c, row, scores + size_t{row} * kAttentionTile, visible_positions(c, row, tile_position));
}

/// K and V in binary16, read as they are by the queries of one register tile: for so few, to open them first costs more
/// than the products. Products and sums are those of tile(), in its order.
constexpr int kHalfVectors = 4;  ///< of 16 positions, or values

/// Of the first kBlocks blocks of a tile.
template <int kRows, int kBlocks>
void half_scores(const AttentionChunk& c, const TileBlocks& tile, float* scores) {
    F sum[kRows][kBlocks];
    unrolled<kRows * kBlocks>([&](auto i)
                                  PITWALL_LAMBDA { sum[i.value / kBlocks][i.value % kBlocks] = zero(); });
    for (uint32_t d = 0; d < c.layout->head_dim; ++d) {
        F k[kBlocks];
        unrolled<kBlocks>([&](auto b) PITWALL_LAMBDA {
            k[b.value] = load_half(tile.blocks[b.value] + size_t{d} * 32);
            // Two values share a line. One at a time, since few can be on their way at once.
            if (tile.ahead != nullptr && d % 2 == 0)
                __builtin_prefetch(tile.ahead[b.value] + size_t{d} * 32, 0, kSecondLevel);
        });
        unrolled<kRows>([&](auto r) PITWALL_LAMBDA {
            const F q = broadcast(c.q[r.value * c.ldq + d]);
            unrolled<kBlocks>([&](auto b) PITWALL_LAMBDA {
                sum[r.value][b.value] = fma(k[b.value], q, sum[r.value][b.value]);
            });
        });
    }
    unrolled<kRows * kBlocks>([&](auto i) PITWALL_LAMBDA {
        constexpr int kRow = i.value / kBlocks, kVector = i.value % kBlocks;
        store(scores + kRow * kAttentionTile + kVector * 16, sum[kRow][kVector]);
    });
}

/// Blocks that nobody sees are not read; what stands in their scores is masked.
template <int kRows, int kBlocks = 1>
void half_scores_of(const AttentionChunk& c, const TileBlocks& tile, uint32_t positions, float* scores) {
    if constexpr (kBlocks < kHalfVectors) {
        if (positions > kBlocks * 16) return half_scores_of<kRows, kBlocks + 1>(c, tile, positions, scores);
    }
    half_scores<kRows, kBlocks>(c, tile, scores);
}

/// Of values [first, first + 64) of a head.
template <int kRows>
void half_values(const AttentionChunk& c, const TileBlocks& tile, const float* weights, uint32_t positions,
                 uint32_t first) {
    const size_t ld = c.layout->v_dim;
    F sum[kRows][kHalfVectors];
    unrolled<kRows * kHalfVectors>([&](auto i) PITWALL_LAMBDA {
        constexpr int kRow = i.value / kHalfVectors, kVector = i.value % kHalfVectors;
        sum[kRow][kVector] = load(c.value + kRow * ld + first + kVector * 16);
    });
    for (uint32_t p = 0; p < positions; ++p) {
        const size_t at = c.layout->v_values + (p % 16 * ld + first) * 2;
        const std::byte* values = tile.blocks[p / 16] + at;
        if (tile.ahead != nullptr)
            ask_for(tile.ahead[p / 16] + at, tile.ahead[p / 16] + at + 32 * kHalfVectors);
        F v[kHalfVectors];
        unrolled<kHalfVectors>([&](auto i) PITWALL_LAMBDA { v[i.value] = load_half(values + i.value * 32); });
        unrolled<kRows>([&](auto r) PITWALL_LAMBDA {
            const F w = broadcast(weights[r.value * kAttentionTile + p]);
            unrolled<kHalfVectors>([&](auto i) PITWALL_LAMBDA {
                sum[r.value][i.value] = fma(v[i.value], w, sum[r.value][i.value]);
            });
        });
    }
    unrolled<kRows * kHalfVectors>([&](auto i) PITWALL_LAMBDA {
        constexpr int kRow = i.value / kHalfVectors, kVector = i.value % kHalfVectors;
        store(c.value + kRow * ld + first + kVector * 16, sum[kRow][kVector]);
    });
}

template <int kRows>
void attend_halves(const AttentionChunk& c, const TileBlocks& tile, uint32_t positions,
                   uint32_t tile_position) {
    half_scores_of<kRows>(c, tile, positions, c.scratch);
    softmax_rows(c, c.scratch, tile_position);
    for (uint32_t first = 0; first < c.layout->v_dim; first += 16 * kHalfVectors)
        half_values<kRows>(c, tile, c.scratch, positions, first);
}

template <int kRows = 1>
bool attend_few(const AttentionChunk& c, const TileBlocks& tile, uint32_t positions, uint32_t tile_position) {
    if constexpr (kRows > kHalfRows) {
        return false;
    } else {
        if (c.rows > kRows) return attend_few<kRows + 1>(c, tile, positions, tile_position);
        attend_halves<kRows>(c, tile, positions, tile_position);
        return true;
    }
}

bool is_half(const KvHeadLayout& layout) {
    return layout.k.number == KvNumber::kF16 && layout.v.number == KvNumber::kF16 &&
           layout.v_dim % (16 * kHalfVectors) == 0;
}

void attend_tile(const AttentionChunk& c, const TileBlocks& blocks, uint32_t tile_position) {
    const uint32_t left = c.last_position + 1 - tile_position;
    const uint32_t positions = left < kAttentionTile ? left : kAttentionTile;
    if (is_half(*c.layout) && attend_few(c, blocks, positions, tile_position)) return;
    float* k = c.scratch;
    float* v = k + size_t{kAttentionTile} * c.layout->v_dim;
    float* scores = v + size_t{kAttentionTile} * c.layout->v_dim;
    open_tile(c, blocks, positions, k, v);
    tile({c.q, c.ldq, k, kAttentionTile, scores, kAttentionTile, c.rows, kAttentionTile / 16,
          c.layout->head_dim, false});
    softmax_rows(c, scores, tile_position);
    tile({scores, kAttentionTile, v, c.layout->v_dim, c.value, c.layout->v_dim, c.rows, c.layout->v_dim / 16,
          positions, true});
}

void attend(const AttentionChunk& c) {
    if (c.first_tile == 0) begin_rows(c);
    for (uint32_t tile = c.first_tile; tile < c.end_tile; ++tile) {
        const uint32_t position = c.first_position + tile * kAttentionTile;
        if (position > c.last_position) break;
        attend_tile(c, blocks_of(c, tile), position);
    }
}

void merge(const AttentionMerge& m) {
    const float peak = *m.peak > m.next_peak ? *m.peak : m.next_peak;
    const F shrink = exponential(broadcast(*m.peak - peak));
    const F next = exponential(broadcast(m.next_peak - peak));
    float first[16], second[16];
    store(first, shrink);
    store(second, next);
    *m.weight = *m.weight * first[0] + m.next_weight * second[0];
    *m.peak = peak;
    for (uint32_t i = 0; i < m.v_dim; i += 16) {
        store(m.value + i, fma(load(m.next_value + i), next, mul(load(m.value + i), shrink)));
    }
}

}  // namespace
}  // namespace pitwall::engine::cpu
