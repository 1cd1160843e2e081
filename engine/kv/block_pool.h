// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "telemetry/base/ids.h"
#include "telemetry/base/result.h"
#include "telemetry/event.h"

namespace pitwall::engine {

using telemetry::BlockState;

/// What is known of one block of the pool.
struct Block {
    uint32_t references = 0;
    RequestId owner = kNoRequest;           ///< held: who took it last; cached: who had it last
    uint32_t older = kNone, newer = kNone;  ///< neighbours in the order of last use, while cached
    int64_t used_ns = 0;                    ///< when it was last allocated, filled, hit or released
    uint8_t filled_tokens = 0;
    BlockState state = BlockState::kFree;
    static constexpr uint32_t kNone = UINT32_MAX;
};

/// Blocks, their reference counts and the two lists that the unreferenced ones are on: free, and cached in order of
/// last use. Every block is in exactly one state. Integers only; all operations O(1) but resizing and checking.
class BlockPool {
  public:
    explicit BlockPool(uint32_t num_blocks);

    uint32_t size() const { return static_cast<uint32_t>(blocks_.size()); }
    uint32_t free_count() const { return static_cast<uint32_t>(free_.size()); }
    uint32_t cached_count() const { return cached_; }
    uint32_t held_count() const { return size() - free_count() - cached_; }
    const Block& operator[](BlockId id) const { return blocks_[raw(id)]; }
    Block& operator[](BlockId id) { return blocks_[raw(id)]; }

    BlockId take_free();             ///< held, one reference. There must be one
    BlockId oldest_cached() const;   ///< kNoBlock: none
    void add_reference(BlockId id);  ///< a cached one becomes held
    /// Takes one reference away; the last one makes it cached (newest of them) or free.
    void drop_reference(BlockId id, bool keep_cached);
    void free_cached(BlockId id);  ///< cached -> free

    void grow(uint32_t num_blocks);
    /// First half of a shrink: ids from `num_blocks` on are given out no more.
    void retire_from(uint32_t num_blocks);
    /// `to`, just taken, takes over everything of `from`, which becomes free.
    void move(BlockId from, BlockId to);
    /// Second half: drops the ids retired, which must all be free by now.
    void drop_retired();

    Status check_integrity() const;

  private:
    void link_newest(uint32_t id);
    void unlink(uint32_t id);
    void make_free(uint32_t id);

    std::vector<Block> blocks_;
    std::vector<uint32_t> free_;  ///< a stack; low ids are given out first
    uint32_t end_ = 0;            ///< ids from here on are retired; the size but for the middle of a shrink
    uint32_t oldest_ = Block::kNone, newest_ = Block::kNone, cached_ = 0;
};

}  // namespace pitwall::engine
