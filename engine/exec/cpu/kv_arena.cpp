// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/kv_arena.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace pitwall::engine::cpu {

Result<KvArena> KvArena::create(const ModelConfig& config, uint64_t memory_bytes, KvDtype dtype) {
    KvArena arena;
    arena.kv_heads_ = config.num_kv_heads;
    arena.dtype_ = dtype;
    arena.layout_ = kv_head_layout(dtype, config.head_dim);
    arena.block_bytes_ = kv_bytes_per_block(dtype, config);
    const uint64_t blocks = memory_bytes / arena.block_bytes_;
    if (blocks == 0) {
        return Error{fmt::format("kv_cache_memory_bytes={} holds no KV block of {} bytes", memory_bytes,
                                 arena.block_bytes_),
                     "raise it"};
    }
    arena.capacity_ = static_cast<uint32_t>(std::min<uint64_t>(blocks, raw(kNoBlock) - 1));
    auto buffer = PageBuffer::reserve(arena.capacity_ * arena.block_bytes_, "the KV cache");
    if (!buffer.ok()) return buffer.error();
    arena.buffer_ = std::move(buffer).value();
    return arena;
}

Status KvArena::resize(uint32_t num_blocks) {
    if (num_blocks > capacity_) {
        return Error{fmt::format("{} KV blocks asked for, memory allows {}", num_blocks, capacity_),
                     "raise kv_cache_memory_bytes and reload"};
    }
    const uint64_t old_bytes = num_blocks_ * block_bytes_, new_bytes = num_blocks * block_bytes_;
    if (new_bytes > old_bytes) {
        if (Status status = buffer_.commit(old_bytes, new_bytes - old_bytes); !status.ok()) return status;
    } else {
        buffer_.decommit(new_bytes, old_bytes - new_bytes);
    }
    num_blocks_ = num_blocks;
    return {};
}

void KvArena::copy(const BlockCopy& copy) {
    assert(raw(copy.source) < num_blocks_ && raw(copy.target) < num_blocks_);
    // K has its tokens side by side, so slots cannot be told apart in bytes; copying the unfilled ones does no harm.
    std::memcpy(head(copy.target, 0, 0), head(copy.source, 0, 0), block_bytes_);
}

}  // namespace pitwall::engine::cpu
