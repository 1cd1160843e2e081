// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "engine/exec/executor.h"

namespace pitwall::bench {

/// What a run of steps took by the wall clock, and what they computed.
struct Work {
    double seconds = 0;
    double device_seconds = 0;  ///< of it, the device's own between its events
    double flops = 0, bytes = 0;
    engine::KernelWorks kernels{};  ///< of the last step that told its kernels apart
    uint32_t steps = 0;
    Status status;
};

/// A few sequences of random tokens, each in KV blocks of its own, driven through an executor without an engine. As many
/// steps are in flight as the device takes, so that the host plans one while the device computes another, as the engine does.
class Sequences {
  public:
    /// Fails when the device's KV memory is too small for them.
    static Result<Sequences> create(engine::Executor& executor, uint32_t sequences, uint32_t max_tokens);

    /// The first sequence computes positions [0, tokens), in steps of up to `step_tokens`.
    Work prefill(uint32_t tokens, uint32_t step_tokens);
    /// The others get copies of what it has: what they hold decides no time, where they hold it does.
    Status copy_to_all(uint32_t tokens);
    /// Every sequence decodes `steps` tokens from that position on.
    Work decode(uint32_t first_position, uint32_t steps);

  private:
    Sequences(engine::Executor& executor, std::vector<std::vector<BlockId>> tables, uint32_t max_tokens);
    engine::SequenceSlice slice(uint32_t sequence, uint32_t first_position, uint32_t count) const;
    Work run(std::span<const engine::StepPlan> plans);

    engine::Executor* executor_;
    std::vector<std::vector<TokenId>> tokens_;
    std::vector<std::vector<BlockId>> tables_;
    uint64_t next_step_ = 0;
};

/// Every block of the pool below `blocks` gets what the first ones hold, so that a whole pool has numbers in it.
Status fill_pool(engine::Executor& executor, uint32_t filled_blocks, uint32_t blocks);

}  // namespace pitwall::bench
