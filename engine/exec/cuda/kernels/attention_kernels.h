// SPDX-License-Identifier: GPL-3.0-or-later
//
// The two kernels that read K and V. Decode: few rows of a sequence, so that the bytes of K and V are what takes time; each warp
// streams one chunk of one KV head by itself. Prefill: many rows, four warps of them share tiles of K and V.
#pragma once

#include "engine/exec/cuda/kernels/attention_rows.h"
#include "engine/exec/cuda/runtime/launch.h"

namespace pitwall::cuda {

// ---- decode ----

/// Warps of a block have nothing to do with each other.
inline constexpr uint32_t kDecodeWarps = 2, kDecodeThreads = kDecodeWarps * kWarp;

/// A warp's ring of slots, K or V of 16 tokens each: up to about 34 KiB, so that a multiprocessor has far more than 32 KiB on
/// their way.
template <class Shape>
constexpr uint32_t ring_slots() {
    return Shape::kSlotBytes > 8192 ? 4 : 8;
}

/// What a warp of the decode kernel reads: for each tile K of its four blocks, then V, a step each. The last slots of a tile
/// are those of the next one's first steps, so that places in the ring are constants.
template <class Shape>
struct ChunkStream {
    static constexpr uint32_t kSlots = ring_slots<Shape>(), kSteps = 2 * kTileBlocks;

    const AttendArgs& args;
    const std::byte* const* heads;  ///< of the chunk's blocks
    uint32_t tokens;                ///< of the chunk
    std::byte* ring;

    /// Starts the copies of a step; an empty group where there is nothing, for groups are counted.
    PITWALL_DEVICE void start(uint32_t tile, uint32_t step) {
        const uint32_t index = tile * kTileBlocks + step % kTileBlocks;
        if (index * kTokensOfBlock < tokens) {
            const std::byte* const head = heads[index];
            std::byte* const slot = ring + step % kSlots * Shape::kSlotBytes;
            if (step < kTileBlocks)
                copy_keys<Shape, kWarp>(slot, args.pool, head, lane());
            else
                copy_values<Shape, kWarp>(slot, args.pool, head, tokens - index * kTokensOfBlock, lane());
        }
        commit_copies();
    }

    PITWALL_DEVICE void fill() {
#pragma unroll
        for (uint32_t step = 0; step + 1 < kSlots; ++step) start(0, step);
    }

