// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>

#include "engine/exec/cuda/runtime/runtime.h"

namespace pitwall::cuda {

/// Work on the host; it gets a number from which it may draw what a device leaves open.
using HostWork = std::function<void(uint64_t seed)>;
/// Done when the stream is synchronized, not before, as late as a device may be; or kept for the graph being captured.
void enqueue(Stream& stream, HostWork work);

/// The next failures of the device, for tests: allocations and the library's products fail from now on; the next synchronize()
/// reports a lost device.
struct HostFaults {
    bool allocations_fail = false;
    bool device_lost = false;
    bool products_fail = false;
};
HostFaults& host_faults();

}  // namespace pitwall::cuda
