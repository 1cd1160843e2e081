// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kv/kv_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace pitwall::engine {

KvCache::KvCache(uint32_t num_blocks, BlockObserver* observer, const NumericFormat& format)
    : pool_(num_blocks), lineages_(num_blocks), epochs_(format), observer_(observer) {
    index_.resize(num_blocks);
}

void KvCache::grow(uint32_t num_blocks) {
    pool_.grow(num_blocks);
    index_.resize(num_blocks);
    lineages_.resize(num_blocks);
}

std::vector<BlockId> KvCache::holding() const {
    std::vector<BlockId> blocks;
    for (uint32_t id = 0; id < size(); ++id)
        if (pool_[BlockId{id}].filled_tokens > 0) blocks.push_back(BlockId{id});
    return blocks;
}

PrefixMatch KvCache::match(std::span<const TokenId> tokens, bool allow_copy) const {
    PrefixMatch match;
    std::vector<EpochSpan> epochs;
    ChainHash parent;
    const size_t full_blocks = tokens.size() / kBlockTokens;
    for (size_t i = 0; i < full_blocks; ++i) {
        const std::span<const TokenId> own = tokens.subspan(i * kBlockTokens, kBlockTokens);
        const ChainHash key = chain_hash(parent, own);
        const BlockId block = index_.find(key, own);
        if (block == kNoBlock) {
            match.miss = index_.was_evicted(key) ? MissReason::kEvicted : MissReason::kCold;
            break;
        }
        match.shared.push_back(block);
        append_epochs(block, static_cast<uint32_t>(i) * kBlockTokens, epochs);
        parent = lineages_[raw(block)].hash;
    }
    if (tokens.size() <= kBlockTokens && match.shared.empty()) match.miss = MissReason::kTooShort;
    if (!match.shared.empty() && match.shared.size() * kBlockTokens == tokens.size()) {
        if (allow_copy) {
            match.copy_source = match.shared.back();
            match.copy_tokens = kBlockTokens - 1;
        }
        match.shared.pop_back();
    }
    for (const BlockId block : match.shared) match.revived += pool_[block].state == BlockState::kCached;
    if (match.copy_source != kNoBlock) match.revived += pool_[match.copy_source].state == BlockState::kCached;
    if (!match.shared.empty()) match.lineage = lineages_[raw(match.shared.back())].hash;
    match.epochs = spans_between(epochs, 0, match.tokens());
    return match;
}

void KvCache::append_epochs(BlockId block, uint32_t first_position, std::vector<EpochSpan>& epochs) const {
    const Lineage& lineage = lineages_[raw(block)];
    const EpochSpan single{0, lineage.first_epoch};
    const std::span<const EpochSpan> own =
        lineage.mixed ? std::span<const EpochSpan>(mixed_.at(raw(block))) : std::span(&single, 1);
    for (const EpochSpan& span : own)
        if (epochs.empty() || epochs.back().epoch != span.epoch)
            epochs.push_back({first_position + span.position % kBlockTokens, span.epoch});
}

ChainHash KvCache::remember(BlockId block, const ChainHash& parent, std::span<const TokenId> tokens,
                            std::span<const EpochSpan> own) {
    const ChainHash key = chain_hash(parent, tokens), lineage = lineage_hash(key, own);
    if (!may_be_found(own) || !index_.insert(key, tokens, block)) return lineage;
    lineages_[raw(block)] = {lineage, own.front().epoch, own.size() > 1};
    if (own.size() > 1) mixed_[raw(block)].assign(own.begin(), own.end());
    return lineage;
}

/// Whose tokens depend on the request alone must not read what others had a part in. What such a block is followed by is not
/// found either, for it hangs behind it.
bool KvCache::may_be_found(std::span<const EpochSpan> own) const {
    return !epochs_.format(epochs_.current()).batch_invariant ||
           std::all_of(own.begin(), own.end(),
                       [&](const EpochSpan& span) { return epochs_.format(span.epoch).batch_invariant; });
}

void KvCache::share(RequestId request, std::span<const BlockId> blocks, uint32_t table_index) {
    for (const BlockId id : blocks) {
        Block& block = pool_[id];
        const bool revived = block.state == BlockState::kCached;
        if (revived) slots_filled_ += block.filled_tokens;
        pool_.add_reference(id);
        block.owner = request;
        block.used_ns = now_ns_;
        tell(revived ? BlockPhase::kHit : BlockPhase::kShared, id, request, table_index++);
    }
}

BlockId KvCache::allocate(RequestId request, uint32_t table_index) {
    if (pool_.free_count() == 0) evict(pool_.oldest_cached());
    const BlockId id = pool_.take_free();
    pool_[id].owner = request;
    pool_[id].used_ns = now_ns_;
    tell(BlockPhase::kAllocated, id, request, table_index);
    return id;
}

