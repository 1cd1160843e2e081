// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <chrono>
#include <future>

#include "telemetry/control.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// "Cancel R-0778?" from the question to the engine's answer, without a dialog and without waiting for the engine.
class CancelQuestion {
  public:
    enum class State { kNone, kAsking, kSent, kTold };

    State state() const { return state_; }
    RequestId request() const { return request_; }
    /// Asks, or says at once why there is nothing to cancel.
    void ask(const telemetry::RequestRow* row);
    void confirm(telemetry::Control& control);
    void dismiss() { state_ = State::kNone; }
    /// Looks whether the answer came. True where something to show changed.
    bool poll();
    QString text() const { return text_; }
    bool refused() const { return refused_; }

  private:
    State state_ = State::kNone;
    RequestId request_ = kNoRequest;
    QString text_;
    bool refused_ = false;
    std::future<telemetry::Answer> answer_;
};

}  // namespace pitwall::panels
