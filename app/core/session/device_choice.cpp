// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/device_choice.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "presets/nearest.h"

namespace pitwall::app {

Result<DeviceChoice> parse_device(const std::string& device) {
    constexpr std::array<std::string_view, 3> kKnown = {"cpu", "cuda", "sim"};
    if (device == "cpu") return DeviceChoice{};
    if (device == "sim") return DeviceChoice{.simulated = true};
    if (device.starts_with("sim:"))
        return DeviceChoice{true, device.size() > 4 ? device.substr(4) : DeviceChoice{}.profile};
    if (device == "cuda")
        return Error{"--device cuda: this build has no CUDA executor", "use --device cpu or --device sim"};
    return Error{fmt::format("there is no device \"{}\"", presets::shown(device)),
                 fmt::format("did you mean {}?", presets::nearest(device, kKnown))};
}

}  // namespace pitwall::app
