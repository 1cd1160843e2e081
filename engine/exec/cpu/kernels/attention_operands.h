// SPDX-License-Identifier: GPL-3.0-or-later
//
// Q, K and V as tiles of bfloat16, for attention_amx.cpp. In an anonymous namespace, see lanes_avx512.h.
#pragma once

#include "engine/exec/cpu/kernels/body_groups.h"
#include "engine/exec/cpu/kernels/kernels.h"
#include "engine/exec/cpu/kernels/lanes_bfloat.h"

namespace pitwall::engine::cpu {
namespace {

constexpr uint32_t kRows = 16, kStep = 32;  ///< of a tile; what one instruction adds up
constexpr uint32_t kBlockPositions = 16;    ///< of a block of KV, see engine/kv/kv_layout.h
constexpr uint32_t kBlocks = kAttentionTile / kBlockPositions, kPositionSteps = kAttentionTile / kStep;
constexpr size_t kRowBytes = 64;
constexpr size_t kScoreStride = kAttentionTile * sizeof(float), kWeightStride = kAttentionTile * 2;
/// Binary16 becomes bfloat16 of a 2^112th, see narrowed(): queries and weights make up for it.
constexpr float kOfHalves = 0x1p112f;

constexpr uint32_t steps_of(uint32_t values) { return (values + kStep - 1) / kStep; }

/// In the caller's scratch, see attention_scratch_floats().
struct Operands {
    std::byte* q;        ///< [rows][steps of 32 values]
    std::byte* k;        ///< [steps of 32 values][block] tiles of [pair of values][16 positions]
    std::byte* v;        ///< [steps of 32 positions][16 values] tiles of [pair of positions][16 values]
    float* scores[2];    ///< of a tile of rows each, [16][64]
    std::byte* weights;  ///< of a tile of rows, [16][64]
    float *open_k,
        *open_v;  ///< of formats that are opened first; the former holds queries where K and V are not laid out
    size_t q_stride;
    float factor;  ///< of queries and weights
};

bool in_halves(const KvHeadLayout& layout) {
    return layout.k.number == KvNumber::kF16 && layout.v.number == KvNumber::kF16;
}

Operands operands_in(const AttentionChunk& c) {
    const uint32_t steps = steps_of(c.layout->head_dim), vectors = c.layout->v_dim / kRows;
    auto* next = reinterpret_cast<std::byte*>(c.scratch);
    next += (kRowBytes - reinterpret_cast<uintptr_t>(next) % kRowBytes) % kRowBytes;
    const auto take = [&](size_t bytes) PITWALL_LAMBDA {
        std::byte* const begin = next;
        next += bytes;
        return begin;
    };
    Operands o{};
    o.q_stride = steps * kRowBytes;
    o.q = take(c.rows * o.q_stride);
    o.k = take(steps * kBlocks * kTileBytes);
    o.v = take(kPositionSteps * vectors * kTileBytes);
    for (float*& scores : o.scores) scores = reinterpret_cast<float*>(take(kRows * kScoreStride));
    o.weights = take(kRows * kWeightStride);
    o.open_k = reinterpret_cast<float*>(take(c.layout->head_dim * kScoreStride));
    o.open_v = reinterpret_cast<float*>(next);
    o.factor = in_halves(*c.layout) ? kOfHalves : 1;
    return o;
}

/// Finite numbers stay finite: the largest that float32 has would become infinite, and times a weight of 0 no number. What is
/// not a number stays none.
PITWALL_LANES I rounded_within(F low, F high) {
    const F most = broadcast(0x1.fep127f), least = broadcast(-0x1.fep127f);
    return rounded(max(least, min(most, low)), max(least, min(most, high)));
}

void round_queries(const AttentionChunk& c, const Operands& o) {
    const uint32_t dim = c.layout->head_dim;
    const F factor = broadcast(o.factor);
    for (uint32_t row = 0; row < c.rows; ++row) {
        for (uint32_t d = 0; d < dim; d += kStep) {
            const ThirtyTwo q = load_up_to_32(c.q + row * c.ldq + d, dim - d);
            _mm512_store_si512(o.q + row * o.q_stride + d / kStep * kRowBytes,
                               rounded_within(mul(q.low, factor), mul(q.high, factor)).v);
        }
    }
}

/// Thirty-two binary16 as bfloat16 of a 2^112th of them, to nearest: exponents stay as they are, three bits less of the
/// fraction. Below 2^-14 products take them for zero.
PITWALL_LANES I narrowed(I halves) {
    const __m512i up = _mm512_add_epi16(halves.v, _mm512_set1_epi16(4));
    return {_mm512_and_si512(_mm512_srai_epi16(up, 3), _mm512_set1_epi16(static_cast<int16_t>(0x8fff)))};
}

/// Half a tile, or a whole one, from place(i) on, of pair(i) for i below `count`, and zeros behind.
template <int kPlaces, class Pair>
PITWALL_LANES void lay_pairs(std::byte* tile, uint32_t count, const Pair& pair) {
    if (count >= kPlaces)
        return unrolled<kPlaces>([&](auto i) PITWALL_LAMBDA {
            _mm512_store_si512(tile + i.value * kRowBytes, halves_in_turns(pair(i.value)).v);
        });
    for (uint32_t i = 0; i < kPlaces; ++i)
        _mm512_store_si512(tile + i * kRowBytes,
                           i < count ? halves_in_turns(pair(i)).v : _mm512_setzero_si512());
}

/// K of a block, of which pair(i) gives values 2 i and 2 i + 1 of its 16 positions.
template <class Pair>
PITWALL_LANES void lay_k(uint32_t dim, const Pair& pair, std::byte* tile) {
    for (uint32_t first = 0; first < dim / 2; first += kStep / 2, tile += kBlocks * kTileBytes)
        lay_pairs<kStep / 2>(tile, dim / 2 - first,
                             [&](uint32_t i) PITWALL_LAMBDA { return pair(first + i); });
}

/// V of a block's first `positions`, half a step, of which pair(i, d) gives values d to d + 15 of positions 2 i and 2 i + 1. What
/// lies behind may be no number, and becomes zero.
template <class Pair>
PITWALL_LANES void lay_v(uint32_t dim, uint32_t positions, const Pair& pair, std::byte* tile) {
    for (uint32_t d = 0; d < dim; d += kRows, tile += kTileBytes) {
        lay_pairs<kBlockPositions / 2>(tile, positions / 2,
                                       [&](uint32_t i) PITWALL_LAMBDA { return pair(i, d); });
        if (positions % 2 == 0) continue;
        const I last = halves_in_turns(pair(positions / 2, d));
        _mm512_store_si512(tile + positions / 2 * kRowBytes, _mm512_maskz_mov_epi16(0x55555555, last.v));
    }
}

/// Blocks of a tile: source(b) has their pairs as k(i) and v(i, d).
template <class Source>
PITWALL_LANES void lay_blocks(const AttentionChunk& c, uint32_t positions, const Operands& o,
                              const Source& source) {
    const uint32_t k_dim = c.layout->head_dim, v_dim = c.layout->v_dim;
    for (uint32_t block = 0; block < kBlocks; ++block) {
        const uint32_t before = block * kBlockPositions;
        const uint32_t left = positions > before ? positions - before : 0;
        const auto pairs = source(left > 0 ? block : 0);
        const auto k = [&](uint32_t i) PITWALL_LAMBDA { return pairs.k(i); };
        const auto v = [&](uint32_t i, uint32_t d) PITWALL_LAMBDA { return pairs.v(i, d); };
        std::byte* const step = o.v + before / kStep * v_dim / kRows * kTileBytes;
        if (left > 0) lay_k(k_dim, k, o.k + block * kTileBytes);
        if (left > 0 || block % 2 == 1)
            lay_v(v_dim, left < kBlockPositions ? left : kBlockPositions, v,
                  step + before % kStep / 2 * kRowBytes);
    }
}

/// Of a block in binary16, where it lies. A line of another is asked for with each pair, since few can be on their way at once.
struct HalfPairs {
    const std::byte *keys, *values, *keys_ahead, *values_ahead;  ///< the latter null: nothing is asked for
    size_t v_bytes;                                              ///< of a position

