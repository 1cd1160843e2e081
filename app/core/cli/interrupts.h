// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <signal.h>

#include <chrono>

namespace pitwall::app {

/// Thrown out of a long stage that has been told to end; run_command_line() makes an exit code of it.
struct Interrupted {};

/// Takes Ctrl-C (and SIGTERM) as something to be asked for, while it lives: the signals are blocked in this thread and
/// in those that it starts afterwards, and wait in a descriptor. So no work is ever done in a handler.
class Interrupts {
  public:
    Interrupts();
    ~Interrupts();
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;

    /// Whether one has come; stays true.
    bool pending() { return wait(std::chrono::milliseconds(0)); }
    /// Sleeps until one comes or the time is over; true when one has come.
    bool wait(std::chrono::milliseconds timeout);

  private:
    sigset_t before_{};
    int descriptor_ = -1;
    bool seen_ = false;
};

}  // namespace pitwall::app
