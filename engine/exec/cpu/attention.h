// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/exec/cpu/kernels.h"
#include "engine/exec/cpu/kv_arena.h"
#include "engine/exec/cpu/thread_pool.h"

namespace pitwall::engine::cpu {

/// The tokens of one sequence in a batch: rows [first_row, first_row + tokens) of the activations.
struct SequenceRows {
    uint32_t first_row, tokens, first_position;
    std::span<const BlockId> block_table;
};

/// Paged attention of a batch. Query heads that share a KV head go together, so that K and V are read once for all.
/// KV is cut into tiles and chunks at absolute positions and chunks are merged in ascending order, whether one thread
/// walks them or several: the bits of a row depend on its own sequence alone.
class Attention {
  public:
    Attention(const ModelConfig& config, ThreadPool& pool, const Kernels& kernels, KvArena& arena);

    /// Cuts the batch into work items; they serve all layers.
    void plan(std::span<const SequenceRows> sequences);
    /// qkv [rows, ld_qkv] holds the rotated queries in its first columns; out [rows, ld_out] = [heads, head_dim].
    void run(uint32_t layer, const float* qkv, size_t ld_qkv, float* out, size_t ld_out);

    double flops() const { return flops_; }  ///< of all layers of the planned batch
    double bytes() const { return bytes_; }  ///< of KV read by it

  private:
    struct Item {
        SequenceRows sequence;
        uint32_t first_token, tokens, kv_head;  ///< query tokens within the sequence's rows
        uint32_t first_chunk, end_chunk;
        uint32_t part = 0;  ///< where its partial results lie, in rows; kWhole: it finishes alone
    };
    /// Items whose chunks were dealt out: their partial results are merged at the end.
    struct Split {
        uint32_t first_item, items;
    };
    struct Partial {
        float *peak, *weight, *value;
    };
    struct Scratch;

    void plan_sequence(const SequenceRows& sequence, bool split);
    void run_item(const Item& item, uint32_t layer, const float* qkv, size_t ld_qkv, float* out,
                  size_t ld_out, uint32_t thread);
    void attend_chunk(const Item& item, uint32_t layer, uint32_t chunk, const Scratch& scratch,
                      const Partial& result);
    void merge_rows(uint32_t rows, const Partial& sum, const Partial& next);
    void write_out(const Item& item, const Partial& sum, float* out, size_t ld_out);
    void finish_split(const Split& split, float* out, size_t ld_out);
    Scratch scratch_of(uint32_t thread);
    Partial partial_at(uint32_t row);
    uint32_t group() const { return heads_ / kv_heads_; }
    uint32_t v_dim() const { return arena_.layout().v_dim; }

    uint32_t layers_, heads_, kv_heads_, head_dim_, tile_tokens_, max_rows_;
    float scale_;
    ThreadPool& pool_;
    const Kernels& kernels_;
    KvArena& arena_;
    std::vector<Item> items_;
    std::vector<Split> splits_;
    std::vector<float> parts_;
    uint32_t part_rows_ = 0;
    std::vector<std::vector<float>> scratch_;  ///< by thread
    double flops_ = 0, bytes_ = 0;
};

}  // namespace pitwall::engine::cpu
