// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "telemetry/bus/bus.h"

namespace pitwall::telemetry {

class Ring;

/// One thread's way onto the bus. publish() never blocks and never allocates.
class Producer {
  public:
    explicit Producer(Bus& bus);
    ~Producer();

    /// Stamps seq; the caller has stamped t_ns. A full ring of a kDrop reader counts a drop. A full ring of a kWait
    /// reader cannot happen when wait_for_room() is called between steps; if it does the event goes into the
    /// producer's overflow list (allocates) and is delivered in order.
    void publish(Event& event);

    /// Cuts `text` into pieces and publishes them.
    void publish_text(DictionaryKind kind, uint32_t id, std::string_view text, int64_t t_ns);

    /// True when every kWait ring has room for `events` more.
    bool has_room(size_t events) const;
    /// Between steps: returns at once with 0 when has_room(), else sleeps until there is; gives the ns waited (wall).
    int64_t wait_for_room(size_t events);

  private:
    friend class Bus;
    friend class Reader;
    Bus& bus_;
    std::vector<std::shared_ptr<Ring>> rings_;
};

}  // namespace pitwall::telemetry
