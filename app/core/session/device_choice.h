// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "telemetry/base/result.h"

namespace pitwall::app {

/// What --device says, taken apart and checked.
struct DeviceChoice {
    enum class Kind : uint8_t { kAuto, kCpu, kCuda, kSimulated };
    Kind kind = Kind::kCpu;
    /// Among the driver's devices, each once; several share the model.
    std::vector<uint32_t> cuda_indices = {0};
    std::string profile = "h100";  ///< of a simulated one
    bool simulated() const { return kind == Kind::kSimulated; }
};

/// "auto", "cpu", "cuda", "cuda:N", "cuda:N,M" or "cuda:N-M" for several, "sim" or "sim:PROFILE". Looks at the words alone:
/// whether a GPU is there is found out by who opens it.
Result<DeviceChoice> parse_device(const std::string& device);

/// As --device would say it: "cpu", "cuda:0", "cuda:0,1", "sim:h100".
std::string device_words(const DeviceChoice& choice);

/// A choice, and in one line why it is that: "" for what was asked for by name.
struct ResolvedDevice {
    DeviceChoice choice;
    std::string reason;
};
/// Where a GPU is looked for: an error for what the environment says of it and nobody understands.
Status check_gpu_variables(const DeviceChoice& asked);
/// Makes "auto" the first GPU, where there is one that the plug-in has code for, or the CPU. Loads the plug-in for that.
ResolvedDevice resolve_device(const DeviceChoice& choice);

}  // namespace pitwall::app
