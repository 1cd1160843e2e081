// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <cstdint>

#include "telemetry/store/store.h"

namespace pitwall::panels {

/// Whether a chart has to work now: a few times a second while events come, and at once when a knob moved or the time
/// jumped (a scrub). What a hand does to the panel itself does not pass here.
class RefreshGate {
  public:
    explicit RefreshGate(int64_t interval_ms = 240) : interval_ms_(interval_ms) {}

    bool due(const telemetry::Store& store) {
        const uint32_t changes = store.knob_changes().empty() ? 0 : store.knob_changes().back().number;
        const int64_t moved_ns = store.now_ns() - now_ns_;
        constexpr int64_t kJumpNs = 500'000'000;
        const bool jumped = moved_ns < 0 || moved_ns > kJumpNs || changes != changes_;
        const bool news = store.events_applied() != events_ || store.events_dropped() != dropped_;
        const bool waited = !timer_.isValid() || timer_.elapsed() >= interval_ms_;
        if (!jumped && !(news && waited)) return false;
        changes_ = changes;
        now_ns_ = store.now_ns();
        events_ = store.events_applied();
        dropped_ = store.events_dropped();
        timer_.start();
        return true;
    }

  private:
    int64_t interval_ms_;
    QElapsedTimer timer_;
    uint32_t changes_ = 0;
    int64_t now_ns_ = 0;
    uint64_t events_ = ~uint64_t{0}, dropped_ = 0;
};

}  // namespace pitwall::panels
