// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kv/block_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace pitwall::engine {

BlockPool::BlockPool(uint32_t num_blocks) { grow(num_blocks); }

BlockId BlockPool::take_free() {
    assert(!free_.empty());
    const uint32_t id = free_.back();
    free_.pop_back();
    blocks_[id].state = BlockState::kHeld;
    blocks_[id].references = 1;
    return BlockId{id};
}

BlockId BlockPool::oldest_cached() const { return oldest_ == Block::kNone ? kNoBlock : BlockId{oldest_}; }

void BlockPool::add_reference(BlockId id) {
    Block& block = blocks_[raw(id)];
    assert(block.state != BlockState::kFree);
    if (block.state == BlockState::kCached) {
        unlink(raw(id));
        block.state = BlockState::kHeld;
    }
    ++block.references;
}

void BlockPool::drop_reference(BlockId id, bool keep_cached) {
    Block& block = blocks_[raw(id)];
    assert(block.state == BlockState::kHeld && block.references > 0);
    if (--block.references > 0) return;
    if (keep_cached) {
        block.state = BlockState::kCached;
        link_newest(raw(id));
    } else {
        make_free(raw(id));
    }
}

void BlockPool::free_cached(BlockId id) {
    assert(blocks_[raw(id)].state == BlockState::kCached);
    unlink(raw(id));
    make_free(raw(id));
}

void BlockPool::grow(uint32_t num_blocks) {
    const uint32_t old = size();
    assert(num_blocks >= old);
    blocks_.resize(num_blocks);
    std::vector<uint32_t> ids;
    ids.reserve(free_.size() + num_blocks - old);
    for (uint32_t id = num_blocks; id > old; --id) ids.push_back(id - 1);
    ids.insert(ids.end(), free_.begin(), free_.end());
    free_ = std::move(ids);
    end_ = num_blocks;
}

void BlockPool::retire_from(uint32_t num_blocks) {
    assert(num_blocks <= size());
    end_ = num_blocks;
    std::erase_if(free_, [&](uint32_t id) { return id >= num_blocks; });
}

void BlockPool::move(BlockId from, BlockId to) {
    Block& source = blocks_[raw(from)];
    Block& target = blocks_[raw(to)];
    assert(source.state == BlockState::kHeld && target.state == BlockState::kHeld && target.references == 1);
    target.references = source.references;
    target.owner = source.owner;
    target.used_ns = source.used_ns;
    target.filled_tokens = source.filled_tokens;
    source.references = 0;
    make_free(raw(from));
}

void BlockPool::drop_retired() {
    assert(std::all_of(blocks_.begin() + end_, blocks_.end(),
                       [](const Block& b) { return b.state == BlockState::kFree; }));
    blocks_.resize(end_);
}

void BlockPool::make_free(uint32_t id) {
    blocks_[id].state = BlockState::kFree;
    blocks_[id].filled_tokens = 0;
    blocks_[id].owner = kNoRequest;
    if (id < end_) free_.push_back(id);
}

void BlockPool::link_newest(uint32_t id) {
    Block& block = blocks_[id];
    block.older = newest_;
    block.newer = Block::kNone;
    (newest_ == Block::kNone ? oldest_ : blocks_[newest_].newer) = id;
    newest_ = id;
    ++cached_;
}

void BlockPool::unlink(uint32_t id) {
    Block& block = blocks_[id];
    (block.older == Block::kNone ? oldest_ : blocks_[block.older].newer) = block.newer;
    (block.newer == Block::kNone ? newest_ : blocks_[block.newer].older) = block.older;
    block.older = block.newer = Block::kNone;
    --cached_;
}

Status BlockPool::check_integrity() const {
    std::vector<bool> seen(blocks_.size(), false);
    for (const uint32_t id : free_) {
        if (id >= size() || seen[id])
            return Error{fmt::format("block {} is twice in the free list or beyond the pool", id), ""};
        if (blocks_[id].state != BlockState::kFree || blocks_[id].references != 0)
            return Error{fmt::format("block {} is in the free list but not free", id), ""};
        seen[id] = true;
    }
    uint32_t cached = 0;
    for (uint32_t id = oldest_, older = Block::kNone; id != Block::kNone;
         older = id, id = blocks_[id].newer) {
        if (seen[id] || blocks_[id].state != BlockState::kCached || blocks_[id].references != 0 ||
            blocks_[id].older != older)
            return Error{fmt::format("block {} is wrongly in the list of cached blocks", id), ""};
        seen[id] = true;
        ++cached;
    }
    if (cached != cached_) return Error{fmt::format("{} blocks are cached, {} counted", cached, cached_), ""};
    for (uint32_t id = 0; id < size(); ++id) {
        const bool held = blocks_[id].state == BlockState::kHeld && blocks_[id].references > 0;
        if (seen[id] == held) return Error{fmt::format("block {} is in no state or in two", id), ""};
    }
    return {};
}

}  // namespace pitwall::engine
