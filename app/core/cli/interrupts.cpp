// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/interrupts.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <thread>

namespace pitwall::app {

Interrupts::Interrupts() {
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ours, &before_);
    descriptor_ = ::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
}

Interrupts::~Interrupts() {
    // One that came meanwhile has been obeyed: unblocking must not deliver it after all.
    wait(std::chrono::milliseconds(0));
    if (descriptor_ >= 0) ::close(descriptor_);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool Interrupts::wait(std::chrono::milliseconds timeout) {
    if (descriptor_ < 0) {
        std::this_thread::sleep_for(timeout);
        return false;
    }
    pollfd waiting{descriptor_, POLLIN, 0};
    if (::poll(&waiting, 1, seen_ ? 0 : static_cast<int>(timeout.count())) > 0) {
        signalfd_siginfo info;
        while (::read(descriptor_, &info, sizeof info) == sizeof info) seen_ = true;
    }
    return seen_;
}

}  // namespace pitwall::app
