// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <functional>
#include <future>
#include <vector>

#include "telemetry/control.h"

namespace pitwall::app {

/// Answers that are on their way. poll() never blocks; what was clamped or refused is told with its reason.
class AnswerBox {
  public:
    void expect(QString what, std::future<telemetry::Answer> answer);
    void poll(const std::function<void(const QString& sentence, bool refused)>& tell);
    /// Forgets what is on its way: the session is gone.
    void clear() { pending_.clear(); }
    size_t size() const { return pending_.size(); }

  private:
    struct Pending {
        QString what;
        std::future<telemetry::Answer> answer;
    };
    std::vector<Pending> pending_;
};

}  // namespace pitwall::app
