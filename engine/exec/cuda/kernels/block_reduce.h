// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sums and maxima over a block, to all its threads; the order of additions depends on the number of threads alone.
#pragma once

#include "engine/exec/cuda/simt/simt.h"

namespace pitwall::cuda {

inline constexpr uint32_t kMostWarps = 32;
/// Bounds the registers of kernels with row_threads() threads: a launch that asks for more than there are is refused.
inline constexpr uint32_t kMostRowThreads = kMostWarps * kWarp;
/// Shared memory of each use.
inline constexpr uint32_t kBlockReduceBytes = kMostWarps * sizeof(float);

/// Threads of a block that looks at one row: enough that one block takes no longer than a step can afford where there are few
/// rows. A matter of the columns alone, for the order of additions depends on it.
constexpr uint32_t row_threads(uint32_t columns) { return columns <= 1024 ? 256 : kMostRowThreads; }

PITWALL_DEVICE float block_sum(float value, SharedMemory& shared) {
    float* const parts = shared.take<float>(kMostWarps);
    value = warp_sum(value);
    if (lane() == 0) parts[warp()] = value;
    sync_block();
    return warp_sum(lane() < threads() / kWarp ? parts[lane()] : 0.0f);
}

/// Of numbers that are not negative.
PITWALL_DEVICE float block_max(float value, SharedMemory& shared) {
    float* const parts = shared.take<float>(kMostWarps);
    value = warp_max(value);
    if (lane() == 0) parts[warp()] = value;
    sync_block();
    return warp_max(lane() < threads() / kWarp ? parts[lane()] : 0.0f);
}

}  // namespace pitwall::cuda
