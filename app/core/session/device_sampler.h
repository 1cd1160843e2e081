// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "engine/core/engine.h"
#include "telemetry/bus/producer.h"

namespace pitwall::app {

/// Publishes a device sample (memory, CPU time) once a second of session time.
class DeviceSampler {
  public:
    DeviceSampler(telemetry::Producer& producer, const engine::Engine& engine)
        : producer_(producer), engine_(engine) {}

    void poll(int64_t now_ns);
    int64_t next_ns() const { return next_ns_; }

  private:
    telemetry::Producer& producer_;
    const engine::Engine& engine_;
    int64_t next_ns_ = 0;
};

}  // namespace pitwall::app
