// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "engine/exec/cuda/kernels/attention.h"
#include "engine/kv/kv_format.h"
#include "engine/model/model_config.h"

namespace pitwall::cuda {

/// The bytes of the KV blocks in the device's memory: one arena, in which blocks of the present format have one stride.
class KvArena {
  public:
    /// 0 bytes: most of what is free.
    static Result<KvArena> create(const engine::ModelConfig& config, uint64_t memory_bytes,
                                  engine::KvDtype dtype);

    const KvPool& pool() const { return pool_; }
    engine::KvDtype dtype() const { return dtype_; }
    uint64_t memory_bytes() const { return memory_.bytes(); }
    uint32_t capacity_blocks(uint64_t block_bytes) const {
        return static_cast<uint32_t>(std::min<uint64_t>(memory_.bytes() / block_bytes, kMostBlocks));
    }
    uint64_t block_bytes(engine::KvDtype dtype) const { return engine::kv_bytes_per_block(dtype, config_); }

    /// The same; 0 where there is no attention over it.
    uint64_t supported_block_bytes(engine::KvDtype dtype) const {
        return pool_of(dtype).ok() ? block_bytes(dtype) : 0;
    }

    /// Whether so many blocks have room: their memory is there from the beginning.
    Status resize(uint32_t num_blocks) const;
    /// Executor::convert_kv: in place. Narrower blocks move down from the front, wider ones up from the back. `agree` is told
    /// whether all is there for it, and says whether it is done: on all ranks or on none.
    Status convert(engine::KvDtype dtype, uint32_t num_blocks, std::span<const uint32_t> holding,
                   Stream& stream, const std::function<Status(const Status&)>& agree);

  private:
    struct Conversion;
    Result<Conversion> prepare(engine::KvDtype dtype, uint32_t num_blocks, std::span<const uint32_t> ids,
                               Stream& stream) const;
    static constexpr uint32_t kMostBlocks = kNoSlot / kBlockTokens;

    Result<KvPool> pool_of(engine::KvDtype dtype) const;
    Status check_size(uint32_t num_blocks, uint64_t block_bytes) const;

    engine::ModelConfig config_;
    engine::KvDtype dtype_ = engine::KvDtype::kF16;
    DeviceMemory memory_;
    KvPool pool_;
};

}  // namespace pitwall::cuda
