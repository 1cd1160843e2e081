// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "app/core/session/device_choice.h"
#include "app/core/session/session.h"
#include "engine/exec/executor.h"
#include "engine/model/model.h"
#include "engine/spec/drafter.h"
#include "telemetry/base/clock.h"

namespace pitwall::app {

/// The model that drafts for an engine: which one it is, and how its weights get there while requests run. On the same
/// device, with the same threads; its KV cache takes up to a quarter of kv_cache_memory_bytes, beside the engine's own.
class DraftModel {
  public:
    /// `target`: whose tokens it is to draft. It and the clock outlive this. options.device was checked.
    DraftModel(const SessionOptions& options, const DeviceChoice& device, const engine::Model& target,
               Clock& clock);

    /// Any thread: `model` (FILE or synthetic:SHAPE) is what loads next. An Error where it cannot be read or has another
    /// vocabulary; then what was chosen before stays chosen.
    Status choose(const std::string& model);
    /// "" where none was chosen; any thread.
    std::string name() const;
    /// Reads the weights of the chosen model now, for a session that is to begin with it.
    Status load(const ProgressFn& progress);
    /// A DrafterFactory. Engine thread; a draft model that was not loaded yet loads in the background.
    Result<std::unique_ptr<engine::Drafter>> make_drafter(telemetry::DraftMethod method);

  private:
    using Loaded = Result<std::unique_ptr<engine::Executor>>;
    Loaded read_weights(const engine::Model& model,
                        const std::function<void(uint64_t, uint64_t)>& progress) const;
    Result<std::unique_ptr<engine::Drafter>> make_model_drafter();

    SessionOptions options_;
    DeviceChoice device_;
    const engine::Model& target_;
    Clock& clock_;
    mutable std::mutex mutex_;  ///< guards the two
    std::shared_ptr<const engine::Model> chosen_;
    std::unique_ptr<engine::Executor> loaded_;  ///< of the chosen one, where somebody could wait for it
};

}  // namespace pitwall::app
