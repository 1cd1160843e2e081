// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "telemetry/base/result.h"

namespace pitwall::cuda {

/// Whoever works on a device has one of these, and gives it up after all that it has there. With the last one of a device
/// that was lost the device is reset, so that somebody may try again. Any thread.
class DeviceUse {
  public:
    DeviceUse() = default;
    ~DeviceUse();
    DeviceUse(DeviceUse&& other) noexcept : device_(std::exchange(other.device_, std::nullopt)) {}
    DeviceUse& operator=(DeviceUse&& other) noexcept {
        std::swap(device_, other.device_);
        return *this;
    }

    /// An error where it was lost and somebody still has it, or where it cannot be reset.
    static Result<DeviceUse> begin(uint32_t device);

  private:
    std::optional<uint32_t> device_;
};

}  // namespace pitwall::cuda
