// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <future>
#include <mutex>
#include <string>

#include "app/core/session/command_queue.h"
#include "app/core/session/engine_parts.h"
#include "app/core/workload/workload_feeder.h"
#include "engine/core/engine.h"
#include "telemetry/base/clock.h"

namespace pitwall::app {

/// Control of a live engine: checks and tokenizes on the caller's thread, opens files on one of its own, acts on the
/// engine's. Its end waits for a file that is being opened, and wants the queue closed before.
class EngineControl final : public telemetry::Control {
  public:
    EngineControl(CommandQueue& commands, EngineParts& parts, WorkloadFeeder& feeder)
        : commands_(commands), parts_(parts), engine_(*parts.engine), feeder_(feeder), clock_(*parts.clock) {}

    std::future<telemetry::Answer> submit(telemetry::PromptSpec prompt) override;
    std::future<telemetry::Answer> cancel(RequestId request) override;
    std::future<telemetry::Answer> set_knob(std::string_view name, std::string_view value) override;
    std::future<telemetry::Answer> load_draft_model(std::string model) override;
    std::future<telemetry::Answer> flush_prefix_cache() override;
    std::future<telemetry::Answer> pause() override;
    std::future<telemetry::Answer> resume() override;
    std::future<telemetry::Answer> single_step() override;
    std::future<telemetry::Answer> burst(uint32_t requests) override;
    std::future<telemetry::Answer> request_keyframe() override;

  private:
    telemetry::Answer single_step_now();
    telemetry::Answer choose_draft_model(const std::string& model);
    telemetry::Answer turn_to_draft_model();

    CommandQueue& commands_;
    EngineParts& parts_;
    engine::Engine& engine_;
    WorkloadFeeder& feeder_;
    const Clock& clock_;
    std::mutex opening_mutex_;   ///< guards the next
    std::future<void> opening_;  ///< the newest draft model's file, and all before it
};

}  // namespace pitwall::app
