// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <memory>

#include "app/core/session/session.h"

namespace pitwall::app {

/// Saves what a session has recorded of itself unasked, and says once how that recording stands when it stands badly.
/// Copying takes as long as the file is large, so it runs beside the window.
class ScratchDesk {
  public:
    using Tell = std::function<void(const QString& sentence, bool bad)>;

    void attend(std::shared_ptr<Session> session);
    /// Lets go of the session. A copy that is under way, if any: to be waited for before the session is stopped.
    std::future<Result<SavedSession>> release();

    bool busy() const { return saved_.valid(); }
    /// The user has agreed to replace what is there.
    void save(const QString& path);
    /// To be said when nothing else is being said.
    void note(const QString& sentence, bool bad) { notes_.push_back({sentence, bad}); }
    /// Once a frame. `quiet`: nothing is being said at the moment.
    void poll(bool quiet, const Tell& tell);

  private:
    struct Note {
        QString sentence;
        bool bad;
    };
    void look();
    void tell_of(const Result<SavedSession>& saved, const Tell& tell);

    std::shared_ptr<Session> session_;
    std::future<Result<SavedSession>> saved_;
    QString path_;
    std::deque<Note> notes_;
    bool told_ = false;  ///< how the scratch recording of this session stands
    std::chrono::steady_clock::time_point next_look_;
};

}  // namespace pitwall::app
