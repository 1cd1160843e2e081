// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <mutex>
#include <thread>

#include "app/core/session/session.h"
#include "telemetry/summary/session_summary.h"

namespace pitwall::app {

/// Takes every event of a session into a summary, on a thread of its own, so that the engine never waits for whoever
/// prints.
class SummaryPump {
  public:
    /// Before session.start().
    explicit SummaryPump(Session& session);
    ~SummaryPump();
    SummaryPump(const SummaryPump&) = delete;
    SummaryPump& operator=(const SummaryPump&) = delete;

    telemetry::SummaryFigures figures() const;
    /// After the session has ended: takes what is left, and gives the whole.
    const telemetry::SessionSummary& finish();

  private:
    void run();

    Session& session_;
    std::shared_ptr<telemetry::Reader> reader_;
    mutable std::mutex mutex_;  ///< guards summary_
    telemetry::SessionSummary summary_;
    std::thread thread_;
};

}  // namespace pitwall::app
