// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <utility>

#include "engine/exec/cuda/runtime/host_stream.h"

namespace pitwall::cuda {

/// Emulated devices with less shared memory, as long as it lives.
class EmulatedLimits {
  public:
    explicit EmulatedLimits(uint32_t max_shared_bytes)
        : before_(std::exchange(host_limits().max_shared_bytes, max_shared_bytes)) {}
    ~EmulatedLimits() { host_limits().max_shared_bytes = before_; }
    EmulatedLimits(const EmulatedLimits&) = delete;
    EmulatedLimits& operator=(const EmulatedLimits&) = delete;

  private:
    uint32_t before_;
};

}  // namespace pitwall::cuda
