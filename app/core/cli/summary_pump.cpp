// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/summary_pump.h"

namespace pitwall::app {

namespace {

constexpr size_t kReaderEvents = size_t{1} << 17, kBatchEvents = size_t{1} << 14;
constexpr int64_t kWait_ns = 50'000'000;

}  // namespace

SummaryPump::SummaryPump(Session& session)
    : session_(session),
      reader_(session.add_reader(telemetry::Overflow::kWait, kReaderEvents)),
      thread_([this] { run(); }) {}

SummaryPump::~SummaryPump() {
    if (!thread_.joinable()) return;
    session_.stop();
    thread_.join();
}

void SummaryPump::run() {
    std::vector<telemetry::Event> batch;
    while (true) {
        // Asked before draining: what was published before the end is then sure to be drained.
        const bool last = session_.finished();
        batch.clear();
        if (reader_->drain(batch, kBatchEvents) > 0) {
            const std::lock_guard lock(mutex_);
            summary_.apply(batch);
        } else if (last) {
            return;
        } else {
            reader_->wait(kWait_ns);
        }
    }
}

telemetry::SummaryFigures SummaryPump::figures() const {
    // Sorted outside the lock: the engine waits for whoever drains its events too slowly.
    std::unique_lock lock(mutex_);
    const telemetry::SessionSummary so_far = summary_;
    lock.unlock();
    return so_far.figures();
}

const telemetry::SessionSummary& SummaryPump::finish() {
    if (thread_.joinable()) thread_.join();
    return summary_;
}

}  // namespace pitwall::app
