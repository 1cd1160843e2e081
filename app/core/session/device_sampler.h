// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/core/session/gpu_monitor.h"
#include "engine/core/engine.h"
#include "telemetry/bus/producer.h"

namespace pitwall::app {

/// Publishes a device sample (memory, CPU time) once a second of session time, and of a GPU what its driver says.
class DeviceSampler {
  public:
    DeviceSampler(telemetry::Producer& producer, const engine::Engine& engine)
        : producer_(producer), engine_(engine) {}

    void poll(int64_t now_ns);
    int64_t next_ns() const { return next_ns_; }

  private:
    void sample_process(int64_t now_ns);
    void sample_gpu(int64_t now_ns);
    void watch(const std::string& bus_id);

    telemetry::Producer& producer_;
    const engine::Engine& engine_;
    int64_t next_ns_ = 0;
    std::string gpu_bus_id_;  ///< of the GPU that computes; "" where none does
    std::unique_ptr<GpuMonitor> gpu_;
    std::vector<std::unique_ptr<GpuMonitor>> retired_;  ///< of GPUs before it: nobody waits for them now
};

}  // namespace pitwall::app
