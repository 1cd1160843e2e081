// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/exec/cpu/kernels/kernels.h"
#include "engine/exec/cpu/memory.h"
#include "engine/exec/cpu/thread_pool.h"
#include "engine/exec/executor.h"
#include "engine/kv/kv_format.h"
#include "engine/model/model_config.h"

namespace pitwall::engine::cpu {

/// The bytes of the KV blocks, [block][layer][kv head]{KvHeadLayout}: attention reads K and V of a block and head as one
/// piece, 16 positions a vector, once for all query heads.
class KvArena {
  public:
    static Result<KvArena> create(const ModelConfig& config, uint64_t memory_bytes, KvDtype dtype);

    uint64_t bytes_per_block() const { return block_bytes_; }
    uint32_t capacity_blocks() const { return capacity_blocks(block_bytes_); }
    /// Of blocks of so many bytes.
    uint32_t capacity_blocks(uint64_t block_bytes) const;
    /// Scales included.
    double bytes_per_token() const { return static_cast<double>(block_bytes_) / kBlockTokens; }
    KvDtype dtype() const { return dtype_; }
    const KvHeadLayout& layout() const { return layout_; }

    /// Contents below min(old, new) are kept; pages beyond go back to the system.
    Status resize(uint32_t num_blocks);
    /// Executor::convert_kv. In place: narrower blocks move down from the front, wider ones up from the back.
    Status convert(KvDtype dtype, uint32_t num_blocks, std::span<const BlockId> holding, ThreadPool& pool,
                   const Kernels& kernels);
    void copy(const BlockCopy& copy);
    std::byte* head(BlockId block, uint32_t layer, uint32_t kv_head) {
        return buffer_.data() + raw(block) * block_bytes_ +
               (uint64_t{layer} * kv_heads_ + kv_head) * layout_.bytes;
    }

  private:
    struct Conversion;
    Status commit_up_to(uint64_t bytes);
    void convert_together(Conversion& conversion, std::span<const BlockId> ids);
    void convert_block(Conversion& conversion, BlockId block, uint32_t thread);

    uint32_t kv_heads_ = 0, heads_per_block_ = 0, num_blocks_ = 0;
    uint64_t memory_bytes_ = 0, committed_bytes_ = 0;
    KvDtype dtype_ = KvDtype::kF16;
    KvHeadLayout layout_;
    uint64_t block_bytes_ = 0;
    PageBuffer buffer_;
};

}  // namespace pitwall::engine::cpu
