// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "telemetry/base/result.h"

namespace pitwall::app {

/// What --device says, taken apart and checked.
struct DeviceChoice {
    enum class Kind : uint8_t { kCpu, kCuda, kSimulated };
    Kind kind = Kind::kCpu;
    uint32_t cuda_index = 0;       ///< among the driver's devices
    std::string profile = "h100";  ///< of a simulated one
    std::string reason{};          ///< in one line why "auto" came to this; "" for what was asked for by name
    bool simulated() const { return kind == Kind::kSimulated; }
};

/// "cpu", "cuda", "cuda:N", "sim" or "sim:PROFILE"; "auto" is the first GPU, where there is one, or the CPU. Whether a GPU asked
/// for by name is there is found out by who opens it.
Result<DeviceChoice> parse_device(const std::string& device);

/// As --device would say it: "cpu", "cuda:0", "sim:h100".
std::string device_words(const DeviceChoice& choice);

}  // namespace pitwall::app
