// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <deque>

namespace pitwall::panels {

/// How fast a count grows, over the same last 10 s as the rates beside it in the status bar.
class EventRate {
  public:
    static constexpr int64_t kWindowNs = 10'000'000'000, kReadingNs = 1'000'000'000;

    /// The count at a moment of the wall clock; kept once a second. A count that fell is another session's. True where
    /// the rate was taken anew.
    bool read(int64_t now_ns, uint64_t events);
    /// 0 until two readings are there.
    double per_s() const;
    void clear() { readings_.clear(); }

  private:
    struct Reading {
        int64_t at_ns;
        uint64_t events;
    };
    std::deque<Reading> readings_;  ///< the first is at most 10 s before the last
};

}  // namespace pitwall::panels
