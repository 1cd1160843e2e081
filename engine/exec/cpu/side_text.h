// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/exec/cpu/forward.h"
#include "engine/exec/cpu/kv_arena.h"

namespace pitwall::engine::cpu {

/// A text computed beside the pool, with K and V in a format and in memory of its own.
class SideText {
  public:
    static constexpr uint32_t kMostTokens = 256;

    static Result<std::unique_ptr<SideText>> create(const PackedModel& model, ThreadPool& pool,
                                                    const Kernels& kernels, KvDtype dtype);
    uint64_t activation_bytes() const { return forward_->activation_bytes(); }
    void set_activation_dtype(ActivationDtype dtype) { forward_->set_activation_dtype(dtype); }
    /// Executor::score_beside.
    void score(std::span<const TokenId> tokens, uint32_t first_position, std::span<float* const> logits);

  private:
    KvArena arena_;
    std::unique_ptr<Forward> forward_;
    std::vector<BlockId> table_;
};

}  // namespace pitwall::engine::cpu
