// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <future>
#include <mutex>
#include <vector>

#include "telemetry/control.h"

namespace pitwall::app {

/// The way into the engine thread: commands from any thread, carried out by that thread between two steps.
class CommandQueue {
  public:
    using Command = std::function<telemetry::Answer()>;

    /// Any thread. After close() the answer is a refusal.
    std::future<telemetry::Answer> post(Command command);

    /// Engine thread: carries out what is there and answers it; gives how many.
    size_t run_all();
    /// Engine thread: sleeps until something is posted, close() is called or `timeout_ns` (wall) passed.
    void wait(int64_t timeout_ns);
    /// Any thread: what is there and what will come is refused, in words.
    void close();
    /// Any thread: wakes wait().
    void wake();

  private:
    struct Pending {
        Command command;
        std::promise<telemetry::Answer> answer;
    };

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Pending> pending_;
    bool closed_ = false, woken_ = false;
};

}  // namespace pitwall::app
