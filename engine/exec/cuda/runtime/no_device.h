// SPDX-License-Identifier: GPL-3.0-or-later
//
// CUDA calls a machine without any driver one whose driver is too old: what it answers, in words that help.
#pragma once

#include <fmt/format.h>

#include <string>

#include "telemetry/base/result.h"

namespace pitwall::cuda {

/// What CUDA says where it lists no device that can be used. Versions are 1000 major + 10 minor; 0: there is no driver.
struct DriverAnswer {
    int driver_version = 0, runtime_version = 0;
    std::string error;  ///< of counting devices; "" where it went well, or found none
    int devices = 0;    ///< that are there and do not tell what they are
};

inline std::string version_text(int version) {
    return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

inline Error reason_for_no_device(const DriverAnswer& answer) {
    constexpr const char* kElse = "or use --device cpu";
    if (answer.driver_version == 0)
        return {"no NVIDIA driver was found",
                fmt::format("install NVIDIA's driver (nvidia-smi says whether it works), {}", kElse)};
    // Within one major version an older driver will do: CUDA Compatibility, "Minor Version Compatibility".
    if (answer.driver_version / 1000 < answer.runtime_version / 1000)
        return {fmt::format("the NVIDIA driver knows CUDA {}, and the plug-in needs {}",
                            version_text(answer.driver_version), version_text(answer.runtime_version)),
                fmt::format("install a newer driver, {}", kElse)};
    if (!answer.error.empty())
        return {answer.error, fmt::format("see whether nvidia-smi finds the GPU, {}", kElse)};
    if (answer.devices > 0)
        return {fmt::format("the NVIDIA driver has {} and does not tell what they are", answer.devices),
                fmt::format("see whether nvidia-smi finds them, {}", kElse)};
    return {"the NVIDIA driver finds no GPU",
            fmt::format("see whether nvidia-smi lists one and CUDA_VISIBLE_DEVICES hides none, {}", kElse)};
}

}  // namespace pitwall::cuda
