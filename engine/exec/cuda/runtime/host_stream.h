// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "engine/exec/cuda/runtime/launch_shape.h"
#include "engine/exec/cuda/runtime/runtime.h"

namespace pitwall::cuda {

/// Work on the host; it gets a number from which it may draw what a device leaves open.
using HostWork = std::function<void(uint64_t seed)>;
/// Done when the stream is synchronized, not before, as late as a device may be; or kept for the graph being captured.
void enqueue(Stream& stream, HostWork work);
/// A kernel's grid; what a device of the limits below refuses is not done, and told as there.
void enqueue_launch(Stream& stream, const LaunchShape& shape, HostWork work);

/// What emulated devices can, for tests of smaller ones: 99 KiB are all that compute capability 8.6, 8.9 and 12.0 have.
struct HostLimits {
    uint32_t max_shared_bytes = 227 << 10;  ///< of a block
};
HostLimits& host_limits();

/// The next failures of a device, for tests. PITWALL_EMULATED_LOSS=N,... loses it while the host waits for its N-th plan,
/// counted anew, for the next number, after each reset; with no number left it stays.
struct HostFaults {
    uint32_t device = 0;            ///< whose they are
    bool allocations_fail = false;  ///< from now on
    bool next_wait_fails = false;   ///< and what comes after it works
    bool device_lost = false;       ///< with the next call to it; then every call fails until it is reset
    uint32_t plans_until_lost = 0;  ///< lost while the host waits for so many-th plan; 0: not
    bool resets_fail = false;       ///< from now on
    bool graphs_fail = false;       ///< to be made ready, from now on
    bool products_fail = false;     ///< the library's, from now on, on all devices
    bool next_collective_fails = false;  ///< to be asked for: the other ranks wait
};
HostFaults& host_faults();

/// Hears each ProfilerRange's name as it begins, on the thread that begins it; for tests. Changed while no device is at work.
using RangeListener = std::function<void(const std::string& name)>;
RangeListener& range_listener();

}  // namespace pitwall::cuda
