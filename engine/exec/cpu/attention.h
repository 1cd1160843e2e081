// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/exec/cpu/kernels/kernels.h"
#include "engine/exec/cpu/kv_arena.h"
#include "engine/exec/cpu/multiplier.h"
#include "engine/exec/cpu/shared_reads.h"
#include "engine/exec/cpu/thread_pool.h"
#include "engine/exec/cpu/token_places.h"

namespace pitwall::engine::cpu {

/// Paged attention of a batch. Query heads that share a KV head go together, and so do sequences that share blocks, so that
/// K and V are read once for all. KV is cut into tiles and chunks at absolute positions and chunks are merged in ascending
/// order, whoever walks them and for whom else: the bits of a row depend on its own sequence alone.
class Attention {
  public:
    Attention(const ModelConfig& config, ThreadPool& pool, const Kernels& kernels, KvArena& arena,
              const TokenPlaces& places);

    /// As bfloat16 where that is what activations are and the kernels multiply it in tiles, as float32 elsewhere.
    void set_activation_dtype(ActivationDtype dtype);
    /// Cuts the batch into work items; they serve all layers. `sequences` stay until the last of them has run.
    void plan(std::span<const SequenceRows> sequences);
    struct Attended {
        float* data;  ///< [rows, ld] = [heads, head_dim]
        size_t ld;
        Multiplier* taker = nullptr;  ///< each head is given to it as part of a row, too
    };
    struct Qkv {
        float* data;  ///< [rows, ld]: queries, keys and values, not yet rotated but for keys that are cached
        size_t ld;
        float* row(uint32_t row) const { return data + row * ld; }
    };
    /// Caches the only tokens of their sequences on its way.
    void run(uint32_t layer, const Qkv& qkv, const Attended& out);

    double flops() const { return flops_; }  ///< of all layers of the planned batch
    double bytes() const { return bytes_; }  ///< of KV read by it

  private:
    struct Item {
        uint32_t sequence;                      ///< its number
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

    void plan_sequence(uint32_t number, bool split);
    void plan_walks();
    void count_reads();
    /// Blocks [first, end) of a table, of one KV head: what a piece of work reads.
    struct Walk {
        std::span<const BlockId> block_table;
        uint32_t kv_head = 0, first = 0, end = 0;
    };
    Walk walk_of_read(uint32_t number) const;
    Walk walk_of_item(uint32_t number) const;
    /// The walk that a thread is at, and all behind it: what it will probably read next. Those whose blocks others have read are empty.
    using Route = std::span<const Walk>;
    void run_read(uint32_t number, uint32_t layer, const Qkv& qkv, uint32_t thread);
    void run_item(uint32_t number, uint32_t layer, const Qkv& qkv, const Attended& out, uint32_t thread);
    /// Scaled and rotated queries of some tokens of a sequence into the scratch, from that row on.
    void take_queries(const SequenceRows& sequence, uint32_t first_token, uint32_t tokens, uint32_t kv_head,
                      const Qkv& qkv, const Scratch& scratch, uint32_t row);
    void attend_chunk(const Item& item, Route route, uint32_t layer, uint32_t chunk, const Scratch& scratch,
                      const Partial& result);
    /// Those tiles of a chunk, for the queries in the scratch.
    struct Tiles {
        uint32_t chunk, first, end;
    };
    void attend_tiles(Route route, uint32_t layer, uint32_t rows, const Tiles& tiles, const Scratch& scratch,
                      const Partial& result);
    uint32_t blocks_ahead() const { return kernels_.fetch.kv_tiles * kTileBlocks; }
    const std::byte* block_ahead(Route route, uint32_t layer, uint32_t index) const;
    void merge_rows(uint32_t rows, const Partial& sum, const Partial& next);
    void write_out(const Item& item, const Partial& sum, const Attended& out);
    void finish_split(const Split& split, const Attended& out);
    Scratch scratch_of(uint32_t thread);
    Partial partial_at(uint32_t row);
    Partial shared_at(uint32_t read_row, uint32_t kv_head);
    uint32_t group() const { return heads_ / kv_heads_; }
    /// Whole tokens that so many rows hold, but one at least.
    uint32_t tokens_in(uint32_t rows) const { return std::max(1u, rows / group()); }
    uint32_t v_dim() const { return arena_.layout().v_dim; }

    uint32_t layers_, heads_, kv_heads_, head_dim_, max_rows_, item_tokens_ = 0;
    float scale_;
    ThreadPool& pool_;
    const Kernels& kernels_;
    void (*attend_)(const AttentionChunk& chunk) = nullptr;
    KvArena& arena_;
    const TokenPlaces& places_;
    std::span<const SequenceRows> sequences_;  ///< of the planned batch
    SharedReads shared_;
    std::vector<Item> items_;
    std::vector<Split> splits_;
    std::vector<Walk> read_walks_;  ///< of each of shared_.reads(), for each KV head in turn
    std::vector<Walk> item_walks_;  ///< of each item
    std::vector<float> parts_;
    uint32_t part_rows_ = 0, all_rows_ = 0;    ///< of items; and with those of shared reads, which lie behind
    std::vector<std::vector<float>> scratch_;  ///< by thread
    double flops_ = 0, bytes_ = 0;
};

}  // namespace pitwall::engine::cpu
