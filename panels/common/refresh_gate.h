// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <algorithm>
#include <cstdint>
#include <ctime>

#include "telemetry/store/store.h"

namespace pitwall::panels {

/// Whether a chart has to work now: a few times a second while events come, and at once when a knob moved or the time
/// jumped (a scrub). Work that took long (a whole session of many hours) comes the less often, so that a panel's share
/// of the processor has a bound. What a hand does to the panel itself does not pass here.
class RefreshGate {
  public:
    explicit RefreshGate(int64_t interval_ms = 240) : interval_ms_(interval_ms) {}

    /// Calls `work` if it is due, and notes what it cost.
    template <class Fn>
    bool run(const telemetry::Store& store, Fn&& work) {
        if (!due(store)) return false;
        const int64_t begin = thread_ns();
        work();
        note_cost((thread_ns() - begin) / 1'000'000);
        return true;
    }
    void note_cost(int64_t ms) { cost_ms_ = ms; }
    /// The next one is due, whatever came: what the panel shows was chosen anew.
    void force() { forced_ = true; }

    bool due(const telemetry::Store& store) {
        const uint32_t changes = store.knob_changes().empty() ? 0 : store.knob_changes().back().number;
        const bool jumped =
            forced_ || store.now_ns() < now_ns_ || store.generation() != generation_ || changes != changes_;
        const bool news = store.events_applied() != events_ || store.events_dropped() != dropped_;
        const bool waited = !timer_.isValid() || timer_.elapsed() >= std::max(interval_ms_, kRest * cost_ms_);
        if (!jumped && !(news && waited)) return false;
        forced_ = false;
        generation_ = store.generation();
        changes_ = changes;
        now_ns_ = store.now_ns();
        events_ = store.events_applied();
        dropped_ = store.events_dropped();
        timer_.start();
        return true;
    }

  private:
    static constexpr int64_t kRest = 40;  ///< at most a fortieth of one core
    static int64_t thread_ns() {
        timespec now{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
    }

    int64_t interval_ms_, cost_ms_ = 0;
    bool forced_ = false;
    uint64_t generation_ = 0;
    QElapsedTimer timer_;
    uint32_t changes_ = 0;
    int64_t now_ns_ = 0;
    uint64_t events_ = ~uint64_t{0}, dropped_ = 0;
};

}  // namespace pitwall::panels
