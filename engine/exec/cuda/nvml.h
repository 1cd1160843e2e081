// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>

#include "telemetry/base/result.h"
#include "telemetry/event.h"

namespace pitwall::engine {

/// What the driver says of one GPU, asked through its management library (NVML), which comes with the driver and is looked
/// for when it is first wanted: $PITWALL_NVML, else libnvidia-ml.so.1. One thread at a time.
class Nvml {
  public:
    /// `pci_bus_id` as the CUDA runtime writes it. The error says in one line why nothing is to be had.
    static Result<std::unique_ptr<Nvml>> open(const std::string& pci_bus_id);
    ~Nvml();
    Nvml(const Nvml&) = delete;
    Nvml& operator=(const Nvml&) = delete;

    /// What it cannot say is -1. Takes milliseconds, some of them spent counting what goes over PCIe.
    telemetry::GpuEvent read() const;

  private:
    struct Functions;
    Nvml();

    std::unique_ptr<Functions> functions_;
    void* device_ = nullptr;
    bool begun_ = false;
};

}  // namespace pitwall::engine
