// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>

#include "app/core/session/session.h"

namespace pitwall::app {

/// The recording of the session there is. Beginning and ending one wait for the engine's step and for the file, so
/// both run beside the window; the session is asked nothing meanwhile, for it would answer only afterwards.
class RecordingDesk {
  public:
    struct State {
        bool recording = false;
        uint64_t bytes = 0;
        int64_t lag_ns = 0;
        QString failed;  ///< why the last one ended by itself, until another begins
    };
    using Tell = std::function<void(const QString& sentence, bool bad)>;

    void attend(std::shared_ptr<Session> session);
    /// Lets go of the session. What is still under way, if anything: to be waited for before the session is stopped.
    std::future<Status> release();

    bool busy() const { return answer_.valid(); }
    void begin(const QString& path);
    void end();
    /// Once a frame: says what came of it, and notices a recording that ended without a hand (a full disk).
    void poll(const Tell& tell);
    const State& state() const { return state_; }

  private:
    enum class Act { kBegin, kEnd, kInquest };
    void run(Act act, std::function<Status(Session&)> work);
    void look();
    void tell_of(const Status& done, const Tell& tell);

    std::shared_ptr<Session> session_;
    std::future<Status> answer_;
    Act act_ = Act::kBegin;
    QString path_;
    State state_;
};

}  // namespace pitwall::app
