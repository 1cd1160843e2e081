// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/bus/ring.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace pitwall::telemetry {

namespace {
Event* allocate(size_t events) {
    auto* slots = static_cast<Event*>(std::aligned_alloc(kCacheLine, events * sizeof(Event)));
    if (slots == nullptr) throw std::bad_alloc();
    return slots;
}
}  // namespace

Ring::Ring(std::shared_ptr<ReaderState> reader, std::shared_ptr<InFlight> producer, size_t capacity_events)
    : mask_(std::bit_ceil(std::max<size_t>(capacity_events, 2)) - 1),
      slots_(allocate(mask_ + 1)),
      reader_(std::move(reader)),
      producer_(std::move(producer)) {}

void Ring::push(const Event& event) {
    const FullRing when_full = reader_->when_full.load(std::memory_order_relaxed);
    if (when_full == FullRing::kDiscard) return;
    if (!spilling_.load(std::memory_order_acquire) && try_push(event)) return;
    if (when_full == FullRing::kSpill) return spill(event);
    dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

bool Ring::try_push(const Event& event) {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    if (head - seen_tail_ > mask_) {
        seen_tail_ = tail_.load(std::memory_order_acquire);
        if (head - seen_tail_ > mask_) return false;
    }
    std::memcpy(static_cast<void*>(&slots_[head & mask_]), &event, sizeof(Event));
    head_.store(head + 1, std::memory_order_release);
    return true;
}

void Ring::spill(const Event& event) {
    const std::lock_guard lock(spill_mutex_);
    spilled_.push_back(event);
    spilling_.store(true, std::memory_order_release);
}

bool Ring::has_room(size_t events) {
    if (reader_->when_full.load(std::memory_order_relaxed) != FullRing::kSpill) return true;
    if (spilling_.load(std::memory_order_acquire)) return false;
    const uint64_t head = head_.load(std::memory_order_relaxed);
    const size_t wanted = std::min(events, mask_ + 1);  // an empty ring is all the room there ever is
    if (head - seen_tail_ + wanted <= mask_ + 1) return true;
    seen_tail_ = tail_.load(std::memory_order_acquire);
    return head - seen_tail_ + wanted <= mask_ + 1;
}

uint64_t Ring::front_seq() {
    if (taken_next_ < taken_.size()) return taken_[taken_next_].seq;
    for (;;) {
        const uint64_t tail = tail_.load(std::memory_order_relaxed);
        if (tail == seen_head_) seen_head_ = head_.load(std::memory_order_acquire);
        if (tail != seen_head_) return slots_[tail & mask_].seq;
        if (take_spilled()) return taken_.front().seq;
        if (!spilling_.load(std::memory_order_acquire)) return InFlight::kNothing;
    }
}

bool Ring::take_spilled() {
    if (!spilling_.load(std::memory_order_acquire)) return false;
    const std::lock_guard lock(spill_mutex_);
    // Between the look at the ring and this lock it may have filled up first and spilled after.
    if (head_.load(std::memory_order_acquire) != tail_.load(std::memory_order_relaxed)) return false;
    taken_.clear();
    taken_next_ = 0;
    taken_.swap(spilled_);
    spilling_.store(false, std::memory_order_release);
    return true;
}

size_t Ring::consume_taken(std::vector<Event>& out, size_t max_events, uint64_t below_seq) {
    size_t count = 0;
    for (; count < max_events && taken_next_ < taken_.size() && taken_[taken_next_].seq < below_seq; ++count)
        out.push_back(taken_[taken_next_++]);
    if (taken_next_ == taken_.size() && !taken_.empty()) {
        taken_ = {};  // gives the memory back: a spill is rare and may have been large
        taken_next_ = 0;
    }
    return count;
}

size_t Ring::consume(std::vector<Event>& out, size_t max_events, uint64_t below_seq) {
    if (taken_next_ < taken_.size()) return consume_taken(out, max_events, below_seq);
    uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == seen_head_) seen_head_ = head_.load(std::memory_order_acquire);
    size_t count = 0;
    for (; count < max_events && tail != seen_head_ && slots_[tail & mask_].seq < below_seq; ++count)
        out.push_back(slots_[tail++ & mask_]);
    tail_.store(tail, std::memory_order_release);
    return count;
}

bool Ring::empty() const {
    return head_.load(std::memory_order_acquire) == tail_.load(std::memory_order_acquire) &&
           !spilling_.load(std::memory_order_acquire) && taken_next_ >= taken_.size();
}

}  // namespace pitwall::telemetry
