// SPDX-License-Identifier: GPL-3.0-or-later
//
// The environment variables of the plug-in, which are no options of a session: for those who measure, and for tests. A program
// checks them before it opens a GPU, for the plug-in's refusal would leave --device auto on the CPU.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <vector>

#include "telemetry/base/environment.h"

namespace pitwall::cuda {

inline constexpr uint32_t kMostEmulatedDevices = 16;

/// Whether steps of one shape become one CUDA graph.
inline Result<bool> graphs_wanted() { return environment_switch("PITWALL_CUDA_GRAPHS", true); }
/// Whether a kernel may come up while the one before it ends.
inline Result<bool> overlap_wanted() { return environment_switch("PITWALL_CUDA_OVERLAP", false); }

/// Whether each launch is waited for.
inline Result<bool> launches_checked_wanted() { return environment_switch("PITWALL_CUDA_CHECK", false); }

/// How many devices are emulated.
inline Result<uint32_t> emulated_devices() {
    const auto given = environment_numbers("PITWALL_EMULATED_DEVICES", 1, kMostEmulatedDevices);
    if (!given.ok()) return given.error();
    return given.value().empty() ? 1 : static_cast<uint32_t>(given.value()[0]);
}
/// After so many plans the device is lost, and so many after each reset.
inline Result<std::vector<uint64_t>> emulated_losses() {
    return environment_numbers("PITWALL_EMULATED_LOSS", 1, std::numeric_limits<uint32_t>::max(), 64);
}
/// Which orders the emulator draws for threads.
inline Result<uint64_t> emulator_seed() {
    const auto given = environment_numbers("PITWALL_SEED", 0, std::numeric_limits<uint64_t>::max());
    if (!given.ok()) return given.error();
    return given.value().empty() ? 1 : given.value()[0];
}

/// An error for the first that is not understood of those that such a plug-in reads.
inline Status check_variables(bool emulated) {
    const auto status_of = [](const auto& read) { return read.ok() ? Status() : Status(read.error()); };
    for (const Status& status :
         {status_of(graphs_wanted()), status_of(overlap_wanted()), status_of(launches_checked_wanted())})
        if (!status.ok()) return status;
    if (!emulated) return {};
    for (const Status& status :
         {status_of(emulated_devices()), status_of(emulated_losses()), status_of(emulator_seed())})
        if (!status.ok()) return status;
    return {};
}

}  // namespace pitwall::cuda