void KvCache::note_copied(RequestId request, BlockId source, BlockId target, uint32_t tokens,
                          uint32_t table_index) {
    slots_filled_ += tokens - pool_[target].filled_tokens;
    pool_[target].filled_tokens = static_cast<uint8_t>(tokens);
    tell(BlockPhase::kCopied, target, request, table_index, source);
}

void KvCache::fill(RequestId request, BlockId id, uint32_t tokens, uint32_t table_index) {
    Block& block = pool_[id];
    if (block.filled_tokens == tokens) return;
    slots_filled_ += tokens - block.filled_tokens;
    block.filled_tokens = static_cast<uint8_t>(tokens);
    block.used_ns = now_ns_;
    tell(BlockPhase::kFilled, id, request, table_index);
}

void KvCache::release(RequestId request, std::span<const BlockId> table, uint32_t table_index) {
    for (size_t i = table.size(); i > 0; --i)
        release_one(request, table[i - 1], table_index + static_cast<uint32_t>(i - 1));
}

void KvCache::release_one(RequestId request, BlockId id, uint32_t table_index) {
    Block& block = pool_[id];
    if (block.references == 1) slots_filled_ -= block.filled_tokens;
    block.used_ns = now_ns_;
    pool_.drop_reference(id, index_.holds(id));
    tell(BlockPhase::kReleased, id, request, table_index);
}

uint32_t KvCache::flush() {
    const uint32_t cached = pool_.cached_count();
    index_.clear();
    mixed_.clear();
    for (BlockId id = pool_.oldest_cached(); id != kNoBlock; id = pool_.oldest_cached()) {
        pool_.free_cached(id);
        tell(BlockPhase::kReleased, id, kNoRequest);
    }
    return cached;
}

std::vector<KvCache::Move> KvCache::shrink(uint32_t num_blocks) {
    assert(pool_.held_count() <= num_blocks);
    std::vector<BlockId> held;
    for (uint32_t id = num_blocks; id < size(); ++id) {
        if (pool_[BlockId{id}].state == BlockState::kCached) evict(BlockId{id});
        if (pool_[BlockId{id}].state == BlockState::kHeld) held.push_back(BlockId{id});
    }
    pool_.retire_from(num_blocks);
    std::vector<Move> moves;
    for (const BlockId source : held) {
        if (pool_.free_count() == 0) evict(pool_.oldest_cached());
        const BlockId target = pool_.take_free();
        const RequestId owner = pool_[source].owner;
        moves.push_back({source, target, pool_[source].filled_tokens});
        pool_.move(source, target);
        index_.move(source, target);
        lineages_[raw(target)] = lineages_[raw(source)];
        if (lineages_[raw(source)].mixed && mixed_.contains(raw(source)))
            mixed_[raw(target)] = std::move(mixed_[raw(source)]);
        tell(BlockPhase::kMoved, target, owner, 0, source);
        tell(BlockPhase::kReleased, source, owner);
    }
    pool_.drop_retired();
    index_.resize(num_blocks);
    lineages_.resize(num_blocks);
    std::erase_if(mixed_, [&](const auto& entry) { return entry.first >= num_blocks; });
    return moves;
}

Status KvCache::check_integrity(std::span<const std::span<const BlockId>> tables,
                                std::span<const BlockId> pins) const {
    if (Status status = pool_.check_integrity(); !status.ok()) return status;
    std::vector<uint32_t> references(size(), 0);
    for (const auto& table : tables)
        for (const BlockId id : table) {
            if (raw(id) >= size())
                return Error{fmt::format("a table names block {} beyond the pool of {}", raw(id), size()),
                             ""};
            ++references[raw(id)];
        }
    for (const BlockId id : pins) ++references[raw(id)];
    uint64_t filled = 0;
    for (uint32_t id = 0; id < size(); ++id) {
        const Block& block = pool_[BlockId{id}];
        if (block.references != references[id])
            return Error{fmt::format("block {} has {} references, tables name it {} times", id,
                                     block.references, references[id]),
                         ""};
        if (block.state == BlockState::kHeld) filled += block.filled_tokens;
        if (index_.holds(BlockId{id}) &&
            (block.state == BlockState::kFree || block.filled_tokens != kBlockTokens))
            return Error{fmt::format("block {} can be found by its prefix but is not full", id), ""};
        if (block.state == BlockState::kCached && !index_.holds(BlockId{id}))
            return Error{fmt::format("block {} is cached but cannot be found", id), ""};
    }
    if (filled != slots_filled_)
        return Error{fmt::format("{} slots are filled, {} counted", filled, slots_filled_), ""};
    return {};
}

void KvCache::evict(BlockId block) {
    index_.erase(block, true);
    pool_.free_cached(block);
    ++evictions_;
    tell(BlockPhase::kEvicted, block, kNoRequest);
}

void KvCache::tell(BlockPhase phase, BlockId block, RequestId request, uint32_t table_index, BlockId source) {
    if (observer_) observer_->on_block({block, request, phase, table_index, source}, pool_[block]);
}

}  // namespace pitwall::engine
