// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/exec/cuda/plugin/abi.h"
#include "engine/exec/executor.h"
#include "engine/model/model.h"

namespace pitwall::engine {

struct CudaOptions {
    std::vector<uint32_t> devices = {
        0};  ///< indices among the driver's, each once; of several each has a share
    uint64_t kv_cache_memory_bytes = 0;  ///< of all of them; 0: a share of what weights and activations leave
    /// That one. The rest is for a draft model, what grows with the steps, and others.
    double kv_cache_share = 0.85;
    uint64_t kv_cache_spared_bytes =
        0;  ///< that this is no share of: another model's weights have still to come
    telemetry::KvDtype kv_cache_dtype = telemetry::KvDtype::kF16;
    presets::WeightDtype weight_dtype = presets::WeightDtype::kFile;
    /// While weights are laid out, on the caller's thread; what it throws ends that.
    std::function<void(uint64_t done_bytes, uint64_t total_bytes)> progress;
};

/// DeviceInfo::kernel_tier of an emulated GPU.
inline constexpr const char* kEmulatedTier = "cuda-emulated";

/// DeviceInfo::kernel_tier of a GPU: "cuda-sm90".
std::string cuda_kernel_tier(const cuda::abi::DeviceInfo& device);

/// Whether a GPU's attention reads such KV: f32 is for the CPU.
constexpr bool is_cuda_kv_dtype(telemetry::KvDtype dtype) { return dtype != telemetry::KvDtype::kF32; }

/// Runs a llama model on a GPU, or on several together, through the plug-in. Copies what it needs: `model` may go afterwards.
/// Tokens are sampled on the device, as engine::sample_token() would. Results depend on kind and number of the GPUs and on each
/// request alone.
Result<std::unique_ptr<Executor>> make_cuda_executor(const cuda::abi::Plugin& plugin, const Model& model,
                                                     const CudaOptions& options);

}  // namespace pitwall::engine