    /// The slot of a step, once it has come. That of the step before is given up.
    PITWALL_DEVICE std::byte* take(uint32_t tile, uint32_t step) {
        wait_copies<kSlots - 2>();
        sync_warp();
        const uint32_t ahead = step + kSlots - 1;
        start(tile + ahead / kSteps, ahead % kSteps);
        return ring + step % kSlots * Shape::kSlotBytes;
    }
};

template <class Shape>
PITWALL_DEVICE void attend_streamed_tile(ChunkStream<Shape>& stream, uint32_t tile, const LaneRows& rows,
                                         uint32_t chunk_position,
                                         const QueryFragments<typename Shape::Keys>& q, ChunkSums<Shape>& c) {
    const uint32_t left = stream.tokens - tile * kTileTokens;
    TileScores s;
#pragma unroll
    for (uint32_t block = 0; block < kTileBlocks; ++block) {
        const std::byte* const slot = stream.take(tile, block);
        if (block * kTokensOfBlock < left) score_block<typename Shape::Keys>(s[block], slot, q);
    }
    mask_scores(s, chunk_position + tile * kTileTokens, rows);
    weigh_scores(s, c);
#pragma unroll
    for (uint32_t block = 0; block < kTileBlocks; ++block) {
        const std::byte* const slot = stream.take(tile, kTileBlocks + block);
        if (block * kTokensOfBlock < left)
            add_block<typename Shape::Values>(c.values, s[block], slot, left - block * kTokensOfBlock);
    }
}

template <class Shape>
constexpr uint32_t decode_shared_bytes() {
    return kDecodeWarps * (ring_slots<Shape>() * Shape::kSlotBytes + kChunkBlocks * sizeof(std::byte*));
}

/// With more blocks a multiprocessor the compiler would run out of registers.
template <class Shape>
constexpr uint32_t decode_blocks() {
    return Shape::kHeadDim > 64 ? 4 : 6;
}

template <class Shape>
PITWALL_KERNEL PITWALL_BOUNDS(kDecodeThreads, decode_blocks<Shape>()) decode_kernel(AttendArgs args) {
    begin_kernel();
    SharedMemory shared;
    auto* const rings = shared.take<std::byte>(kDecodeWarps * ring_slots<Shape>() * Shape::kSlotBytes);
    auto* const all_heads = shared.take<const std::byte*>(kDecodeWarps * kChunkBlocks);
    const uint32_t work = block_x() * kDecodeWarps + warp();
    if (work >= args.num_decode_items * args.pool.kv_heads) return;
    const AttendItem item = args.decode_items[work / args.pool.kv_heads];
    if (item.tokens == 0) return;
    const uint32_t kv_head = work % args.pool.kv_heads, chunk_position = item.first_chunk * kChunkTokens;
    const SequenceRows sequence = args.sequences[item.sequence];
    const uint32_t end = sequence.first_position + item.first_token + item.tokens;
    const uint32_t tokens = smaller(end - chunk_position, kChunkTokens);
    const std::byte** const heads = all_heads + warp() * kChunkBlocks;
    if (lane() * kTokensOfBlock < tokens) {
        const uint32_t index = sequence.table + item.first_chunk * kChunkBlocks + lane();
        heads[lane()] = head_of(args, args.tables[index], kv_head);
    }
    sync_warp();
    ChunkStream<Shape> stream{args, heads, tokens, rings + warp() * ring_slots<Shape>() * Shape::kSlotBytes};
    stream.fill();
    const LaneRows rows = lane_rows(args, item, sequence, kv_head, 0);
    QueryFragments<typename Shape::Keys> q;
    load_queries<Shape>(q, args, rows);
    ChunkSums<Shape> c;
    begin_chunk(c);
    for (uint32_t tile = 0; tile * kTileTokens < tokens; ++tile)
        attend_streamed_tile(stream, tile, rows, chunk_position, q, c);
    finish_chunk(c);
#pragma unroll
    for (uint32_t row = 0; row < 2; ++row)
        if (rows.any[row] && rows.position[row] >= chunk_position)
            write_part(args, rows, row, item.first_chunk, c);
}

// ---- prefill ----

/// What a block can have on every device that there is code for: compute capability 8.6, 8.9 and 12.0 have no more.
inline constexpr uint32_t kLeastSharedBytes = 99 << 10;

inline constexpr uint32_t kPrefillWarps = kPrefillRows / kWarpRows, kPrefillThreads = kPrefillWarps * kWarp;

/// Tiles of K and V, some being read while others come; and per warp what was merged of the chunks before. There are two of
/// K, and two of V or, where a block can have less shared memory, one: it comes while the scores of its tile are computed.
template <class Shape, uint32_t kValueTiles>
struct TileBuffers {
    static constexpr uint32_t kKeyBytes = kTileBlocks * Shape::Keys::kBytes;
    static constexpr uint32_t kValueBytes = kTileBlocks * Shape::Values::kBytes;
    static constexpr uint32_t kMergedFloats = kWarp * (4 * Shape::kTiles + 4);  ///< of a warp
    static constexpr uint32_t kBytes = 2 * kKeyBytes + kValueTiles * kValueBytes +
                                       kPrefillWarps * kMergedFloats * static_cast<uint32_t>(sizeof(float));
};

/// A sequence's K and V of one head, as a block of the prefill kernel copies them.
template <class Shape>
struct TileCopies {
    const AttendArgs& args;
    uint32_t table, kv_head;
    uint32_t end;  ///< positions that the block reads
    std::byte *keys, *values;

