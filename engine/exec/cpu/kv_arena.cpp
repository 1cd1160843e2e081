// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/kv_arena.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "engine/kv/in_place_moves.h"

namespace pitwall::engine::cpu {

Result<KvArena> KvArena::create(const ModelConfig& config, uint64_t memory_bytes, KvDtype dtype) {
    KvArena arena;
    arena.kv_heads_ = config.num_kv_heads;
    arena.heads_per_block_ = config.num_kv_heads * config.num_layers;
    arena.memory_bytes_ = memory_bytes;
    arena.dtype_ = dtype;
    arena.layout_ = kv_head_layout(dtype, config.head_dim);
    arena.block_bytes_ = kv_bytes_per_block(dtype, config);
    if (arena.capacity_blocks() == 0) {
        return Error{fmt::format("kv_cache_memory_bytes={} holds no KV block of {} bytes", memory_bytes,
                                 arena.block_bytes_),
                     "raise it"};
    }
    auto buffer = PageBuffer::reserve(memory_bytes, "the KV cache");
    if (!buffer.ok()) return buffer.error();
    arena.buffer_ = std::move(buffer).value();
    return arena;
}

uint32_t KvArena::capacity_blocks(uint64_t block_bytes) const {
    return static_cast<uint32_t>(std::min<uint64_t>(memory_bytes_ / block_bytes, raw(kNoBlock) - 1));
}

Status KvArena::commit_up_to(uint64_t bytes) {
    if (bytes > committed_bytes_) {
        if (Status status = buffer_.commit(committed_bytes_, bytes - committed_bytes_); !status.ok())
            return status;
    } else {
        buffer_.decommit(bytes, committed_bytes_ - bytes);
    }
    committed_bytes_ = bytes;
    return {};
}

Status KvArena::resize(uint32_t num_blocks) {
    if (num_blocks > capacity_blocks()) {
        return Error{fmt::format("{} KV blocks asked for, memory allows {}", num_blocks, capacity_blocks()),
                     "raise kv_cache_memory_bytes and reload"};
    }
    if (Status status = commit_up_to(num_blocks * block_bytes_); !status.ok()) return status;
    num_blocks_ = num_blocks;
    return {};
}

void KvArena::copy(const BlockCopy& copy) {
    assert(raw(copy.source) < num_blocks_ && raw(copy.target) < num_blocks_);
    // K has its tokens side by side, so slots cannot be told apart in bytes; copying the unfilled ones does no harm.
    std::memcpy(head(copy.target, 0, 0), head(copy.source, 0, 0), block_bytes_);
}

/// All that a thread needs to convert blocks.
struct KvArena::Conversion {
    KvHeadLayout to;
    uint64_t from_bytes, to_bytes;  ///< of a block
    ThreadPool& pool;
    const Kernels& kernels;
    std::vector<std::vector<float>> scratch;  ///< by thread
};

Status KvArena::convert(KvDtype dtype, uint32_t num_blocks, std::span<const BlockId> holding,
                        ThreadPool& pool, const Kernels& kernels) {
    const KvHeadLayout to = kv_head_layout(dtype, layout_.head_dim);
    const uint64_t to_bytes = uint64_t{to.bytes} * heads_per_block_;
    if (num_blocks > capacity_blocks(to_bytes)) {
        return Error{fmt::format("{} KV blocks of {} bytes asked for, memory allows {}", num_blocks, to_bytes,
                                 capacity_blocks(to_bytes)),
                     "raise kv_cache_memory_bytes and reload"};
    }
    if (num_blocks * to_bytes > committed_bytes_)
        if (Status status = commit_up_to(num_blocks * to_bytes); !status.ok()) return status;
    Conversion conversion{to, block_bytes_, to_bytes, pool, kernels, {}};
    conversion.scratch.assign(pool.threads(),
                              std::vector<float>(conversion_scratch_floats(layout_.head_dim)));
    std::vector<BlockId> ids(holding.begin(), holding.end());
    std::sort(ids.begin(), ids.end());
    assert(ids.empty() || raw(ids.back()) < std::min(num_blocks, num_blocks_));
    for (const auto& batch : in_place_moves(std::span<const BlockId>(ids), block_bytes_, to_bytes))
        convert_together(conversion, batch.ids);
    dtype_ = dtype;
    layout_ = to;
    block_bytes_ = to_bytes;
    return resize(num_blocks);
}

void KvArena::convert_together(Conversion& c, std::span<const BlockId> ids) {
    c.pool.run(static_cast<uint32_t>(ids.size()), 1, [&](uint32_t begin, uint32_t end, uint32_t thread) {
        for (uint32_t i = begin; i < end; ++i) convert_block(c, ids[i], thread);
    });
}

/// Its heads go in the order in which none overwrites the next one, for a block may overlap itself.
void KvArena::convert_block(Conversion& c, BlockId block, uint32_t thread) {
    const bool downward = c.to_bytes <= c.from_bytes;
    const std::byte* source = buffer_.data() + raw(block) * c.from_bytes;
    std::byte* target = buffer_.data() + raw(block) * c.to_bytes;
    float* scratch = c.scratch[thread].data();
    for (uint32_t i = 0; i < heads_per_block_; ++i) {
        const uint32_t at = downward ? i : heads_per_block_ - 1 - i;
        c.kernels.convert_kv({&layout_, &c.to, source + uint64_t{at} * layout_.bytes,
                              target + uint64_t{at} * c.to.bytes, scratch});
    }
}

}  // namespace pitwall::engine::cpu
