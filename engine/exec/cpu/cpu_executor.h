// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "engine/exec/cpu/kernels/kernel_tier.h"
#include "engine/exec/executor.h"
#include "engine/model/model.h"

namespace pitwall::engine {

struct CpuOptions {
    uint32_t threads = 0;  ///< with the caller's; 0: all that this process may use
    uint64_t kv_cache_memory_bytes = uint64_t{1} << 30;
    telemetry::KvDtype kv_cache_dtype = telemetry::KvDtype::kF16;
    presets::ActivationDtype activation_dtype = presets::ActivationDtype::kI8;  ///< as the knob begins
    std::optional<KernelTier> tier;  ///< none: PITWALL_KERNEL_TIER, else the best of this processor
    /// While weights are repacked, on the caller's thread; what it throws ends the repacking.
    std::function<void(uint64_t done_bytes, uint64_t total_bytes)> progress;
};

/// Threads that this process may run at once (its affinity mask).
uint32_t available_threads();

/// Whether this machine's kernels have such activations; the error says what is missing. A kernel tier that cannot be had is
/// told by make_cpu_executor().
Status check_cpu_activations(presets::ActivationDtype dtype);

/// Runs a llama model on the CPU, over weights as stored. Copies what it
/// needs: `model` may go afterwards. Results depend on the tier and on each request alone.
Result<std::unique_ptr<Executor>> make_cpu_executor(const Model& model, const CpuOptions& options);

}  // namespace pitwall::engine
