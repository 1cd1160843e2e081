// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "telemetry/base/result.h"

namespace pitwall::app {

/// "cpu", "sim" or "sim:PROFILE", taken apart and checked.
struct DeviceChoice {
    bool simulated = false;
    std::string profile = "h100";  ///< of a simulated one
};
Result<DeviceChoice> parse_device(const std::string& device);

}  // namespace pitwall::app
