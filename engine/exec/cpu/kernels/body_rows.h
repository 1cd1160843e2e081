// SPDX-License-Identifier: GPL-3.0-or-later
//
// Row-wise arithmetic of one tier: norm, rotation, what becomes of sums, softmax, attention. Included after body_products.h.
#pragma once

#include "engine/exec/cpu/kernels/body_groups.h"
#include "engine/exec/cpu/kernels/body_kv.h"
#include "engine/exec/cpu/kernels/body_kv_convert.h"
#include "engine/sample/exponential.h"

namespace pitwall::engine::cpu {
namespace {

constexpr float kMasked = -3.0e38f;  ///< a score that no query sees; finite, so that differences stay numbers

/// exp(x) within 2 units in the last place, for x <= 88; below -80 it is 0, so that a product with a value of the
/// cache hardly ever underflows.
PITWALL_LANES F exponential(F x) {
    namespace e = engine::exponential;
    const F clamped = max(min(x, broadcast(88.0f)), broadcast(-80.0f));
    const F magic = broadcast(e::kMagic);
    const F shifted = fma(clamped, broadcast(e::kPerLn2), magic);
    const F n = sub(shifted, magic);
    F r = fma(n, broadcast(-e::kLn2High), clamped);
    r = fma(n, broadcast(-e::kLn2Low), r);
    F p = broadcast(e::kSeries[0]);
    unrolled<5>([&](auto i) PITWALL_LAMBDA { p = fma(p, r, broadcast(e::kSeries[i.value + 1])); });
    p = add(fma(p, mul(r, r), r), broadcast(1.0f));
    const I power = add(shift_left<23>(as_bits(shifted)), broadcast_bits(127 << 23));
    return select_less(x, broadcast(-80.0f), zero(), mul(p, as_float(power)));
}

void exponential_rows(const float* x, uint32_t vectors, float* out) {
    for (uint32_t v = 0; v < vectors; ++v) store(out + 16 * v, exponential(load(x + 16 * v)));
}

void rms_norm(const float* x, const float* norm_weight, uint32_t size, uint32_t count, float epsilon,
              float* out) {
    F squares = zero();
    for (uint32_t i = 0; i < count; i += 16) squares = fma(load(x + i), load(x + i), squares);
    const float mean = horizontal_sum(squares) / static_cast<float>(size);
    const F scale = broadcast(1.0f / __builtin_sqrtf(mean + epsilon));
    for (uint32_t i = 0; i < count; i += 16)
        store(out + i, mul(mul(load(x + i), scale), load(norm_weight + i)));
}

void swiglu(const PanelSums& p) {
    for (uint32_t token = 0; token < p.tokens; ++token) {
        const float* sums = p.sums + token * p.ld;
        const F gate = load(sums), up = load(sums + kPanelRows);
        const F silu = div(gate, add(broadcast(1.0f), exponential(sub(zero(), gate))));
        store(p.out + token * p.ldo, mul(silu, up));
    }
}

void rotate_pairs(const PairRotation& r, float* heads, uint32_t count) {
    for (uint32_t head = 0; head < count; ++head, heads += r.dim) {
        uint32_t i = 0;
        for (; i + 16 <= r.dim; i += 16) {
            const F x = load(heads + i);
            store(heads + i, fma(x, load(r.cosines + i), mul(swap_neighbours(x), load(r.sines + i))));
        }
        for (; i < r.dim; i += 2) {
            const float a = heads[i], b = heads[i + 1];
            heads[i] = a * r.cosines[i] + b * r.sines[i];
            heads[i + 1] = b * r.cosines[i] + a * r.sines[i + 1];
        }
    }
}

void scale(const float* x, float factor, uint32_t count, float* out) {
    uint32_t i = 0;
    for (; i + 16 <= count; i += 16) store(out + i, mul(load(x + i), broadcast(factor)));
    for (; i < count; ++i) out[i] = x[i] * factor;
}

void store_sums(const PanelSums& p) {
    for (uint32_t token = 0; token < p.tokens; ++token)
        store(p.out + token * p.ldo, load(p.sums + token * p.ld));
}

void add_sums(const PanelSums& p) {
    for (uint32_t token = 0; token < p.tokens; ++token) {
        float* out = p.out + token * p.ldo;
        store(out, add(load(out), load(p.sums + token * p.ld)));
    }
}

/// Hardly any sixteen outputs hold one that is larger than all before: they are looked at one by one only then.
void keep_largest(const PanelRow& row, Largest& largest) {
    if (!any_at_least(load(row.values), broadcast(largest.value))) return;
    for (uint32_t i = 0; i < row.count; ++i) {
        const int32_t column = row.first_column + static_cast<int32_t>(i);
        if (largest.is_beaten_by(row.values[i], column)) largest = {row.values[i], column};
    }
}

/// K and V of up to 64 positions as float: K [head_dim][64], V [64][v_dim]. Blocks beyond `positions` are zero in
/// K; V is read up to `positions` only.
void open_tile(const AttentionChunk& c, const std::byte* const* blocks, uint32_t positions, float* k,
               float* v) {
    for (uint32_t b = 0; b * 16 < kAttentionTile; ++b) {
        if (b * 16 >= positions) {
            for (uint32_t d = 0; d < c.layout->head_dim; ++d) store(k + d * kAttentionTile + b * 16, zero());
            continue;
        }
        open_k_block(*c.layout, blocks[b], k + size_t{b} * 16, kAttentionTile);
        const uint32_t tokens = positions - b * 16 < 16 ? positions - b * 16 : 16;
        open_v_block(*c.layout, blocks[b], tokens, v + size_t{b} * 16 * c.layout->v_dim);
    }
}

/// Hides what lies after `visible` positions and gives the largest score.
PITWALL_LANES float mask_and_peak(float* scores, int32_t visible) {
    const F lanes = [] {
        alignas(64) static constexpr float kLanes[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                         8, 9, 10, 11, 12, 13, 14, 15};
        return load(kLanes);
    }();
    F peak = broadcast(kMasked);
    for (int32_t i = 0; i < static_cast<int32_t>(kAttentionTile); i += 16) {
        F score = load(scores + i);
        if (i + 16 > visible)
            score = select_less(lanes, broadcast(static_cast<float>(visible - i)), score, broadcast(kMasked));
        store(scores + i, score);
        peak = max(score, peak);
    }
    return horizontal_max(peak);
}

/// Scores of one row become weights; what was summed before shrinks to the new peak.
PITWALL_LANES void softmax_row(const AttentionChunk& c, uint32_t row, float* scores, int32_t visible) {
    const float tile_peak = mask_and_peak(scores, visible);
    const float peak = c.peak[row] > tile_peak ? c.peak[row] : tile_peak;
    F sum = zero();
    for (uint32_t i = 0; i < kAttentionTile; i += 16) {
        const F w = exponential(sub(load(scores + i), broadcast(peak)));
        store(scores + i, w);
        sum = add(sum, w);
    }
    const float tile_weight = horizontal_sum(sum);
    if (peak == c.peak[row]) {  // as most often: nothing shrinks
        c.weight[row] += tile_weight;
        return;
    }
    const F shrink = exponential(broadcast(c.peak[row] - peak));
    float first[16];
    store(first, shrink);
    c.weight[row] = c.weight[row] * first[0] + tile_weight;
    c.peak[row] = peak;
    float* value = c.value + size_t{row} * c.layout->v_dim;
    // Adding zero keeps a sum from being -0, which a masked position's +0 would change.
    for (uint32_t i = 0; i < c.layout->v_dim; i += 16)
        store(value + i, add(mul(load(value + i), shrink), zero()));
}

void softmax_rows(const AttentionChunk& c, float* scores, uint32_t tile_position) {
    for (uint32_t row = 0; row < c.rows; ++row) {
        const int32_t visible =
            static_cast<int32_t>(c.row_position[row]) + 1 - static_cast<int32_t>(tile_position);
        softmax_row(c, row, scores + size_t{row} * kAttentionTile, visible);
    }
}

/// K and V in binary16, read as they are by the queries of one register tile: for so few, to open them first costs more
/// than the products. Products and sums are those of tile(), in its order.
constexpr int kHalfVectors = 4;  ///< of 16 positions, or values

/// Of the first kBlocks blocks of a tile.
template <int kRows, int kBlocks>
void half_scores(const AttentionChunk& c, const std::byte* const* blocks, float* scores) {
    F sum[kRows][kBlocks];
    unrolled<kRows * kBlocks>([&](auto i)
                                  PITWALL_LAMBDA { sum[i.value / kBlocks][i.value % kBlocks] = zero(); });
    for (uint32_t d = 0; d < c.layout->head_dim; ++d) {
        F k[kBlocks];
        unrolled<kBlocks>([&](auto b)
                              PITWALL_LAMBDA { k[b.value] = load_half(blocks[b.value] + size_t{d} * 32); });
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
void half_scores_of(const AttentionChunk& c, const std::byte* const* blocks, uint32_t positions,
                    float* scores) {
    if constexpr (kBlocks < kHalfVectors) {
        if (positions > kBlocks * 16) return half_scores_of<kRows, kBlocks + 1>(c, blocks, positions, scores);
    }
    half_scores<kRows, kBlocks>(c, blocks, scores);
}

/// Of values [first, first + 64) of a head.
template <int kRows>
void half_values(const AttentionChunk& c, const std::byte* const* blocks, const float* weights,
                 uint32_t positions, uint32_t first) {
    const size_t ld = c.layout->v_dim;
    F sum[kRows][kHalfVectors];
    unrolled<kRows * kHalfVectors>([&](auto i) PITWALL_LAMBDA {
        constexpr int kRow = i.value / kHalfVectors, kVector = i.value % kHalfVectors;
        sum[kRow][kVector] = load(c.value + kRow * ld + first + kVector * 16);
    });
    for (uint32_t p = 0; p < positions; ++p) {
        const std::byte* values = blocks[p / 16] + c.layout->v_values + (p % 16 * ld + first) * 2;
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
void attend_halves(const AttentionChunk& c, const std::byte* const* blocks, uint32_t positions,
                   uint32_t tile_position) {
    half_scores_of<kRows>(c, blocks, positions, c.scratch);
    softmax_rows(c, c.scratch, tile_position);
    for (uint32_t first = 0; first < c.layout->v_dim; first += 16 * kHalfVectors)
        half_values<kRows>(c, blocks, c.scratch, positions, first);
}

template <int kRows = 1>
bool attend_few(const AttentionChunk& c, const std::byte* const* blocks, uint32_t positions,
                uint32_t tile_position) {
    if constexpr (kRows > kHalfRows) {
        return false;
    } else {
        if (c.rows > kRows) return attend_few<kRows + 1>(c, blocks, positions, tile_position);
        attend_halves<kRows>(c, blocks, positions, tile_position);
        return true;
    }
}

bool is_half(const KvHeadLayout& layout) {
    return layout.k.number == KvNumber::kF16 && layout.v.number == KvNumber::kF16 &&
           layout.v_dim % (16 * kHalfVectors) == 0;
}

void attend_tile(const AttentionChunk& c, const std::byte* const* blocks, uint32_t tile_position) {
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

void begin_rows(const AttentionChunk& c) {
    for (uint32_t row = 0; row < c.rows; ++row) {
        c.peak[row] = kMasked;
        c.weight[row] = 0;
    }
    for (size_t i = 0; i < size_t{c.rows} * c.layout->v_dim; i += 16) store(c.value + i, zero());
}

void attend(const AttentionChunk& c) {
    if (c.first_tile == 0) begin_rows(c);
    for (uint32_t tile = c.first_tile; tile < c.end_tile; ++tile) {
        const uint32_t position = c.first_position + tile * kAttentionTile;
        if (position > c.last_position) break;
        attend_tile(c, c.blocks + tile * (kAttentionTile / 16), position);
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

constexpr Kernels kernels_of_this_tier(KernelTier tier) {
    return {tier,
            {dequantize, tile, direct},
            rms_norm,
            rotate_pairs,
            scale,
            store_sums,
            swiglu,
            add_sums,
            keep_largest,
            rotate_runs,
            store_kv,
            convert_kv,
            attend,
            merge,
            exponential_rows,
            {},
            nullptr};
}

}  // namespace
}  // namespace pitwall::engine::cpu
