// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/core/session/device_choice.h"
#include "app/core/session/session.h"
#include "engine/model/model.h"
#include "engine/spec/drafter.h"
#include "engine/spec/model_drafter.h"
#include "telemetry/base/clock.h"

namespace pitwall::app {

/// The model that drafts for an engine: which one it is, and how its weights get there while requests run. On the same
/// device, or the first of several, with the same threads; its KV cache takes up to a quarter of kv_cache_memory_bytes,
/// beside the engine's own; on a GPU, where nobody gave that, a part of what is free there.
class DraftModel {
  public:
    /// `simulated`: what options.device says of itself. `target`: whose tokens it is to draft. It and the clock outlive this, and this outlives its drafters.
    DraftModel(const SessionOptions& options, bool simulated, const engine::Model& target, Clock& clock);
    /// Waits for weights that are being read for nobody any more, until their next tensor.
    ~DraftModel() = default;

    /// Any thread: `model` (FILE or synthetic:SHAPE) is what loads next. An Error where it cannot be read or has another
    /// vocabulary; then what was chosen before stays chosen.
    Status choose(const std::string& model);
    /// Goes back to what was chosen before, if anything was.
    void choose_previous();
    /// "" where none was chosen; any thread.
    std::string name() const;
    /// Reads the weights of the chosen model now, for a session that is to begin with it.
    Status load(const ProgressFn& progress);
    /// Its device was lost, and there is no drafter: waits until nobody reads weights onto it any more. Engine thread.
    void leave_device();
    /// After that: what loads next does so there.
    void move_to(const DeviceChoice& device);
    /// A DrafterFactory. Engine thread; weights that were not read yet are read in the background.
    Result<std::unique_ptr<engine::Drafter>> make_drafter(telemetry::DraftMethod method);

  private:
    using Loaded = Result<std::unique_ptr<engine::Executor>>;
    using Loading = engine::ModelDrafter::Loading;

    std::shared_ptr<const engine::Model> chosen() const;
    Loaded read_weights(const SessionOptions& options, const engine::Model& model,
                        const ProgressFn& progress);
    Result<Loading> begin_loading(std::shared_ptr<const engine::Model> model,
                                  const std::shared_ptr<std::atomic<bool>>& unwanted);
    Result<std::unique_ptr<engine::Drafter>> make_model_drafter();

    SessionOptions options_;  ///< as of the engine, less what is the draft model's own
    bool simulated_;
    const engine::Model& target_;
    Clock& clock_;
    mutable std::mutex mutex_;  ///< guards the two
    std::shared_ptr<const engine::Model> chosen_, previous_;
    std::unique_ptr<engine::Executor> loaded_;  ///< of the chosen one; before the engine begins
    std::vector<Loading> abandoned_;            ///< engine thread
};

}  // namespace pitwall::app
