// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/exec/executor.h"
#include "engine/kv/kv_format.h"
#include "engine/model/model_config.h"
#include "telemetry/base/clock.h"

namespace pitwall::engine {

struct SimOptions {
    Clock* clock = nullptr;  ///< needed; outlives the executor. A virtual one is advanced
    bool paced = false;  ///< with a wall clock: sleeps until the simulated moment; otherwise runs ahead of it
    uint64_t weight_bytes = 0;  ///< 0: 16 bits a weight
    KvDtype kv_cache_dtype = KvDtype::kF16;
    presets::WeightDtype weight_dtype = presets::WeightDtype::kFile;  ///< what weight_bytes are those of
    uint32_t capacity_blocks = 0;  ///< 0: what the device's memory leaves beside the weights
    uint32_t depth = 1;            ///< plans in flight, 1 or 2
    /// Checks every slot that a slice reads; costs time in proportion to the context.
    bool verify_kv = false;
    /// Of a draft model, whose tokens are modelled too: how often it picks what another device of the same vocabulary does.
    uint32_t agreement_percent = 100;
};

/// A device that only keeps time. Its answers are a function of the sequence's tokens alone, read back through the block
/// table as a real device would: each KV slot holds a hash of all tokens up to its own, made from the slot before it, and the
/// token sampled is a hash of the last slot. A wrong block table, a missed copy or a block overwritten too early gives
/// other tokens; with verify_kv it fails the step, by request and position. Nothing here needs weights.
///
/// `profile`: a100, h100, h200, b200, l40s, mi300x, or test (round numbers).
Result<std::unique_ptr<Executor>> make_sim_executor(const ModelConfig& config, const std::string& profile,
                                                    const SimOptions& options);

}  // namespace pitwall::engine
