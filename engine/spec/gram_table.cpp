// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/spec/gram_table.h"

#include <algorithm>
#include <utility>

#include "engine/kv/chain_hash.h"

namespace pitwall::engine {

namespace {

constexpr size_t kFirstSlots = 64;

}  // namespace

uint64_t run_hash(std::span<const TokenId> run) {
    uint64_t hash = run.size();
    for (const TokenId token : run) hash = detail::final_mix(hash + static_cast<uint32_t>(token) + 1);
    return hash | 1;
}

/// Where `run` is, or the free slot where it belongs.
size_t GramTable::slot_of(std::span<const TokenId> tokens, std::span<const TokenId> run) const {
    const size_t mask = ends_.size() - 1;
    size_t slot = run_hash(run) >> 1 & mask;
    while (ends_[slot] != 0 && !std::ranges::equal(tokens.subspan(ends_[slot] - length_, length_), run))
        slot = (slot + 1) & mask;
    return slot;
}

void GramTable::add(std::span<const TokenId> tokens, uint32_t end) {
    if (ends_.size() < 2 * (used_ + 1)) grow(tokens);
    uint32_t& place = ends_[slot_of(tokens, tokens.subspan(end - length_, length_))];
    used_ += place == 0;
    place = end;
}

void GramTable::grow(std::span<const TokenId> tokens) {
    std::vector<uint32_t> old(std::max(kFirstSlots, 2 * ends_.size()));
    std::swap(old, ends_);
    for (const uint32_t end : old)
        if (end != 0) ends_[slot_of(tokens, tokens.subspan(end - length_, length_))] = end;
}

uint32_t GramTable::find(std::span<const TokenId> tokens) const {
    if (used_ == 0 || tokens.size() < length_) return 0;
    return ends_[slot_of(tokens, tokens.last(length_))];
}

}  // namespace pitwall::engine
