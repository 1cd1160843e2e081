// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/bus/producer.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "telemetry/bus/ring.h"

namespace pitwall::telemetry {

/// Says, while it lives, that the producer may be using its list of rings and delivers nothing below this number.
class Producer::Inside {
  public:
    explicit Inside(const Producer& producer) : in_flight_(*producer.in_flight_) {
        // seq_cst with Bus::replace_rings(): either it sees this, or the list loaded after this is the new one.
        in_flight_.seq.store(producer.sequence_->next.load(std::memory_order_relaxed),
                             std::memory_order_seq_cst);
    }
    ~Inside() { in_flight_.seq.store(InFlight::kNothing, std::memory_order_release); }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

  private:
    InFlight& in_flight_;
};

Producer::Producer(Bus& bus)
    : sequence_(bus.sequence_), in_flight_(std::make_shared<InFlight>()), rings_(new RingList) {}

Producer::~Producer() { delete rings_.load(std::memory_order_relaxed); }

void Producer::publish(Event& event) {
    const Inside inside(*this);
    // Release and acquire: a reader that sees the number taken sees the mark above as well.
    event.seq = sequence_->next.fetch_add(1, std::memory_order_acq_rel);
    for (const auto& ring : *rings_.load(std::memory_order_seq_cst)) ring->push(event);
}

void Producer::publish_text(DictionaryKind kind, uint32_t id, std::string_view text, int64_t t_ns) {
    size_t offset = 0;
    do {
        Event event;
        event.t_ns = t_ns;
        event.kind = EventKind::kDictionary;
        DictionaryEvent& piece = event.dictionary;
        piece.dictionary = kind;
        piece.id = id;
        piece.total_bytes = static_cast<uint32_t>(text.size());
        piece.offset = static_cast<uint32_t>(offset);
        piece.length = static_cast<uint8_t>(std::min(DictionaryEvent::kPieceBytes, text.size() - offset));
        std::memcpy(piece.bytes, text.data() + offset, piece.length);
        publish(event);
        offset += piece.length;
    } while (offset < text.size());
}

void Producer::notify() {
    const Inside inside(*this);
    for (const auto& ring : *rings_.load(std::memory_order_seq_cst)) {
        ReaderState& reader = ring->reader();
        const std::lock_guard lock(reader.mutex);
        if (!reader.waiting) continue;
        reader.notified = true;
        reader.wake.notify_one();
    }
}

bool Producer::has_room(size_t events) const {
    const Inside inside(*this);
    const RingList& rings = *rings_.load(std::memory_order_seq_cst);
    return std::all_of(rings.begin(), rings.end(), [&](const auto& ring) { return ring->has_room(events); });
}

int64_t Producer::wait_for_room(size_t events) {
    if (has_room(events)) return 0;
    const auto begin = std::chrono::steady_clock::now();
    // A look every 100 us: the reader drains in batches of milliseconds, and need not know who waits.
    do {
        notify();
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    } while (!has_room(events));
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - begin)
        .count();
}

}  // namespace pitwall::telemetry
