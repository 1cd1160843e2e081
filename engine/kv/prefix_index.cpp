// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kv/prefix_index.h"

#include <algorithm>
#include <cassert>

namespace pitwall::engine {

bool PrefixIndex::insert(const ChainHash& hash, std::span<const TokenId> tokens, BlockId block) {
    assert(tokens.size() == kBlockTokens);
    if (block_hash_.contains(raw(block))) return false;
    const auto [at, inserted] = entries_.try_emplace(hash);
    if (!inserted) return false;
    at->second.block = block;
    std::copy(tokens.begin(), tokens.end(), at->second.tokens.begin());
    block_hash_.emplace(raw(block), hash);
    ++version_;
    return true;
}

BlockId PrefixIndex::find(const ChainHash& hash, std::span<const TokenId> tokens) const {
    const auto at = entries_.find(hash);
    if (at == entries_.end()) return kNoBlock;
    return std::equal(tokens.begin(), tokens.end(), at->second.tokens.begin(), at->second.tokens.end())
               ? at->second.block
               : kNoBlock;
}

void PrefixIndex::erase(BlockId block, bool evicted) {
    const auto at = block_hash_.find(raw(block));
    if (at == block_hash_.end()) return;
    if (evicted && evicted_.insert(at->second.low).second) {
        evicted_order_.push_back(at->second.low);
        if (evicted_order_.size() > kRememberedEvictions) {
            evicted_.erase(evicted_order_.front());
            evicted_order_.pop_front();
        }
    }
    entries_.erase(at->second);
    block_hash_.erase(at);
    ++version_;
}

void PrefixIndex::move(BlockId from, BlockId to) {
    const auto at = block_hash_.find(raw(from));
    if (at == block_hash_.end()) return;
    assert(!holds(to));
    const ChainHash hash = at->second;
    block_hash_.erase(at);
    block_hash_.emplace(raw(to), hash);
    entries_.at(hash).block = to;
    ++version_;
}

void PrefixIndex::clear() {
    entries_.clear();
    block_hash_.clear();
    ++version_;
}

}  // namespace pitwall::engine
