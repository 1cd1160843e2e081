// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/frame_clock.h"

#include <algorithm>
#include <chrono>

#include "app/window/drawing_budget.h"

namespace pitwall::app {

int64_t steady_ns() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

FrameClock::FrameClock(telemetry::Store* store, QObject* parent)
    : QObject(parent), store_(store), now_ns_(steady_ns) {
    timer_.setInterval(kIntervalMs);
    timer_.setTimerType(Qt::PreciseTimer);
    connect(&timer_, &QTimer::timeout, this, &FrameClock::tick);
}

void FrameClock::set_reader(std::shared_ptr<telemetry::Reader> reader) {
    reader_ = std::move(reader);
    dropped_ = 0;
}

Frame FrameClock::tick() {
    Frame frame;
    const int64_t begin = now_ns_(), cpu_begin = thread_cpu_ns();
    // Bounded by the ring as well as by time: draining until empty against a live producer need not end.
    size_t left = reader_ ? reader_->capacity_events() : 0;
    while (left > 0) {
        batch_.clear();
        const size_t got = reader_->drain(batch_, std::min(left, kChunkEvents));
        if (got == 0) break;
        take(got, frame);
        left -= got;
        frame.more = now_ns_() - begin >= kBudgetNs;
        if (frame.more) break;
    }
    if (reader_) {
        const uint64_t dropped = reader_->dropped();
        frame.dropped = dropped - dropped_;
        dropped_ = dropped;
        if (frame.dropped > 0) store_->note_dropped(frame.dropped);
    }
    frame.drain_ns = now_ns_() - begin;
    frame.drain_cpu_ns = thread_cpu_ns() - cpu_begin;
    longest_drain_ns_ = std::max(longest_drain_ns_, frame.drain_ns);
    events_ += frame.events;
    ++ticks_;
    emit frame_ready(frame);
    return frame;
}

void FrameClock::take(size_t count, Frame& frame) {
    const std::span<const telemetry::Event> events(batch_.data(), count);
    store_->apply(events);
    frame.events += count;
    frame.knob_changed |= std::any_of(events.begin(), events.end(), [](const telemetry::Event& e) {
        return e.kind == telemetry::EventKind::kKnob;
    });
}

}  // namespace pitwall::app
