// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "app/core/session/device_choice.h"
#include "app/core/session/session.h"
#include "engine/exec/executor.h"

namespace pitwall::app {

struct EngineParts;

/// An engine::ExecutorRecovery: in place of a GPU that was lost the same one, reset, or else the CPU, with the model that is
/// open already; and tells the session so. One that is lost for the third time within ten minutes is left alone. Engine thread.
class DeviceRecovery {
  public:
    static constexpr size_t kMostLosses = 3;
    static constexpr int64_t kSpan_ns = int64_t{600} * 1'000'000'000;

    /// `parts` outlives this.
    DeviceRecovery(EngineParts& parts, const SessionOptions& options);
    Result<std::unique_ptr<engine::Executor>> operator()(const Error& why);

  private:
    using Made = Result<std::unique_ptr<engine::Executor>>;
    bool lost_too_often();
    Made try_again();
    Made make_on(const DeviceChoice& device);
    void tell(const engine::DeviceInfo& device, const std::string& reason);

    EngineParts* parts_;
    SessionOptions options_;
    std::deque<int64_t> losses_ns_;
};

}  // namespace pitwall::app
