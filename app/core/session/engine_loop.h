// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <cstdint>

#include "app/core/session/command_queue.h"
#include "app/core/session/device_sampler.h"
#include "app/core/workload/workload_feeder.h"
#include "engine/core/engine.h"
#include "telemetry/base/clock.h"
#include "telemetry/bus/producer.h"

namespace pitwall::app {

/// The engine thread: commands, arrivals, a step, and room for the recorder; between those it sleeps until the next
/// arrival, time-out or command. In virtual time it does not sleep but advances the clock.
class EngineLoop {
  public:
    struct Parts {
        engine::Engine& engine;
        Clock& clock;
        telemetry::Producer& producer;
        CommandQueue& commands;
        WorkloadFeeder& feeder;
        DeviceSampler& sampler;
    };
    /// `end_ns`: session time at which run() returns by itself, or INT64_MAX.
    EngineLoop(const Parts& parts, int64_t end_ns) : parts_(parts), end_ns_(end_ns) {}

    /// Until ask_to_stop() or the end; then ends every request and tells the end of the session.
    void run();
    /// Any thread.
    void ask_to_stop();
    /// Any thread: session time as of the last turn of the loop.
    int64_t now_ns() const { return now_ns_.load(std::memory_order_relaxed); }

  private:
    void turn();
    void feed();
    void wait_for_recorder();
    void idle();
    int64_t read_clock();

    Parts parts_;
    int64_t end_ns_;
    std::atomic<bool> stop_{false};
    std::atomic<int64_t> now_ns_{0};
};

}  // namespace pitwall::app
