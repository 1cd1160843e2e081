// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "engine/exec/cuda/plugin/abi.h"
#include "engine/exec/executor.h"
#include "engine/model/model.h"

namespace pitwall::engine {

struct CudaOptions {
    uint32_t device = 0;                 ///< index among the driver's
    uint64_t kv_cache_memory_bytes = 0;  ///< 0: most of what weights and activations leave
    telemetry::KvDtype kv_cache_dtype = telemetry::KvDtype::kF16;
    /// While weights are laid out, on the caller's thread; what it throws ends that.
    std::function<void(uint64_t done_bytes, uint64_t total_bytes)> progress;
};

/// Runs a llama model on a GPU, through the plug-in. Copies what it needs: `model` may go afterwards. Tokens are sampled on
/// the device, as engine::sample_token() would. Results depend on the kind of GPU and on each request alone.
Result<std::unique_ptr<Executor>> make_cuda_executor(const cuda::abi::Plugin& plugin, const Model& model,
                                                     const CudaOptions& options);

}  // namespace pitwall::engine