    [[gnu::always_inline]] I k(uint32_t i) const {
        if (keys_ahead != nullptr) __builtin_prefetch(keys_ahead + i * kRowBytes, 0, kSecondLevel);
        return narrowed(load_bits(keys + i * kRowBytes));
    }
    [[gnu::always_inline]] I v(uint32_t i, uint32_t d) const {
        if (values_ahead != nullptr) {  // a line of each position, in turns
            const size_t position = 2 * i + d / kRows % 2;
            __builtin_prefetch(values_ahead + position * v_bytes + d / kStep * kRowBytes, 0, kSecondLevel);
        }
        const std::byte* first = values + 2 * i * v_bytes + 2 * size_t{d};
        const auto* low = reinterpret_cast<const __m256i*>(first);
        const auto* high = reinterpret_cast<const __m256i*>(first + v_bytes);
        const __m512i both = _mm512_castsi256_si512(_mm256_loadu_si256(low));
        return narrowed({_mm512_inserti64x4(both, _mm256_loadu_si256(high), 1)});
    }
};

/// Of a block as float.
struct FloatPairs {
    const float *keys, *values;
    size_t v_dim;

    [[gnu::always_inline]] I k(uint32_t i) const {
        const float* first = keys + size_t{2} * i * kAttentionTile;
        return rounded_within(load(first), load(first + kAttentionTile));
    }
    [[gnu::always_inline]] I v(uint32_t i, uint32_t d) const {
        const float* first = values + 2 * i * v_dim + d;
        return rounded_within(load(first), load(first + v_dim));
    }
};

void lay_halves(const AttentionChunk& c, const TileBlocks& tile, uint32_t positions, const Operands& o) {
    const uint32_t values = c.layout->v_values;
    lay_blocks(c, positions, o, [&](uint32_t block) PITWALL_LAMBDA {
        const std::byte* const ahead = tile.ahead == nullptr ? nullptr : tile.ahead[block];
        return HalfPairs{tile.blocks[block], tile.blocks[block] + values, ahead,
                         ahead == nullptr ? nullptr : ahead + values, 2 * size_t{c.layout->v_dim}};
    });
}

/// Through float32, as the tier's own kernels open them.
void lay_opened(const AttentionChunk& c, const TileBlocks& tile, uint32_t positions, const Operands& o) {
    avx512_kernels().open_tile(c, tile, positions, o.open_k, o.open_v);
    const size_t v_dim = c.layout->v_dim;
    lay_blocks(c, positions, o, [&](uint32_t block) PITWALL_LAMBDA {
        return FloatPairs{o.open_k + size_t{block} * kBlockPositions,
                          o.open_v + size_t{block} * kBlockPositions * v_dim, v_dim};
    });
}

}  // namespace
}  // namespace pitwall::engine::cpu
