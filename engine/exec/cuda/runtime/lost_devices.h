// SPDX-License-Identifier: GPL-3.0-or-later
//
// For the two runtimes alone: others ask device_status().
#pragma once

#include <cstdint>
#include <map>
#include <mutex>

#include "telemetry/base/result.h"

namespace pitwall::cuda {

/// The devices that failed for good in this process, and why. Any thread: one sees the failure, all are told.
class LostDevices {
  public:
    /// The first reason stays: what fails after it says less.
    void add(uint32_t device, const Error& why) {
        const std::lock_guard lock(mutex_);
        lost_.try_emplace(device, why);
    }
    void remove(uint32_t device) {
        const std::lock_guard lock(mutex_);
        lost_.erase(device);
    }
    Status status(uint32_t device) const {
        const std::lock_guard lock(mutex_);
        const auto found = lost_.find(device);
        return found == lost_.end() ? Status() : Status(found->second);
    }

  private:
    mutable std::mutex mutex_;
    std::map<uint32_t, Error> lost_;
};

}  // namespace pitwall::cuda
