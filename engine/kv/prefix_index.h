// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/kv/chain_hash.h"
#include "telemetry/base/ids.h"

namespace pitwall::engine {

/// Which full block holds which prefix. One block a prefix: a second block with the same content stays
/// private. An entry keeps its own tokens: a hit needs the 128-bit hash of the whole chain and these 16
/// tokens to agree.
class PrefixIndex {
  public:
    /// False when the prefix is there already under another block, or the block under another prefix.
    bool insert(const ChainHash& hash, std::span<const TokenId> tokens, BlockId block);
    BlockId find(const ChainHash& hash, std::span<const TokenId> tokens) const;  ///< kNoBlock: not there
    bool holds(BlockId block) const { return block_hash_.contains(raw(block)); }
    /// Forgets the block. An `evicted` prefix is remembered a while, to tell a cold miss from an evicted one.
    void erase(BlockId block, bool evicted);
    /// The content of `from` now lives in `to`, which holds nothing.
    void move(BlockId from, BlockId to);
    void clear();

    bool was_evicted(const ChainHash& hash) const { return evicted_.contains(hash.low); }
    size_t size() const { return entries_.size(); }
    /// Grows with every insertion and removal; what was matched before may differ after.
    uint64_t version() const { return version_; }

  private:
    struct Entry {
        BlockId block;
        BlockTokens tokens;
    };
    static constexpr size_t kRememberedEvictions = 65536;

    std::unordered_map<ChainHash, Entry, ChainHashMap> entries_;
    std::unordered_map<uint32_t, ChainHash> block_hash_;
    std::unordered_set<uint64_t> evicted_;
    std::deque<uint64_t> evicted_order_;
    uint64_t version_ = 0;
};

}  // namespace pitwall::engine
