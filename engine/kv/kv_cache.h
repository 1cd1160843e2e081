// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/kv/block_pool.h"
#include "engine/kv/numeric_history.h"
#include "engine/kv/prefix_index.h"
#include "telemetry/event.h"

namespace pitwall::engine {

using telemetry::BlockPhase;
using telemetry::MissReason;

/// Hears of every change to a block after it happened. The engine makes events of them; tests leave it null.
class BlockObserver {
  public:
    virtual ~BlockObserver() = default;
    struct Change {
        BlockId block{};
        RequestId request = kNoRequest;
        BlockPhase phase{};
        uint32_t table_index = 0;
        BlockId source = kNoBlock;
    };
    virtual void on_block(const Change& change, const Block& now) = 0;
};

/// What the cache holds of a sequence's beginning.
struct PrefixMatch {
    std::vector<BlockId> shared;     ///< whole blocks, in order
    BlockId copy_source = kNoBlock;  ///< copy-on-write: the block of which all but the last token is wanted
    uint32_t copy_tokens = 0;
    uint32_t revived = 0;  ///< of all these, how many are cached now and would become held
    MissReason miss = MissReason::kNone;
    std::vector<EpochSpan> epochs;  ///< in which these tokens were computed
    ChainHash lineage;              ///< of the last of `shared`
    uint32_t tokens() const { return static_cast<uint32_t>(shared.size()) * kBlockTokens + copy_tokens; }
};

/// Accounting of the paged KV cache: which block holds what, for whom, and what may be thrown away. Integers
/// only: the bytes belong to the executor. Evicts the least recently used cached block first; a sequence's blocks
/// are released from its end, so that of one chain the leaf is always older than its parents and goes first.
class KvCache {
  public:
    explicit KvCache(uint32_t num_blocks, BlockObserver* observer = nullptr,
                     const NumericFormat& format = {});

    uint32_t size() const { return pool_.size(); }
    uint32_t available() const { return pool_.free_count() + pool_.cached_count(); }
    const BlockPool& pool() const { return pool_; }
    uint64_t index_version() const { return index_.version(); }
    uint64_t evictions() const { return evictions_; }
    uint64_t slots_filled() const { return slots_filled_; }  ///< token slots of held blocks that hold a token
    const KvEpochs& epochs() const { return epochs_; }
    /// All blocks have been converted to it; what is computed from now on is computed in that format.
    void begin_epoch(const NumericFormat& format) { epochs_.begin(format); }
    /// Those that hold tokens, held or cached.
    std::vector<BlockId> holding() const;
    void set_time(int64_t now_ns) { now_ns_ = now_ns; }

    /// Reads only. At most tokens - 1 come from the cache, because the last has to be computed to sample what follows:
    /// where the whole of `tokens` is cached, its last block is to be copied but for one token. With `allow_copy` false
    /// that block is computed again instead.
    PrefixMatch match(std::span<const TokenId> tokens, bool allow_copy) const;

    /// Takes a reference to each, for a sequence's table from `table_index` on.
    void share(RequestId request, std::span<const BlockId> blocks, uint32_t table_index);
    /// Holds a block for the time of a copy.
    void pin(RequestId request, BlockId block, uint32_t table_index) {
        share(request, {&block, 1}, table_index);
    }
    void unpin(RequestId request, BlockId block, uint32_t table_index) {
        release_one(request, block, table_index);
    }
    /// A block with one reference. available() must be positive; evicts where nothing is free.
    BlockId allocate(RequestId request, uint32_t table_index);
    void note_copied(RequestId request, BlockId source, BlockId target, uint32_t tokens,
                     uint32_t table_index);
    /// The block's first `tokens` slots hold a token now.
    void fill(RequestId request, BlockId block, uint32_t tokens, uint32_t table_index);
    /// A full block, computed in the epochs `own`, becomes findable (but for one of batches that mattered, where batches
    /// matter no more) behind the block of lineage `parent` (none: all
    /// zeros). A prefix that another block holds already is left with that one. Gives its own lineage.
    ChainHash remember(BlockId block, const ChainHash& parent, std::span<const TokenId> tokens,
                       std::span<const EpochSpan> own);
    /// Gives up a sequence's table from `table_index` on, last block first.
    void release(RequestId request, std::span<const BlockId> table, uint32_t table_index = 0);

    /// Forgets all prefixes; cached blocks become free, held ones are no longer found. How many were cached.
    uint32_t flush();

    struct Move {
        BlockId source, target;
        uint32_t filled_tokens;
    };
    void grow(uint32_t num_blocks);
    /// Empties the ids from `num_blocks` on: cached blocks there are evicted, held ones move to ids below, for which
    /// the oldest cached ones make room. The caller copies the bytes and rewrites the tables.
    /// Precondition: held blocks <= num_blocks.
    std::vector<Move> shrink(uint32_t num_blocks);

    /// Every block is in exactly one state, and reference counts are those of `tables` and, beside them, `pins`.
    Status check_integrity(std::span<const std::span<const BlockId>> tables,
                           std::span<const BlockId> pins) const;

  private:
    /// Of a block that can be found.
    struct Lineage {
        ChainHash hash;
        uint32_t first_epoch = 0;
        bool mixed = false;  ///< computed in several epochs, which are in mixed_
    };
    bool may_be_found(std::span<const EpochSpan> own) const;
    void append_epochs(BlockId block, uint32_t first_position, std::vector<EpochSpan>& epochs) const;
    void release_one(RequestId request, BlockId block, uint32_t table_index);
    void evict(BlockId block);
    void tell(BlockPhase phase, BlockId block, RequestId request, uint32_t table_index = 0,
              BlockId source = kNoBlock);

    BlockPool pool_;
    PrefixIndex index_;
    std::vector<Lineage> lineages_;                               ///< [blocks]
    std::unordered_map<uint32_t, std::vector<EpochSpan>> mixed_;  ///< by block
    KvEpochs epochs_;
    BlockObserver* observer_;
    int64_t now_ns_ = 0;
    uint64_t evictions_ = 0, slots_filled_ = 0;
};

}  // namespace pitwall::engine
