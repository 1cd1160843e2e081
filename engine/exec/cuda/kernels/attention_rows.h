// SPDX-License-Identifier: GPL-3.0-or-later
//
// Softmax over one chunk for the 16 rows of a warp, and how chunks are merged. Both kernels take each row through exactly
// these steps in this order: tiles of 64 positions from the chunk's first, within a tile blocks of 16. A tile or block that
// lies behind all rows of a warp may be left out: it would add weights of zero and multiply by 1.
#pragma once

#include "engine/exec/cuda/kernels/attention.h"
#include "engine/exec/cuda/kernels/attention_products.h"

namespace pitwall::cuda {

inline constexpr uint32_t kTileTokens = 64, kTileBlocks = kTileTokens / kTokensOfBlock;
inline constexpr uint32_t kChunkBlocks = kChunkTokens / kTokensOfBlock;

PITWALL_DEVICE uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

template <KvNumber kKey, KvNumber kValue, uint32_t kDim>
struct AttentionShape {
    using Keys = KvRows<kKey, kDim>;
    using Values = KvRows<kValue, kDim>;
    static constexpr uint32_t kHeadDim = kDim, kTiles = kDim / 8;
    static constexpr uint32_t kSlotBytes = Keys::kBytes > Values::kBytes ? Keys::kBytes : Values::kBytes;
};

/// The rows of a warp as each lane sees its own two: rows lane / 4 and 8 more of the fragments.
struct LaneRows {
    uint32_t token[2];  ///< of the step
    uint32_t head[2];
    uint32_t position[2];  ///< the last that it attends to
    bool any[2];           ///< whether there is such a row
};

PITWALL_DEVICE LaneRows lane_rows(const AttendArgs& args, const AttendItem& item,
                                  const SequenceRows& sequence, uint32_t kv_head, uint32_t first_row) {
    const uint32_t group = args.heads / args.pool.kv_heads;
    LaneRows rows;
#pragma unroll
    for (uint32_t i = 0; i < 2; ++i) {
        const uint32_t row = first_row + lane() / 4 + 8 * i, token = row / group;
        rows.any[i] = token < item.tokens;
        const uint32_t within = item.first_token + (rows.any[i] ? token : item.tokens - 1);
        rows.token[i] = sequence.first_row + within;
        rows.head[i] = kv_head * group + row % group;
        rows.position[i] = sequence.first_position + within;
    }
    return rows;
}

template <class Shape>
PITWALL_DEVICE void load_queries(QueryFragments<typename Shape::Keys>& q, const AttendArgs& args,
                                 const LaneRows& rows) {
#pragma unroll
    for (uint32_t i = 0; i < 2; ++i) {
        const size_t at = (static_cast<size_t>(rows.token[i]) * args.heads + rows.head[i]) * Shape::kHeadDim;
        load_query<typename Shape::Keys>(q, i, rows.any[i] ? args.q + at : nullptr);
    }
}

/// Largest score so far, sum of weights and weighted values, of a lane's two rows.
template <class Shape>
struct ChunkSums {
    float most[2], sum[2];  ///< the sum is over the lane's own positions until finish_chunk()
    float values[Shape::kTiles][4];
};

template <class Shape>
PITWALL_DEVICE void begin_chunk(ChunkSums<Shape>& c) {
#pragma unroll
    for (uint32_t i = 0; i < 2; ++i) c.most[i] = -INFINITY, c.sum[i] = 0;
#pragma unroll
    for (uint32_t tile = 0; tile < Shape::kTiles; ++tile)
#pragma unroll
        for (uint32_t i = 0; i < 4; ++i) c.values[tile][i] = 0;
}

/// Of the four lanes that share a row.
PITWALL_DEVICE float quad_max(float x) {
    x = fmaxf(x, shuffle_xor(x, 1));
    return fmaxf(x, shuffle_xor(x, 2));
}
PITWALL_DEVICE float quad_sum(float x) {
    x += shuffle_xor(x, 1);
    return x + shuffle_xor(x, 2);
}

using TileScores = float[kTileBlocks][2][4];

/// Positions behind a row's own are none of its business.
PITWALL_DEVICE void mask_scores(TileScores& s, uint32_t first_position, const LaneRows& rows) {
    if (first_position + kTileTokens - 1 <= rows.position[0]) return;  // the smaller of both
#pragma unroll
    for (uint32_t block = 0; block < kTileBlocks; ++block)
#pragma unroll
        for (uint32_t i = 0; i < 8; ++i) {
            const uint32_t at =
                first_position + block * kTokensOfBlock + i / 4 * 8 + 2 * (lane() % 4) + i % 2;
            if (at > rows.position[i % 4 / 2]) s[block][i / 4][i % 4] = -INFINITY;
        }
}

/// Scores become weights, relative to the row's largest score so far; what was summed before follows it.
template <class Shape>
PITWALL_DEVICE void weigh_scores(TileScores& s, ChunkSums<Shape>& c) {
#pragma unroll
    for (uint32_t row = 0; row < 2; ++row) {
        float most = c.most[row];
#pragma unroll
        for (uint32_t i = 0; i < 4 * kTileBlocks; ++i)
            most = fmaxf(most, s[i / 4][i / 2 % 2][2 * row + i % 2]);
        most = quad_max(most);
        const float base = most == -INFINITY ? 0.0f : most;  // a row that has seen nothing yet
        const float factor = exp2_fast(c.most[row] - base);
        float sum = 0;
#pragma unroll
        for (uint32_t i = 0; i < 4 * kTileBlocks; ++i) {
            float& weight = s[i / 4][i / 2 % 2][2 * row + i % 2];
            weight = exp2_fast(weight - base);
            sum += weight;
        }
        c.most[row] = most;
        c.sum[row] = fmaf(c.sum[row], factor, sum);
#pragma unroll
        for (uint32_t tile = 0; tile < Shape::kTiles; ++tile) {
            c.values[tile][2 * row] *= factor;
            c.values[tile][2 * row + 1] *= factor;
        }
    }
}

template <class Shape>
PITWALL_DEVICE void finish_chunk(ChunkSums<Shape>& c) {
#pragma unroll
    for (uint32_t row = 0; row < 2; ++row) c.sum[row] = quad_sum(c.sum[row]);
}

/// What both sides of a merge are multiplied with, so that they are relative to the same score. `most` becomes it.
struct MergeFactors {
    float old, added;
};
PITWALL_DEVICE MergeFactors merge_factors(float& most, float added_most) {
    const float both = fmaxf(most, added_most);
    const MergeFactors factors{exp2_fast(most - both), exp2_fast(added_most - both)};
    most = both;
    return factors;
}
PITWALL_DEVICE float merged(float old, float added, const MergeFactors& factors) {
    return fmaf(added, factors.added, old * factors.old);
}

PITWALL_DEVICE float* part_of(const AttendArgs& args, uint32_t part, uint32_t head_dim) {
    return args.parts + static_cast<size_t>(part) * part_floats(args.heads, head_dim);
}

/// Leaves what was summed for one of the lane's two rows.
template <class Shape>
PITWALL_DEVICE void write_part(const AttendArgs& args, const LaneRows& rows, uint32_t row, uint32_t chunk,
                               const ChunkSums<Shape>& c) {
    float* const part =
        part_of(args, args.row_parts[2 * static_cast<size_t>(rows.token[row])] + chunk, Shape::kHeadDim);
    float* const values = part + rows.head[row] * Shape::kHeadDim;
#pragma unroll
    for (uint32_t tile = 0; tile < Shape::kTiles; ++tile)
#pragma unroll
        for (uint32_t odd = 0; odd < 2; ++odd)
            values[value_dim<Shape::Values::kNumber>(tile, odd)] = c.values[tile][2 * row + odd];
    if (lane() % 4 != 0) return;
    float* const sums = part + args.heads * Shape::kHeadDim + 2 * rows.head[row];
    sums[0] = c.most[row];
    sums[1] = c.sum[row];
}

/// Of a block: the part of a KV head of the layer.
PITWALL_DEVICE const std::byte* head_of(const AttendArgs& args, uint32_t block, uint32_t kv_head) {
    const size_t head = static_cast<size_t>(args.layer) * args.pool.kv_heads + kv_head;
    return args.pool.data + block * args.pool.block_bytes + head * args.pool.layout.bytes;
}

template <class Shape, uint32_t kLanes>
PITWALL_DEVICE void copy_keys(std::byte* slot, const KvPool& pool, const std::byte* head, uint32_t me) {
    copy_rows<typename Shape::Keys, kLanes>(slot, head, head + pool.layout.k_scales, kTokensOfBlock, me);
}
template <class Shape, uint32_t kLanes>
PITWALL_DEVICE void copy_values(std::byte* slot, const KvPool& pool, const std::byte* head, uint32_t valid,
                                uint32_t me) {
    copy_rows<typename Shape::Values, kLanes>(slot, head + pool.layout.v_values, head + pool.layout.v_scales,
                                              valid, me);
}

}  // namespace pitwall::cuda
