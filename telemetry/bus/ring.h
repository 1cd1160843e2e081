// SPDX-License-Identifier: GPL-3.0-or-later
//
// One producer, one consumer: the road of events between a Producer and a Reader. Private to the bus.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <mutex>
#include <vector>

#include "telemetry/event.h"

namespace pitwall::telemetry {

inline constexpr size_t kCacheLine = 64;

/// The bus's counter of events, shared with readers so that they may outlive the bus.
struct Sequence {
    alignas(kCacheLine) std::atomic<uint64_t> next{1};
};

/// While a producer is inside publish(), a lower bound of the sequence number that it is about to deliver.
/// Readers deliver nothing at or above it, which makes the merged order total; whoever changes a list of
/// rings waits for it to move on, which makes the old list safe to free.
struct InFlight {
    static constexpr uint64_t kNothing = std::numeric_limits<uint64_t>::max();
    alignas(kCacheLine) std::atomic<uint64_t> seq{kNothing};
};

/// What a ring does with an event that it has no room for.
enum class FullRing : uint8_t {
    kDrop,     ///< leave it out and count it
    kSpill,    ///< keep it in a list on the side; the producer is expected to wait between steps
    kDiscard,  ///< the reader has no more use for events: leave all of them out, count none
};

/// What the rings of one reader share with it.
struct ReaderState {
    std::atomic<FullRing> when_full{FullRing::kDrop};
    std::mutex mutex;
    std::condition_variable wake;
    bool waiting = false, notified = false;  ///< guarded by mutex
};

class Ring {
  public:
    /// `capacity_events` is rounded up to a power of two.
    Ring(std::shared_ptr<ReaderState> reader, std::shared_ptr<InFlight> producer, size_t capacity_events);
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    // The producer's side.
    void push(const Event& event);
    bool has_room(size_t events);
    ReaderState& reader() const { return *reader_; }

    // The consumer's side.
    uint64_t front_seq();  ///< InFlight::kNothing when empty
    /// Appends events with seq < `below_seq` to `out`, at most `max_events`; gives how many.
    size_t consume(std::vector<Event>& out, size_t max_events, uint64_t below_seq);
    const InFlight& producer() const { return *producer_; }

    // Either side.
    uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
    bool empty() const;

  private:
    struct Free {
        void operator()(Event* events) const { std::free(events); }
    };
    bool try_push(const Event& event);
    void spill(const Event& event);
    bool take_spilled();
    size_t consume_taken(std::vector<Event>& out, size_t max_events, uint64_t below_seq);

    const size_t mask_;
    // Raw memory: a ring of 64 MiB must not cost 64 MiB before it is used.
    const std::unique_ptr<Event[], Free> slots_;
    const std::shared_ptr<ReaderState> reader_;
    const std::shared_ptr<InFlight> producer_;

    alignas(kCacheLine) std::atomic<uint64_t> head_{0};  ///< next slot to write; producer's
    uint64_t seen_tail_ = 0;                             ///< producer's copy of tail_
    std::atomic<uint64_t> dropped_{0};                   ///< producer's
    alignas(kCacheLine) std::atomic<uint64_t> tail_{0};  ///< next slot to read; consumer's
    uint64_t seen_head_ = 0;                             ///< consumer's copy of head_
    std::vector<Event> taken_;                           ///< consumer's: spilled events that it took over
    size_t taken_next_ = 0;

    // While spilling_, the producer adds to spilled_ alone, so that all in the ring is older. The consumer ends it.
    alignas(kCacheLine) std::atomic<bool> spilling_{false};
    std::mutex spill_mutex_;
    std::vector<Event> spilled_;
};

}  // namespace pitwall::telemetry
