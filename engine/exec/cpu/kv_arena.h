// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "engine/exec/cpu/memory.h"
#include "engine/exec/executor.h"
#include "engine/model/model_config.h"

namespace pitwall::engine::cpu {

/// The bytes of the KV blocks, binary16, [block][layer][kv head]{K [head_dim][16 tokens], V [16 tokens][padded_dim]}:
/// attention reads K and V of a block and head as one piece, 16 positions a vector, once for all query heads.
class KvArena {
  public:
    static Result<KvArena> create(const ModelConfig& config, uint64_t memory_bytes);

    uint64_t bytes_per_block() const { return block_bytes_; }
    uint32_t capacity_blocks() const { return capacity_; }
    uint32_t padded_dim() const { return padded_dim_; }

    /// Contents below min(old, new) are kept; pages beyond go back to the system.
    Status resize(uint32_t num_blocks);
    void copy(const BlockCopy& copy);
    std::byte* head(BlockId block, uint32_t layer, uint32_t kv_head) {
        return buffer_.data() + raw(block) * block_bytes_ +
               (uint64_t{layer} * kv_heads_ + kv_head) * head_bytes_;
    }

  private:
    uint32_t kv_heads_ = 0, padded_dim_ = 0, capacity_ = 0, num_blocks_ = 0;
    uint64_t head_bytes_ = 0, block_bytes_ = 0;
    PageBuffer buffer_;
};

}  // namespace pitwall::engine::cpu
