// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/exec/cpu/kernels/kernels.h"
#include "engine/exec/cpu/kv_arena.h"
#include "engine/exec/cpu/packed_model.h"
#include "engine/exec/cpu/shared_reads.h"

namespace pitwall::engine::cpu {

/// Where each row of a step stands in its sequence: how its queries and keys are rotated for that, and which slot of the KV cache
/// is its own.
class TokenPlaces {
  public:
    /// For steps of up to so many rows.
    TokenPlaces(const PackedModel& model, const Kernels& kernels, KvArena& arena, uint32_t most_rows);

    void take(std::span<const SequenceRows> sequences);
    /// Of several tokens of one sequence: attention looks from each at those before it, so all are cached before it begins. A
    /// sequence's only token is cached by the piece of attention that reads its block, which has the block's lines at hand then.
    std::span<const uint32_t> rows_of_runs() const { return rows_of_runs_; }

    /// Rotates heads [count, head_dim] of a row.
    void rotate(uint32_t row, float* heads, uint32_t count) const;
    /// Rotates a row's K of that head where it lies in qkv [qkv_columns], and writes it and V into the cache; once.
    void cache(uint32_t layer, uint32_t row, uint32_t kv_head, float* qkv) const;
    void cache_all_heads(uint32_t layer, uint32_t row, float* qkv) const;
    /// Asks for what cache_all_heads() writes: a token's K is spread over all lines of its block's.
    void ask_for(uint32_t layer, uint32_t row) const;
    /// The row's block is not that of the row before.
    bool begins_block(uint32_t row) const { return row == 0 || blocks_[row] != blocks_[row - 1]; }

  private:
    void take_rotation(uint32_t row, uint32_t position);

    const PackedModel& model_;
    const Kernels& kernels_;
    KvArena& arena_;
    std::vector<double> frequencies_;  ///< [head_dim / 2] radians a position
    std::vector<float> cos_, sin_;     ///< [rows, head_dim], see PairRotation
    std::vector<BlockId> blocks_;
    std::vector<uint32_t> slots_, rows_of_runs_;
};

}  // namespace pitwall::engine::cpu
