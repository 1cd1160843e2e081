// SPDX-License-Identifier: GPL-3.0-or-later
//
// Of the events (event.h), those that tell of the device that computes: its memory, its kernels, its driver's readings.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace pitwall::telemetry {

struct DeviceEvent {
    uint64_t resident_bytes;  ///< of this process
    uint64_t kv_bytes;        ///< of the KV arena
    uint64_t weight_bytes;
    uint64_t activation_bytes;  ///< buffers of the executor for what it computes in a step
    uint64_t draft_bytes;       ///< of a loaded draft model: weights, KV in use, activations
    int64_t cpu_ns;             ///< CPU time of this process so far
    uint32_t threads;
    uint32_t reserved;
};

/// The kinds of kernels that a step runs.
enum class KernelKind : uint8_t {
    kProduct,    ///< of the layers' matrices
    kAttention,  ///< of all layers, with what it rotates and caches itself
    kHead,       ///< the vocabulary's matrix, for rows that are sampled or scored
    kRowwise,    ///< norms; rotary embedding and writing K and V, where attention does not
    kCount
};

/// Operations of products and attention, weights and KV touched: counted, not estimated.
struct KernelWork {
    int64_t ns = 0;
    double flops = 0, bytes = 0;
};
using KernelWorks = std::array<KernelWork, static_cast<size_t>(KernelKind::kCount)>;

/// What the kernels of a step did, by kind. Comes right before the step's own event, and only with a step whose kernels were
/// timed: a GPU times one in so many. What they leave of execute_ns was between them.
struct KernelsEvent {
    uint64_t step_id;
    KernelWorks kinds;
};

/// What the driver says of the GPU that computes, about once a second; -1 where it does not say.
struct GpuEvent {
    int64_t memory_used_bytes, memory_total_bytes;  ///< by all processes
    int32_t busy_percent,
        memory_busy_percent;  ///< of the time since the last sample or so: any kernel, any access
    int32_t power_mw, power_limit_mw;
    int32_t clock_mhz, max_clock_mhz, memory_clock_mhz;  ///< of the multiprocessors, of the memory
    int32_t temperature_c;
    int64_t throttle_reasons;  ///< bits as NVML numbers them; 0: nothing holds the clocks back
    int64_t pcie_sent_bytes_s, pcie_received_bytes_s;  ///< by the GPU
};

}  // namespace pitwall::telemetry
