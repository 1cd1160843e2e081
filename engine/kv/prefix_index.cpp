// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kv/prefix_index.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace pitwall::engine {

void PrefixIndex::resize(uint32_t num_blocks) {
    entries_.resize(num_blocks);
    table_.assign(std::bit_ceil(size_t{num_blocks} * 2 + 2), kEmpty);
    size_ = 0;
    for (uint32_t id = 0; id < num_blocks; ++id) {
        if (!entries_[id].used) continue;
        table_[slot_of(entries_[id].hash)] = id;
        ++size_;
    }
}

size_t PrefixIndex::slot_of(const ChainHash& hash) const {
    size_t slot = home(hash);
    while (table_[slot] != kEmpty && entries_[table_[slot]].hash != hash)
        slot = (slot + 1) & (table_.size() - 1);
    return slot;
}

bool PrefixIndex::insert(const ChainHash& hash, std::span<const TokenId> tokens, BlockId block) {
    assert(tokens.size() == kBlockTokens && raw(block) < entries_.size());
    Entry& entry = entries_[raw(block)];
    const size_t slot = slot_of(hash);
    if (entry.used || table_[slot] != kEmpty) return false;
    table_[slot] = raw(block);
    entry.hash = hash;
    entry.used = true;
    std::copy(tokens.begin(), tokens.end(), entry.tokens.begin());
    ++size_;
    ++version_;
    return true;
}

BlockId PrefixIndex::find(const ChainHash& hash, std::span<const TokenId> tokens) const {
    const uint32_t id = table_.empty() ? kEmpty : table_[slot_of(hash)];
    if (id == kEmpty) return kNoBlock;
    const BlockTokens& held = entries_[id].tokens;
    return std::equal(tokens.begin(), tokens.end(), held.begin(), held.end()) ? BlockId{id} : kNoBlock;
}

void PrefixIndex::erase(BlockId block, bool evicted) {
    Entry& entry = entries_[raw(block)];
    if (!entry.used) return;
    if (evicted) evicted_[entry.hash.low % kRememberedEvictions] = entry.hash.low;
    const size_t slot = slot_of(entry.hash);
    entry.used = false;
    close_gap(slot);
    --size_;
    ++version_;
}

/// Entries behind a removed one move up where they may, so that probing never needs tombstones (Knuth 6.4, R).
void PrefixIndex::close_gap(size_t gap) {
    const size_t mask = table_.size() - 1;
    for (size_t next = (gap + 1) & mask; table_[next] != kEmpty; next = (next + 1) & mask) {
        const size_t from_home = (next - home(entries_[table_[next]].hash)) & mask,
                     from_gap = (next - gap) & mask;
        if (from_home < from_gap) continue;
        table_[gap] = table_[next];
        gap = next;
    }
    table_[gap] = kEmpty;
}

void PrefixIndex::move(BlockId from, BlockId to) {
    if (!holds(from)) return;
    assert(!holds(to));
    table_[slot_of(entries_[raw(from)].hash)] = raw(to);
    entries_[raw(to)] = entries_[raw(from)];
    entries_[raw(from)].used = false;
    ++version_;
}

void PrefixIndex::clear() {
    for (Entry& entry : entries_) entry.used = false;
    std::fill(table_.begin(), table_.end(), kEmpty);
    size_ = 0;
    ++version_;
}

}  // namespace pitwall::engine
