// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/kv/chain_hash.h"
#include "telemetry/base/ids.h"

namespace pitwall::engine {

/// Which full block holds which prefix. One block a prefix: a second block with the same content stays private.
/// A block's entry keeps its own tokens: a hit needs the 128-bit hash of the whole chain and these 16 tokens to
/// agree. An open-addressed table of block numbers over flat arrays, because a step of a thousand sequences may
/// insert and evict a thousand of a million.
class PrefixIndex {
  public:
    /// Blocks [0, num_blocks) may be named from now on; those beyond must hold nothing.
    void resize(uint32_t num_blocks);
    /// False when the prefix is there already under another block, or the block under another prefix.
    bool insert(const ChainHash& hash, std::span<const TokenId> tokens, BlockId block);
    BlockId find(const ChainHash& hash, std::span<const TokenId> tokens) const;  ///< kNoBlock: not there
    bool holds(BlockId block) const { return entries_[raw(block)].used; }
    /// Forgets the block. An `evicted` prefix is remembered a while, to tell a cold miss from an evicted one.
    void erase(BlockId block, bool evicted);
    /// The content of `from` now lives in `to`, which holds nothing.
    void move(BlockId from, BlockId to);
    void clear();

    bool was_evicted(const ChainHash& hash) const {
        return evicted_[hash.low % kRememberedEvictions] == hash.low;
    }
    size_t size() const { return size_; }
    /// Grows with every insertion and removal; what was matched before may differ after.
    uint64_t version() const { return version_; }

  private:
    struct Entry {
        ChainHash hash;
        BlockTokens tokens;
        bool used = false;
    };
    static constexpr uint32_t kEmpty = UINT32_MAX;
    /// Newer ones overwrite older ones of the same remainder.
    static constexpr size_t kRememberedEvictions = 65536;

    size_t home(const ChainHash& hash) const { return hash.low & (table_.size() - 1); }
    size_t slot_of(const ChainHash& hash) const;  ///< where it is, or the empty slot where it would go
    void close_gap(size_t gap);

    std::vector<Entry> entries_;   ///< [blocks]
    std::vector<uint32_t> table_;  ///< block numbers, linear probing, at most half full; a power of two long
    std::vector<uint64_t> evicted_ = std::vector<uint64_t>(kRememberedEvictions);
    size_t size_ = 0;
    uint64_t version_ = 0;
};

}  // namespace pitwall::engine
