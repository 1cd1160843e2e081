// SPDX-License-Identifier: GPL-3.0-or-later
//
// A store that was told by hand of steps of 20 ms whose kernels were timed, and of a GPU.
#pragma once

#include "tests/panels/support/told.h"

namespace pitwall::testing {

struct DeviceSession {
    explicit DeviceSession(Told& to) : told(to) {}

    void step(bool timed) {
        telemetry::Event e;
        e.t_ns = static_cast<int64_t>(next_step) * 20 * kMs;
        if (timed) {
            e.kind = telemetry::EventKind::kKernels;
            e.kernels = {
                next_step,
                {{{9 * kMs, 27e9, 90e6}, {4 * kMs, 2e9, 40e6}, {2 * kMs, 1e9, 30e6}, {kMs, 0, 1e6}}}};
            apply(e);
        }
        e.kind = telemetry::EventKind::kStep;
        e.step = {};
        e.step.step_id = next_step++;
        e.step.duration_ns = 20 * kMs;
        e.step.execute_ns = 17 * kMs;
        e.step.plan_ns = static_cast<uint32_t>(kMs / 2), e.step.sample_ns = static_cast<uint32_t>(kMs),
        e.step.commit_ns = static_cast<uint32_t>(kMs / 2);
        apply(e);
    }
    /// On a GPU, whose driver says this.
    void gpu() {
        told.fact("kernel_tier=cuda-sm90");
        telemetry::Event e;
        e.kind = telemetry::EventKind::kGpu;
        e.t_ns = static_cast<int64_t>(next_step) * 20 * kMs;
        e.gpu = {.memory_used_bytes = int64_t{100} << 30,
                 .memory_total_bytes = int64_t{141} << 30,
                 .busy_percent = 97,
                 .memory_busy_percent = 61,
                 .power_mw = 612'345,
                 .power_limit_mw = 700'000,
                 .clock_mhz = 1755,
                 .max_clock_mhz = 1980,
                 .memory_clock_mhz = 3201,
                 .temperature_c = 54,
                 .throttle_reasons = 0x4,
                 .pcie_sent_bytes_s = 2'000'000,
                 .pcie_received_bytes_s = -1};
        apply(e);
    }
    void apply(const telemetry::Event& e) { told.store.apply({&e, 1}); }

    Told& told;
    uint64_t next_step = 0;
};

}  // namespace pitwall::testing
