// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/exec/executor.h"

namespace pitwall::engine {

/// An executor with a pool of blocks, and the shortest ways to use it.
class ExecutorHand {
  public:
    /// Throws where there is none.
    ExecutorHand(Result<std::unique_ptr<Executor>> made, uint32_t blocks);
    Executor& executor() { return *executor_; }

    /// Logits of all positions, fed in chunks; the blocks are those of `table`.
    std::vector<float> logits(const std::vector<TokenId>& tokens, size_t chunk,
                              const std::vector<BlockId>& table);
    StepResult run(const StepPlan& plan) { return executor_->collect(executor_->submit(plan)); }

  private:
    std::unique_ptr<Executor> executor_;
};

/// Blocks first, first + 1, ...
std::vector<BlockId> blocks_from(uint32_t first, uint32_t count);

}  // namespace pitwall::engine
