// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <deque>

namespace pitwall::panels {

/// How fast a count grows, over the same last 10 s of the session's time as the rates beside it in the status bar: a
/// replay at eight times its speed has the rates of what was recorded, and a pause leaves them standing.
class EventRate {
  public:
    static constexpr int64_t kWindowNs = 10'000'000'000;

    /// The count at a moment of the session's time; to be told about once a second. Where either fell, time was gone
    /// back to or the session is another one, and the rate begins anew.
    void read(int64_t session_ns, uint64_t events);
    /// NaN until the session's time has moved between two readings.
    double per_s() const;
    void clear() { readings_.clear(); }

  private:
    struct Reading {
        int64_t at_ns;
        uint64_t events;
    };
    std::deque<Reading> readings_;  ///< of the last 10 s, and never fewer than the last two
};

}  // namespace pitwall::panels
