// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "app/core/session/session.h"
#include "panels/common/panel.h"

namespace pitwall::app {

/// The panels' way to what is recorded of the window's session, whichever that is at the moment. GUI thread.
class SessionRecall final : public panels::Recollection {
  public:
    explicit SessionRecall(const std::shared_ptr<Session>& session) : session_(session) {}
    std::optional<telemetry::RecordedRequest> recall(const telemetry::RequestRow& row) const override {
        return session_ ? session_->recall(row) : std::nullopt;
    }

  private:
    const std::shared_ptr<Session>& session_;
};

}  // namespace pitwall::app
