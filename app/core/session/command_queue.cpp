// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/command_queue.h"

#include <algorithm>
#include <chrono>

namespace pitwall::app {

namespace {

telemetry::Answer session_ended() {
    return {telemetry::Verdict::kRefused, "the session has ended", 0, kNoRequest};
}

}  // namespace

std::future<telemetry::Answer> CommandQueue::post(Command command) {
    Pending pending{std::move(command), {}};
    auto answer = pending.answer.get_future();
    const std::lock_guard lock(mutex_);
    if (closed_) {
        pending.answer.set_value(session_ended());
        return answer;
    }
    pending_.push_back(std::move(pending));
    changed_.notify_one();
    return answer;
}

size_t CommandQueue::run_all() {
    std::vector<Pending> taken;
    {
        const std::lock_guard lock(mutex_);
        taken.swap(pending_);
        woken_ = false;
    }
    for (Pending& pending : taken) pending.answer.set_value(pending.command());
    return taken.size();
}

void CommandQueue::wait(int64_t timeout_ns) {
    // Bounded, so that no sum of a clock and a timeout overflows.
    const auto timeout = std::chrono::nanoseconds(std::clamp<int64_t>(timeout_ns, 0, 3'600'000'000'000));
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, timeout, [&] { return !pending_.empty() || closed_ || woken_; });
}

void CommandQueue::close() {
    std::vector<Pending> refused;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        refused.swap(pending_);
        changed_.notify_all();
    }
    for (Pending& pending : refused) pending.answer.set_value(session_ended());
}

void CommandQueue::wake() {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
}

}  // namespace pitwall::app
