// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/bus/bus.h"

#include <algorithm>
#include <thread>

#include "telemetry/bus/producer.h"
#include "telemetry/bus/reader.h"
#include "telemetry/bus/ring.h"

namespace pitwall::telemetry {

Bus::Bus() : sequence_(std::make_shared<Sequence>()) {}
Bus::~Bus() = default;

uint64_t Bus::last_seq() const { return sequence_->next.load(std::memory_order_relaxed) - 1; }

std::shared_ptr<Reader> Bus::add_reader(Overflow overflow, size_t capacity_events) {
    auto reader = make_reader(overflow, capacity_events);
    attach_reader(reader);
    return reader;
}

std::shared_ptr<Reader> Bus::make_reader(Overflow overflow, size_t capacity_events) {
    auto reader = std::make_shared<Reader>(overflow, capacity_events);
    reader->sequence_ = sequence_;
    const std::lock_guard lock(mutex_);
    for (const auto& producer : producers_) ring_of(*reader, *producer);
    return reader;
}

void Bus::attach_reader(const std::shared_ptr<Reader>& reader) {
    const std::lock_guard lock(mutex_);
    for (const auto& producer : producers_) {
        RingList rings = *producer->rings_.load(std::memory_order_relaxed);
        rings.push_back(ring_of(*reader, *producer));
        replace_rings(*producer, std::move(rings));
    }
    readers_.push_back(reader);
}

/// The one there is, or a new one.
std::shared_ptr<Ring> Bus::ring_of(Reader& reader, const Producer& producer) {
    const std::lock_guard lock(reader.mutex_);
    for (const auto& ring : reader.rings_)
        if (&ring->producer() == producer.in_flight_.get()) return ring;
    return reader.rings_.emplace_back(
        std::make_shared<Ring>(reader.state_, producer.in_flight_, reader.capacity_events_));
}

void Bus::remove_reader(const std::shared_ptr<Reader>& reader) {
    const std::lock_guard lock(mutex_);
    std::erase(readers_, reader);
    for (const auto& producer : producers_) {
        RingList rings = *producer->rings_.load(std::memory_order_relaxed);
        std::erase_if(rings, [&](const auto& ring) { return &ring->reader() == reader->state_.get(); });
        replace_rings(*producer, std::move(rings));
    }
}

std::shared_ptr<Producer> Bus::add_producer() {
    auto producer = std::make_shared<Producer>(*this);
    const std::lock_guard lock(mutex_);
    RingList rings;
    for (const auto& reader : readers_) {
        auto ring = std::make_shared<Ring>(reader->state_, producer->in_flight_, reader->capacity_events_);
        rings.push_back(ring);
        const std::lock_guard reader_lock(reader->mutex_);
        reader->rings_.push_back(std::move(ring));
    }
    replace_rings(*producer, std::move(rings));
    producers_.push_back(producer);
    return producer;
}

/// The producer may be inside publish() with the old list: it is freed once the producer was seen outside, or
/// in a later publish(), which loads the new one.
void Bus::replace_rings(Producer& producer, RingList rings) {
    auto next = std::make_unique<const RingList>(std::move(rings));
    const std::unique_ptr<const RingList> old(
        producer.rings_.exchange(next.release(), std::memory_order_seq_cst));
    const uint64_t seen = producer.in_flight_->seq.load(std::memory_order_seq_cst);
    if (seen == InFlight::kNothing) return;
    while (producer.in_flight_->seq.load(std::memory_order_seq_cst) == seen) std::this_thread::yield();
}

}  // namespace pitwall::telemetry
