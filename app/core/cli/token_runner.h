// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/exec/executor.h"

namespace pitwall::app {

/// Drives an executor without an engine: a few sequences, each in blocks of its own, for `score` and `bench`, which
/// measure the device and not the scheduler.
class TokenRunner {
  public:
    /// Room for `sequences` of `max_tokens` each; fails when the device's KV memory is too small for them.
    static Result<TokenRunner> create(engine::Executor& executor, uint32_t sequences, uint32_t max_tokens);

    struct Slice {
        uint32_t sequence = 0;
        std::span<const TokenId> tokens;
        uint32_t first_position = 0;
        bool sample = false;
        std::span<float> logits_out = {};  ///< [tokens, vocab] or empty
    };
    /// Computes tokens of several sequences in one step.
    engine::StepResult run(std::span<const Slice> slices);

  private:
    TokenRunner(engine::Executor& executor, std::vector<std::vector<BlockId>> block_tables);

    engine::Executor* executor_;
    std::vector<std::vector<BlockId>> block_tables_;
    uint64_t steps_ = 0;
};

}  // namespace pitwall::app
