// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "telemetry/bus/bus.h"

namespace pitwall::telemetry {

class Ring;
struct ReaderState;
struct Sequence;

/// The receiving end. One thread drains it.
class Reader {
  public:
    Reader(Overflow overflow, size_t capacity_events);  ///< for the bus alone: use Bus::add_reader()
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    Overflow overflow() const { return overflow_; }
    size_t capacity_events() const { return capacity_events_; }
    /// Up to `max_events` in order of seq, appended to `out`; gives how many. Merges the producers' rings.
    size_t drain(std::vector<Event>& out, size_t max_events);
    /// Number of the newest event of the whole bus, this reader's or not. Any thread.
    uint64_t last_published_seq() const;
    /// Events dropped for this reader so far (kDrop) or told as left out (kWait with overflow to a gap).
    uint64_t dropped() const;
    bool empty() const;
    /// Sleeps until there is something to drain or `timeout_ns` passed. Producers wake it at most once a step
    /// (Producer::notify), never per event.
    void wait(int64_t timeout_ns);

    /// record_overflow=gap: a full ring of this kWait reader leaves events out and counts them, and no producer
    /// waits for it. A hole in the sequence numbers says where, and how many. Any thread, at any time.
    void set_gap_on_overflow(bool gap);
    /// The reader has no more use for events (its disk is full): from now on none comes and no producer waits
    /// for it.
    void discard();

  private:
    friend class Bus;
    Overflow overflow_;
    size_t capacity_events_;
    std::shared_ptr<Sequence> sequence_;
    std::shared_ptr<ReaderState> state_;
    mutable std::mutex mutex_;  ///< guards rings_, which the bus extends when a producer comes
    std::vector<std::shared_ptr<Ring>> rings_;
};

}  // namespace pitwall::telemetry
