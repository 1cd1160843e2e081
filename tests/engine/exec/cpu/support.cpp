// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/exec/cpu/support.h"

#include <algorithm>

namespace pitwall::engine {
namespace {

CpuOptions options_of(uint32_t threads, KernelTier tier, telemetry::KvDtype dtype) {
    CpuOptions options;
    options.threads = threads;
    options.tier = tier;
    options.kv_cache_memory_bytes = uint64_t{64} << 20;
    options.kv_cache_dtype = dtype;
    options.activation_dtype = presets::ActivationDtype::kF32;  // what references compute
    return options;
}

}  // namespace

Hand::Hand(const Model& model, uint32_t threads, KernelTier tier, uint32_t blocks, telemetry::KvDtype dtype)
    : ExecutorHand(make_cpu_executor(model, options_of(threads, tier, dtype)), blocks) {}

std::string tier_test_name(KernelTier tier) {
    std::string name(kernel_tier_name(tier));
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

}  // namespace pitwall::engine
