// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "telemetry/bus/bus.h"

namespace pitwall::telemetry {

class Ring;
struct InFlight;
struct Sequence;

/// One thread's way onto the bus. publish() never blocks and never allocates. Everything here belongs to that
/// thread.
class Producer {
  public:
    explicit Producer(Bus& bus);  ///< for the bus alone: use Bus::add_producer()
    ~Producer();
    Producer(const Producer&) = delete;
    Producer& operator=(const Producer&) = delete;

    /// Stamps seq; the caller has stamped t_ns. A full ring of a kDrop reader counts a drop. A full ring of a
    /// kWait reader cannot happen when wait_for_room() is called between steps; if it does the event goes
    /// into the ring's overflow list (allocates) and is delivered in order.
    void publish(Event& event);

    /// Cuts `text` into pieces and publishes them.
    void publish_text(DictionaryKind kind, uint32_t id, std::string_view text, int64_t t_ns);

    /// Wakes the readers that sleep in Reader::wait(). Once a step at most: it takes a lock a reader.
    void notify();

    /// True when every kWait ring has room for `events` more (or is empty, where it is smaller than that).
    bool has_room(size_t events) const;
    /// Between steps: returns at once with 0 when has_room(), else sleeps until there is; gives the ns waited
    /// (wall).
    int64_t wait_for_room(size_t events);

  private:
    friend class Bus;
    class Inside;
    using RingList = std::vector<std::shared_ptr<Ring>>;

    std::shared_ptr<Sequence> sequence_;
    std::shared_ptr<InFlight> in_flight_;
    std::atomic<const RingList*> rings_;  ///< replaced whole by the bus, which waits until nobody is inside
};

}  // namespace pitwall::telemetry
