// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "telemetry/event.h"

namespace pitwall::telemetry {

/// What happens when a reader's ring is full.
enum class Overflow : uint8_t {
    kDrop,  ///< the UI: the event is left out for this reader, and counted
    kWait,  ///< the recorder: the producer waits, between steps only, until there is room
            ///< (Producer::wait_for_room)
};

class Producer;
class Reader;
class Ring;
struct Sequence;

/// Carries events from producing threads to readers. Each (producer, reader) pair has a ring of its own, single
/// producer and single consumer; the bus gives the total order as a sequence number. Readers and producers may come
/// and readers may go at any time, also while others publish; producers live as long as the bus.
class Bus {
  public:
    Bus();
    ~Bus();
    Bus(const Bus&) = delete;
    Bus& operator=(const Bus&) = delete;

    /// `capacity_events` is rounded up to a power of two. Any thread. The reader gets what is published after this.
    std::shared_ptr<Reader> add_reader(Overflow overflow, size_t capacity_events);
    /// The same in two: a reader that hears nothing yet, and from when on it does. On a producer's own thread attaching
    /// falls between two of its events and costs it nothing: the room for them is there already.
    std::shared_ptr<Reader> make_reader(Overflow overflow, size_t capacity_events);
    void attach_reader(const std::shared_ptr<Reader>& reader);
    /// Any thread; what the reader did not drain yet stays with it.
    void remove_reader(const std::shared_ptr<Reader>& reader);
    std::shared_ptr<Producer> add_producer();

    uint64_t last_seq() const;

  private:
    friend class Producer;
    using RingList = std::vector<std::shared_ptr<Ring>>;
    std::shared_ptr<Ring> ring_of(Reader& reader, const Producer& producer);
    static void replace_rings(Producer& producer, RingList rings);

    std::shared_ptr<Sequence> sequence_;
    std::mutex mutex_;  ///< guards the two lists, never taken by publish()
    std::vector<std::shared_ptr<Reader>> readers_;
    std::vector<std::shared_ptr<Producer>> producers_;
};

}  // namespace pitwall::telemetry