    /// Calls copy(block of the tile, its head's bytes, tokens from there on) for those that there are.
    template <class Copy>
    PITWALL_DEVICE void each_block(uint32_t tile, const Copy& copy) const {
#pragma unroll
        for (uint32_t i = 0; i < kTileBlocks; ++i) {
            const uint32_t index = tile * kTileBlocks + i;
            if (index * kTokensOfBlock >= end) break;
            copy(i, head_of(args, args.tables[table + index], kv_head), end - index * kTokensOfBlock);
        }
    }
    PITWALL_DEVICE std::byte* keys_of(uint32_t buffer) const {
        return keys + buffer * (kTileBlocks * Shape::Keys::kBytes);
    }
    PITWALL_DEVICE std::byte* values_of(uint32_t buffer) const {
        return values + buffer * (kTileBlocks * Shape::Values::kBytes);
    }
    template <bool kAlsoValues>
    PITWALL_DEVICE void start_keys(uint32_t tile, uint32_t buffer) const {
        each_block(tile, [&](uint32_t i, const std::byte* head, uint32_t left) {
            copy_keys<Shape, kPrefillThreads>(keys_of(buffer) + i * Shape::Keys::kBytes, args.pool, head,
                                              thread());
            if constexpr (kAlsoValues)
                copy_values<Shape, kPrefillThreads>(values_of(buffer) + i * Shape::Values::kBytes, args.pool,
                                                    head, left, thread());
        });
        commit_copies();
    }
    PITWALL_DEVICE void start_values(uint32_t tile, uint32_t buffer) const {
        each_block(tile, [&](uint32_t i, const std::byte* head, uint32_t left) {
            copy_values<Shape, kPrefillThreads>(values_of(buffer) + i * Shape::Values::kBytes, args.pool,
                                                head, left, thread());
        });
        commit_copies();
    }
};

/// The weights of a tile's positions for a warp's rows, of which `left` are before where they end.
template <class Shape>
PITWALL_DEVICE void weigh_tile(TileScores& s, const std::byte* keys, uint32_t first_position, uint32_t left,
                               const LaneRows& rows, const QueryFragments<typename Shape::Keys>& q,
                               ChunkSums<Shape>& c) {
#pragma unroll
    for (uint32_t block = 0; block < kTileBlocks; ++block)
        if (block * kTokensOfBlock < left)
            score_block<typename Shape::Keys>(s[block], keys + block * Shape::Keys::kBytes, q);
    mask_scores(s, first_position, rows);
    weigh_scores(s, c);
}

/// And their values; `valid`: positions from the tile's first that somebody wrote.
template <class Shape>
PITWALL_DEVICE void add_tile(const TileScores& s, const std::byte* values, uint32_t left, uint32_t valid,
                             ChunkSums<Shape>& c) {
#pragma unroll
    for (uint32_t block = 0; block < kTileBlocks; ++block)
        if (block * kTokensOfBlock < left)
            add_block<typename Shape::Values>(c.values, s[block], values + block * Shape::Values::kBytes,
                                              valid - block * kTokensOfBlock);
}

/// Merges the chunk into what `kept` has of those before, lane by lane; `c` becomes the result.
template <class Shape>
PITWALL_DEVICE void merge_chunk(float* kept, bool first, ChunkSums<Shape>& c) {
    constexpr uint32_t kValues = 4 * Shape::kTiles;
    float* const mine = kept + lane();
    if (!first) {
#pragma unroll
        for (uint32_t row = 0; row < 2; ++row) {
            float most = mine[(kValues + row) * kWarp];
            const MergeFactors factors = merge_factors(most, c.most[row]);
            c.most[row] = most;
            c.sum[row] = merged(mine[(kValues + 2 + row) * kWarp], c.sum[row], factors);
#pragma unroll
            for (uint32_t i = 0; i < 2 * Shape::kTiles; ++i) {
                float& value = c.values[i / 2][2 * row + i % 2];
                value = merged(mine[(i / 2 * 4 + 2 * row + i % 2) * kWarp], value, factors);
            }
        }
    }
#pragma unroll
    for (uint32_t i = 0; i < kValues; ++i) mine[i * kWarp] = c.values[i / 4][i % 4];
#pragma unroll
    for (uint32_t row = 0; row < 2; ++row)
        mine[(kValues + row) * kWarp] = c.most[row], mine[(kValues + 2 + row) * kWarp] = c.sum[row];
}

/// What the rows have of a chunk goes to its part, or to what is merged, which goes to its part after the last.
template <class Shape>
PITWALL_DEVICE void leave_chunk(const AttendArgs& args, const AttendItem& item, const LaneRows& rows,
                                uint32_t chunk, float* kept, ChunkSums<Shape>& c) {
    finish_chunk(c);
    if (item.merged != 0) {
        merge_chunk(kept, chunk == item.first_chunk, c);
        if (chunk + 1 < item.end_chunk) return;
    }
#pragma unroll
    for (uint32_t row = 0; row < 2; ++row)
        if (rows.any[row] && (item.merged != 0 || rows.position[row] >= chunk * kChunkTokens))
            write_part(args, rows, row, item.merged != 0 ? 0 : chunk, c);
}

/// The tile that has come last, and the next one's copies. Two tiles of V come with those of K. One comes when all have left the
/// one before, and is waited for between weights and values; the next K, asked for after it, may stay behind.
template <class Shape, uint32_t kValueTiles>
PITWALL_DEVICE void attend_shared_tile(const TileCopies<Shape>& copies, uint32_t tile, uint32_t buffer,
                                       uint32_t warp_end, const LaneRows& rows,
                                       const QueryFragments<typename Shape::Keys>& q, ChunkSums<Shape>& c) {
    const uint32_t first_position = tile * kTileTokens;
    const uint32_t left = first_position < warp_end ? warp_end - first_position : 0;
    wait_copies<0>();
    sync_block();  // the tile has come for all, and all have left the one before
    if constexpr (kValueTiles == 1) copies.start_values(tile, 0);
    copies.template start_keys<kValueTiles == 2>(tile + 1, 1 - buffer);
    TileScores s;
    if (left > 0) weigh_tile(s, copies.keys_of(buffer), first_position, left, rows, q, c);
    if constexpr (kValueTiles == 1) {
        wait_copies<1>();
        sync_block();  // V has come for all
    }
    if (left > 0)
        add_tile(s, copies.values_of(kValueTiles == 2 ? buffer : 0), left, copies.end - first_position, c);
}

template <class Shape, uint32_t kValueTiles>
PITWALL_KERNEL PITWALL_BOUNDS(kPrefillThreads, 2) prefill_kernel(AttendArgs args) {
    begin_kernel();
    using Buffers = TileBuffers<Shape, kValueTiles>;
    SharedMemory shared;
    auto* const keys = shared.take<std::byte>(2 * Buffers::kKeyBytes);
    auto* const values = shared.take<std::byte>(kValueTiles * Buffers::kValueBytes);
    auto* const kept = shared.take<float>(kPrefillWarps * Buffers::kMergedFloats);
    constexpr uint32_t kTilesOfChunk = kChunkTokens / kTileTokens;
    const AttendItem item = args.prefill_items[block_x()];
    const uint32_t kv_head = block_y();
    const SequenceRows sequence = args.sequences[item.sequence];
    const uint32_t own_end = sequence.first_position + item.first_token + item.tokens;
    const uint32_t end = smaller(own_end, item.end_chunk * kChunkTokens);
    const LaneRows rows = lane_rows(args, item, sequence, kv_head, warp() * kWarpRows);
    const uint32_t warp_end =
        ballot(rows.any[0]) == 0 ? 0 : smaller(shuffle(rows.position[1], kWarp - 1) + 1, end);
    QueryFragments<typename Shape::Keys> q;
    load_queries<Shape>(q, args, rows);
    ChunkSums<Shape> c;
    const uint32_t first_tile = item.first_chunk * kTilesOfChunk;
    const TileCopies<Shape> copies{args, sequence.table, kv_head, end, keys, values};
    copies.template start_keys<kValueTiles == 2>(first_tile, 0);
    for (uint32_t tile = first_tile; tile * kTileTokens < end; ++tile) {
        if (tile % kTilesOfChunk == 0) begin_chunk(c);
        attend_shared_tile<Shape, kValueTiles>(copies, tile, (tile - first_tile) % 2, warp_end, rows, q, c);
        if (tile % kTilesOfChunk == kTilesOfChunk - 1 || (tile + 1) * kTileTokens >= end)
            leave_chunk(args, item, rows, tile / kTilesOfChunk, kept + warp() * Buffers::kMergedFloats, c);
    }
}

template <class Shape, uint32_t kValueTiles>
void launch_prefill(Stream& stream, const AttendArgs& args) {
    launch(stream,
           {.kernel = "prefill",
            .x = args.num_prefill_items,
            .y = args.pool.kv_heads,
            .threads = kPrefillThreads,
            .shared_bytes = TileBuffers<Shape, kValueTiles>::kBytes},
           prefill_kernel<Shape, kValueTiles>, args);
}

template <class Shape>
void launch_attention(Stream& stream, const AttendArgs& args) {
    const uint32_t works = args.num_decode_items * args.pool.kv_heads;
    launch(stream,
           {.kernel = "decode",
            .x = (works + kDecodeWarps - 1) / kDecodeWarps,
            .threads = kDecodeThreads,
            .shared_bytes = decode_shared_bytes<Shape>()},
           decode_kernel<Shape>, args);
    constexpr uint32_t kTwoTiles = TileBuffers<Shape, 2>::kBytes;
    if constexpr (kTwoTiles > kLeastSharedBytes)
        if (kTwoTiles > max_shared_bytes()) return launch_prefill<Shape, 1>(stream, args);
    launch_prefill<Shape, 2>(stream, args);
}

template <KvNumber kKey, KvNumber kValue>
void launch_attention_of(Stream& stream, const AttendArgs& args) {
    switch (args.pool.layout.head_dim) {
        case 32:
            return launch_attention<AttentionShape<kKey, kValue, 32>>(stream, args);
        case 64:
            return launch_attention<AttentionShape<kKey, kValue, 64>>(stream, args);
        case 128:
            return launch_attention<AttentionShape<kKey, kValue, 128>>(stream, args);
        default:
            return;
    }
}

}  // namespace pitwall::cuda
