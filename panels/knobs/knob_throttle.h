// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

namespace pitwall::panels {

/// Lets one value through at once and then at most one every `interval_ms`; the newest one held back always
/// comes out at the end. A dragged slider moves at the mouse's rate, the engine need not.
class KnobThrottle {
  public:
    explicit KnobThrottle(int64_t interval_ms = 50) : interval_ms_(interval_ms) {}

    /// The value to send now, or nothing: then it is held.
    std::optional<double> offer(double value, int64_t now_ms) {
        held_ = value;
        return due(now_ms);
    }
    /// The held value once its time has come.
    std::optional<double> due(int64_t now_ms) {
        if (!held_ || now_ms < next_ms_) return std::nullopt;
        next_ms_ = now_ms + interval_ms_;
        return std::exchange(held_, std::nullopt);
    }
    /// The held value whatever the time: the mouse was released.
    std::optional<double> flush() { return std::exchange(held_, std::nullopt); }
    bool holding() const { return held_.has_value(); }

  private:
    int64_t interval_ms_;
    int64_t next_ms_ = 0;
    std::optional<double> held_;
};

}  // namespace pitwall::panels
