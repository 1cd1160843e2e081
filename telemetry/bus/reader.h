// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "telemetry/bus/bus.h"

namespace pitwall::telemetry {

class Ring;

/// The receiving end. One thread drains it.
class Reader {
  public:
    Reader(Overflow overflow, size_t capacity_events);
    ~Reader();

    Overflow overflow() const { return overflow_; }
    /// Up to `max_events` in order of seq, appended to `out`; gives how many. Merges the producers' rings.
    size_t drain(std::vector<Event>& out, size_t max_events);
    /// Events dropped for this reader so far (kDrop) or told as left out (kWait with overflow to a gap).
    uint64_t dropped() const;
    bool empty() const;
    /// Sleeps until there is something to drain or `timeout_ns` passed. Producers wake it at most once a step
    /// (Producer::notify), never per event.
    void wait(int64_t timeout_ns);

  private:
    friend class Bus;
    friend class Producer;
    Overflow overflow_;
    size_t capacity_events_;
    std::vector<std::shared_ptr<Ring>> rings_;
};

}  // namespace pitwall::telemetry
