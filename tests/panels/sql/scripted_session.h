// SPDX-License-Identifier: GPL-3.0-or-later
//
// A session by script: the real engine over a simulated device in virtual time, a seeded workload, hands on knobs at
// fixed moments, a pool so small that it preempts, and requests that are rejected, cancelled and timed out. The real
// recorder writes it to a file while a store follows the bus as a window's store does. One thread does all of it but
// the recording, so that the same script gives the same events.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/core/session/device_sampler.h"
#include "app/core/session/engine_parts.h"
#include "app/core/session/recording.h"
#include "app/core/workload/workload_feeder.h"
#include "telemetry/store/store.h"

namespace pitwall::testing {

class ScriptedSession {
  public:
    /// What a window looks at: the store, and the number of the last event that it holds.
    using Look = std::function<void(const telemetry::Store& store, uint64_t last_seq)>;

    ScriptedSession(const std::string& path, Look look);
    /// Plays the script; the file is whole when this returns.
    void play();

  private:
    void at(double second, std::function<void()> action);
    void write_script();
    void write_changes();
    void knob(std::string_view name, std::string_view value);
    void draft_with(const std::string& model);
    void submit(uint32_t prompt_tokens, uint32_t max_tokens);
    void cancel_some(size_t requests);
    void turn();
    void idle();
    void follow();
    void look();

    std::multimap<int64_t, std::function<void()>> script_;
    Look look_;
    app::SessionOptions options_;
    std::unique_ptr<app::EngineParts> parts_;
    std::unique_ptr<app::WorkloadFeeder> feeder_;
    std::unique_ptr<app::DeviceSampler> sampler_;
    std::unique_ptr<app::Recording> recording_;
    std::shared_ptr<telemetry::Reader> reader_;
    telemetry::Store store_;
    uint64_t last_seq_ = 0;
};

}  // namespace pitwall::testing
