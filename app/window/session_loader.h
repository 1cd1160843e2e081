// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "app/core/session/session.h"

namespace pitwall::app {

/// Opens a session on a thread of its own, because reading a model takes seconds. The window polls.
class SessionLoader {
  public:
    using Opened = Result<std::unique_ptr<Session>>;
    /// Runs on the loader's thread; may call `progress` from there.
    using Open = std::function<Opened(const ProgressFn& progress)>;

    SessionLoader() = default;
    ~SessionLoader();  ///< waits for the thread: a model being read cannot be let go of half way
    SessionLoader(const SessionLoader&) = delete;
    SessionLoader& operator=(const SessionLoader&) = delete;

    void start(Open open);  ///< not while loading()
    bool loading() const { return thread_.joinable(); }
    Progress progress() const;
    /// The result, once, when it is there.
    std::optional<Opened> take();

  private:
    mutable std::mutex mutex_;
    Progress progress_;
    std::optional<Opened> result_;
    std::thread thread_;
};

/// "Reading weights, 61 of 98 MB".
QString progress_sentence(const Progress& progress);

}  // namespace pitwall::app
