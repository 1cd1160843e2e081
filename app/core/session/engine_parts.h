// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "app/core/session/device_choice.h"
#include "app/core/session/draft_model.h"
#include "app/core/session/session.h"
#include "engine/core/engine.h"
#include "engine/model/model.h"
#include "engine/tokenizer/tokenizer.h"
#include "telemetry/base/clock.h"
#include "telemetry/bus/bus.h"

namespace pitwall::app {

/// Opens the model and its tokenizer; weights only where a device computes with them.
struct OpenedModel {
    std::unique_ptr<engine::Model> model;
    std::unique_ptr<engine::Tokenizer> tokenizer;
};
Result<OpenedModel> open_model_and_tokenizer(const SessionOptions& options, bool weights_needed,
                                             const ProgressFn& progress);

/// The executor that options.device names, with room for the KV memory that the knobs give. A GPU that "auto" found and that
/// cannot hold the model leaves it to the CPU. `resolved`: where given, which device that is, and why.
Result<std::unique_ptr<engine::Executor>> make_executor(const SessionOptions& options,
                                                        const engine::Model& model, Clock& clock,
                                                        const ProgressFn& progress,
                                                        ResolvedDevice* resolved = nullptr);
/// The same on one device, which is not "auto".
Result<std::unique_ptr<engine::Executor>> make_executor_on(const DeviceChoice& device,
                                                           const SessionOptions& options,
                                                           const engine::Model& model, Clock& clock,
                                                           const ProgressFn& progress);

/// The same for who runs it without an engine, which would follow the knobs: refuses what the device lacks, or tells it.
Result<std::unique_ptr<engine::Executor>> make_lone_executor(const SessionOptions& options,
                                                             const engine::Model& model, Clock& clock,
                                                             const ProgressFn& progress);

/// "SmolLM2-135M-Instruct.Q4_1": the file's name without its suffix, which users know better than what the file says of
/// itself; "synthetic:tiny" as it was asked for.
std::string shown_name(const engine::Model& model);

/// An engine with everything around it, in the order in which it must be torn down again (last first).
struct EngineParts {
    OpenedModel opened;
    std::unique_ptr<Clock> clock;
    telemetry::Bus bus;
    std::shared_ptr<telemetry::Producer> producer;
    std::unique_ptr<DraftModel> draft_model;
    std::unique_ptr<engine::Engine> engine;
    ResolvedDevice device;  ///< where it runs, and why; engine thread, or before it begins

    /// Session time is counted from here: called once, right before the session's first event, so that no request is
    /// charged for what its opening took. A virtual clock stands at 0 until the engine moves it.
    void begin_clock();
    const engine::Tokenizer& tokenizer() const { return *opened.tokenizer; }
    const engine::ModelConfig& config() const { return opened.model->config(); }
    std::string model_name() const { return shown_name(*opened.model); }
    /// Of what the engine runs on, which changes when a device is lost; any thread.
    std::string device_name() const {
        const std::lock_guard lock(name_mutex_);
        return device_name_;
    }
    void set_device_name(const std::string& name) {
        const std::lock_guard lock(name_mutex_);
        device_name_ = name;
    }

  private:
    mutable std::mutex name_mutex_;  ///< guards the next
    std::string device_name_;
};
Result<std::unique_ptr<EngineParts>> assemble_engine(const SessionOptions& options,
                                                     const ProgressFn& progress);

/// What v_session holds of a session: version, model and its SHA-256, device (with the CPU's name), kernel tier, threads,
/// seed, workload, UTC start. Published before anything else, and again for a recording that begins later.
void publish_session_facts(EngineParts& parts, const SessionOptions& options,
                           std::chrono::system_clock::time_point start);
/// Of these, what the engine runs on and why: told again when that has changed. Engine thread.
void publish_device(EngineParts& parts, const engine::DeviceInfo& device);
/// Of these, which model drafts, where one was chosen; engine thread, or before it begins.
void publish_draft_model(EngineParts& parts);

}  // namespace pitwall::app
