// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/bus/reader.h"

#include <algorithm>
#include <chrono>

#include "telemetry/bus/ring.h"

namespace pitwall::telemetry {

Reader::Reader(Overflow overflow, size_t capacity_events)
    : overflow_(overflow), capacity_events_(capacity_events), state_(std::make_shared<ReaderState>()) {
    state_->when_full = overflow == Overflow::kWait ? FullRing::kSpill : FullRing::kDrop;
}

Reader::~Reader() = default;

size_t Reader::drain(std::vector<Event>& out, size_t max_events) {
    const std::lock_guard lock(mutex_);
    // Everything below `complete` is in its ring by now: numbers at or above it may still be on their way.
    uint64_t complete = sequence_->next.load(std::memory_order_acquire);
    for (const auto& ring : rings_)
        complete = std::min(complete, ring->producer().seq.load(std::memory_order_acquire));
    size_t count = 0;
    while (count < max_events) {
        Ring* first = nullptr;
        uint64_t first_seq = complete, second_seq = complete;
        for (const auto& ring : rings_) {
            const uint64_t seq = ring->front_seq();
            if (seq < first_seq) {
                second_seq = first_seq;
                first_seq = seq;
                first = ring.get();
            } else {
                second_seq = std::min(second_seq, seq);
            }
        }
        if (first == nullptr) break;
        count += first->consume(out, max_events - count, second_seq);
    }
    return count;
}

uint64_t Reader::last_published_seq() const { return sequence_->next.load(std::memory_order_relaxed) - 1; }

uint64_t Reader::dropped() const {
    const std::lock_guard lock(mutex_);
    uint64_t dropped = 0;
    for (const auto& ring : rings_) dropped += ring->dropped();
    return dropped;
}

bool Reader::empty() const {
    const std::lock_guard lock(mutex_);
    return std::all_of(rings_.begin(), rings_.end(), [](const auto& ring) { return ring->empty(); });
}

void Reader::wait(int64_t timeout_ns) {
    std::unique_lock lock(state_->mutex);
    if (!empty()) return;
    state_->waiting = true;
    state_->wake.wait_for(lock, std::chrono::nanoseconds(timeout_ns), [this] { return state_->notified; });
    state_->waiting = state_->notified = false;
}

void Reader::set_gap_on_overflow(bool gap) {
    if (overflow_ != Overflow::kWait) return;
    FullRing wanted = gap ? FullRing::kSpill : FullRing::kDrop;  // leaves kDiscard alone
    state_->when_full.compare_exchange_strong(wanted, gap ? FullRing::kDrop : FullRing::kSpill);
}

void Reader::discard() { state_->when_full = FullRing::kDiscard; }

}  // namespace pitwall::telemetry
