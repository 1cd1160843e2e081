// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/engine_loop.h"

#include <algorithm>

namespace pitwall::app {

namespace {

/// A wall-clock sleep never lasts longer: a recording or a stop asked for is not kept waiting.
constexpr int64_t kLongestSleep_ns = 200'000'000;

}  // namespace

void EngineLoop::run() {
    while (!stop_.load(std::memory_order_relaxed) && read_clock() < end_ns_) turn();
    parts_.engine.publish_end();
    parts_.producer.notify();
    parts_.commands.close();
}

void EngineLoop::ask_to_stop() {
    stop_.store(true, std::memory_order_relaxed);
    parts_.commands.wake();
}

int64_t EngineLoop::read_clock() {
    const int64_t now = parts_.clock.now_ns();
    now_ns_.store(now, std::memory_order_relaxed);
    return now;
}

void EngineLoop::turn() {
    parts_.commands.run_all();
    feed();
    parts_.sampler.poll(parts_.clock.now_ns());
    const bool stepped = parts_.engine.step();
    parts_.producer.notify();
    wait_for_recorder();
    if (!stepped) idle();
}

/// Virtual time waits for all that is due.
void EngineLoop::feed() {
    const int64_t now = read_clock();
    do {
        parts_.feeder.poll(now);
    } while (parts_.clock.is_virtual() && parts_.feeder.next_arrival_ns() <= now);
}

void EngineLoop::wait_for_recorder() {
    const size_t events = parts_.engine.next_step_events();
    if (parts_.producer.has_room(events)) return;
    const int64_t since = parts_.clock.now_ns();
    const int64_t waited = parts_.producer.wait_for_room(events);
    // Virtual time stands still while a file is written: there the wait is nobody's latency.
    if (waited > 0 && !parts_.clock.is_virtual()) parts_.engine.book_recorder_wait(since);
}

void EngineLoop::idle() {
    if (!parts_.clock.is_virtual() && parts_.engine.probe_when_idle()) return;
    const int64_t now = parts_.clock.now_ns();
    const int64_t next = std::min({parts_.feeder.next_arrival_ns(), parts_.engine.next_deadline_ns(),
                                   parts_.sampler.next_ns(), end_ns_});
    if (parts_.clock.is_virtual()) {
        parts_.clock.advance(std::max<int64_t>(next - now, 0));
    } else if (next > now) {
        parts_.commands.wait(std::min(next - now, kLongestSleep_ns));
    }
    parts_.engine.idle_tick();
}

}  // namespace pitwall::app
