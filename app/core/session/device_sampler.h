// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "telemetry/bus/producer.h"

namespace pitwall::app {

/// Publishes a device sample (memory, CPU time) once a second of session time.
class DeviceSampler {
  public:
    DeviceSampler(telemetry::Producer& producer, uint64_t kv_bytes, uint64_t weight_bytes, uint32_t threads)
        : producer_(producer), kv_bytes_(kv_bytes), weight_bytes_(weight_bytes), threads_(threads) {}

    void poll(int64_t now_ns);
    int64_t next_ns() const { return next_ns_; }

  private:
    telemetry::Producer& producer_;
    uint64_t kv_bytes_, weight_bytes_;
    uint32_t threads_;
    int64_t next_ns_ = 0;
};

}  // namespace pitwall::app
