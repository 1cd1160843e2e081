// SPDX-License-Identifier: GPL-3.0-or-later
//
// Paged attention. K and V of a token are written once, rotated, in the pool's format, and read back from it even by the step
// that wrote them. Positions are cut into tiles and chunks at absolute places and the chunks are merged in ascending order, so
// that the bits of a row depend on its own sequence alone: not on the other rows of the step, on how a prompt was cut into
// steps, or on which kernel took the row.
#pragma once

#include <cstdint>

#include "engine/exec/cuda/kernels/operand.h"
#include "engine/exec/cuda/runtime/runtime.h"
#include "engine/kv/kv_layout.h"

namespace pitwall::cuda {

inline constexpr uint32_t kBlockTokens = 16;   ///< as engine::kBlockTokens
inline constexpr uint32_t kChunkTokens = 256;  ///< merged one by one
inline constexpr uint32_t kNoSlot = UINT32_MAX;

/// [block][layer][kv head]{layout}, with the layout's offsets; but K lies as [16 tokens][head_dim] and its scales as
/// [16 tokens][groups][numbers], like V, so that 16 bytes are neighbours of one token. Two int4 of neighbouring dimensions
/// 2 d and 2 d + 1 share a byte (low, high). int4 holds values up to 60000: its minimum and 15 scales stay a binary16.
struct KvPool {
    std::byte* data = nullptr;  ///< like all that is copied 16 bytes at a time, at a multiple of 16
    uint64_t block_bytes = 0;   ///< a multiple of 16
    uint32_t layers = 0, kv_heads = 0;
    engine::KvHeadLayout layout;
};

/// Whether the kernels were made for it: every format but f32, head_dim 32, 64 or 128.
bool attention_supports(const engine::KvHeadLayout& layout);

/// Cosine and sine of every position: [positions, head_dim / 2] pairs, computed in float64.
void fill_rotations(Stream& stream, Float2* rotations, uint32_t positions, uint32_t head_dim,
                    double rope_base);

struct StoreArgs {
    KvPool pool;
    uint32_t layer;
    const float* qkv;  ///< [tokens, ld_qkv]: queries of all heads, then keys and values of all KV heads
    uint32_t ld_qkv;
    uint32_t heads;
    const Float2* rotations;
    const uint32_t* positions;  ///< [tokens]
    const uint32_t*
        slots;  ///< [tokens]: block * 16 + position % 16; kNoSlot: fills up a batch, nothing is kept
    uint16_t*
        q;  ///< out [tokens, heads * head_dim], rotated, times log2(e) / sqrt(head_dim), ready for attend()
};
void rotate_and_store(Stream& stream, const StoreArgs& args, uint32_t tokens);

/// The rows of one sequence in a step.
struct SequenceRows {
    uint32_t first_row, tokens, first_position;
    uint32_t table;  ///< where its block table begins in AttendArgs::tables
};

/// Rows of one warp of either kernel, one for each token and head of a group.
inline constexpr uint32_t kWarpRows = 16;
inline constexpr uint32_t kPrefillRows = 4 * kWarpRows;  ///< of a block of the prefill kernel

/// What is one warp's to do for each KV head (decode: up to kWarpRows rows, one chunk), or one block's (prefill: up to
/// kPrefillRows rows, some chunks). executor/attention_plan.h makes them.
struct AttendItem {
    uint32_t sequence, first_token,
        tokens;  ///< of its rows; no tokens: a decode item that only fills up a grid
    uint32_t first_chunk, end_chunk;
    /// Prefill: not 0 where the item takes its rows' chunks from the first to the last and leaves one part a row, merged.
    uint32_t merged;
};

/// Attention over one chunk, or over several merged ones, of all heads of a row: [heads, head_dim] values, then
/// [heads, 2] the largest score and the sum of weights, by which the values are not divided yet.
constexpr uint32_t part_floats(uint32_t heads, uint32_t head_dim) { return heads * (head_dim + 2); }

struct AttendArgs {
    KvPool pool;
    uint32_t layer, heads;
    const uint16_t* q;  ///< as rotate_and_store() made it
    const SequenceRows* sequences;
    const uint32_t* tables;  ///< blocks
    const AttendItem *decode_items, *prefill_items;
    uint32_t num_decode_items, num_prefill_items;
    /// [tokens, 2]: first part and number of parts of each row: one for each chunk up to its own, or 1. 0: the row is none's
    /// and becomes zero.
    const uint32_t* row_parts;
    uint32_t most_parts;  ///< that a row has
    float* parts;         ///< [parts, part_floats()]
    uint32_t tokens;
    Operand out;  ///< [tokens, heads * head_dim]
};
void attend(Stream& stream, const AttendArgs& args);
/// What merging a row's chunks needs of a block; other kernels go by what there is.
uint32_t attend_shared_bytes(uint32_t heads, uint32_t head_dim);

/// Copy-on-write: whole blocks. `pairs`: [count] of source and target, in device memory.
void copy_blocks(Stream& stream, const KvPool& pool, const uint32_t* pairs, uint32_t count);
/// Blocks `sources` [count] of one pool into another format, as blocks `targets` of another pool. What is written lies apart
/// from what is read.
struct ConvertArgs {
    KvPool from, to;
    const uint32_t *sources, *targets;
};
void convert_blocks(Stream& stream, const ConvertArgs& args, uint32_t count);

}  // namespace pitwall::cuda
