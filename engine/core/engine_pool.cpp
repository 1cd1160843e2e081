// SPDX-License-Identifier: GPL-3.0-or-later
//
// Size and format of the KV pool, changed between two steps with nothing in flight and nobody lost.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "engine/core/engine_impl.h"
#include "engine/kv/kv_format.h"
#include "telemetry/names.h"

namespace pitwall::engine {

using namespace telemetry;
using presets::KnobId;

void Engine::Impl::open_pool() {
    writer_.set_kv_dtype(executor_->kv_cache_dtype());
    // Whoever made the executor may have replaced what its device lacks.
    if (const double present = kv_dtype_choice(executor_->kv_cache_dtype());
        effective_.get(KnobId::kKvCacheDtype) != present) {
        effective_.set(KnobId::kKvCacheDtype, present);
        bounds_[static_cast<size_t>(KnobId::kKvCacheDtype)] = KnobBound::kUnavailable;
    }
    const auto asked = static_cast<uint32_t>(std::max<int64_t>(1, asked_.integer(KnobId::kNumKvBlocks)));
    uint32_t blocks = std::min(asked, executor_->capacity_blocks());
    while (blocks > 0 && !executor_->resize_pool(blocks).ok()) blocks /= 2;
    kv_.grow(blocks);
    pool_bytes_ = asked * executor_->bytes_per_block();
    effective_.set(KnobId::kNumKvBlocks, blocks);
    if (blocks < asked) bounds_[static_cast<size_t>(KnobId::kNumKvBlocks)] = KnobBound::kCapacity;
}

/// Gives the size that it has then.
double Engine::Impl::resize_pool(uint32_t asked, Bounded& bounded) {
    const uint32_t size = kv_.size(), capacity = executor_->capacity_blocks();
    if (!no_device_.empty()) {
        bounded = {KnobBound::kUnavailable, no_device_};
        return size;
    }
    uint32_t target = std::max<uint32_t>(1, asked);
    if (pool_bytes_ / executor_->bytes_per_block() != target)
        pool_bytes_ = target * executor_->bytes_per_block();
    if (target > capacity) {
        target = capacity;
        bounded = {KnobBound::kCapacity, fmt::format("the KV memory holds {} blocks", target)};
    }
    if (target < size && target < largest_need()) {
        target = std::min(size, largest_need());
        bounded = {
            KnobBound::kInFlight,
            fmt::format("a request in flight needs {} blocks to finish; the pool shrinks on when it has",
                        largest_need())};
    }
    if (target < size) shrink_pool(target, bounded);
    if (target > size) {
        if (const Status status = executor_->resize_pool(target); status.ok())
            kv_.grow(target);
        else
            bounded = {KnobBound::kCapacity, status.error().text()};
    }
    effective_.set(KnobId::kNumKvBlocks, kv_.size());
    if (kv_.size() != size) publish_keyframe(false);  // the only event that tells how many blocks there are
    return kv_.size();
}

/// Time in which blocks move or change, until now.
void Engine::Impl::book_kv_move() {
    const int64_t now_ns = stamp();
    for (Sequence* s : scheduler_.running()) {
        const Cause cause = paused_ ? Cause::kPaused : s->recovering() ? Cause::kPreempted : Cause::kKvMove;
        live(*s).timeline.book(cause, now_ns, steps_submitted_, writer_);
    }
}

/// With nothing in flight. False: nobody runs.
bool Engine::Impl::preempt_last() {
    Sequence* const victim = scheduler_.preempt_last();
    if (!victim) return false;
    ++counters_.preemptions;
    writer_.request(live(*victim), RequestPhase::kPreempted);
    return true;
}

void Engine::Impl::shrink_pool(uint32_t num_blocks, Bounded& bounded) {
    book_active(stamp());
    while (kv_.pool().held_count() > num_blocks) preempt_last();
    StepPlan plan;
    plan.id = StepId{steps_submitted_};
    std::unordered_map<uint32_t, BlockId> moved;
    for (const KvCache::Move& move : kv_.shrink(num_blocks)) {
        plan.copies.push_back({move.source, move.target, move.filled_tokens});
        moved.emplace(raw(move.source), move.target);
    }
    for (Sequence* s : scheduler_.running())
        for (BlockId& block : s->block_table)
            if (const auto at = moved.find(raw(block)); at != moved.end()) block = at->second;
    Status status;
    if (!plan.copies.empty()) status = executor_->collect(executor_->submit(plan)).status;
    book_kv_move();
    // What was to be moved is lost, and what runs over it cannot be answered; with the device gone, it is computed again.
    while (!status.ok() && executor_->status().ok() && !scheduler_.running().empty())
        end_request(live(*scheduler_.running().back()), FinishReason::kFailed, "", status.error().text());
    if (!status.ok()) kv_.flush();
    if (const Status resized = executor_->resize_pool(num_blocks); !resized.ok())
        bounded = {KnobBound::kCapacity, resized.error().text()};
}

/// A shrink that stopped at what a request needed goes on when that one has ended.
void Engine::Impl::shrink_further() {
    const auto may_shrink = [&] {
        return no_device_.empty() && asked_.integer(KnobId::kNumKvBlocks) < kv_.size() &&
               largest_need() < kv_.size();
    };
    if (!may_shrink()) return;
    drain();
    if (!may_shrink()) return;  // on another device
    const auto asked = static_cast<uint32_t>(asked_.integer(KnobId::kNumKvBlocks));
    const int64_t begin_ns = stamp();
    const double old_value = effective_.get(KnobId::kNumKvBlocks);
    Bounded bounded;
    apply_knob(KnobId::kNumKvBlocks, asked, bounded);
    publish_knob(KnobId::kNumKvBlocks, old_value, asked, bounded.bound, KnobOrigin::kEngine,
                 stamp() - begin_ns);
    replace_if_lost();
}

/// As many as the pool has bytes for, and no fewer than a request in flight needs, as far as there is room.
uint32_t Engine::Impl::blocks_for(const KvCapacity& capacity) const {
    const auto most = static_cast<uint64_t>(presets::spec(KnobId::kNumKvBlocks).maximum);
    const uint64_t wanted = std::min(pool_bytes_ / capacity.bytes_per_block, most);
    return std::min(std::max({uint32_t{1}, largest_need(), static_cast<uint32_t>(wanted)}), capacity.blocks);
}

/// The pool keeps its bytes, so that narrower blocks become more of them at once. Where that leaves too few for a request
/// in flight, it keeps as many as that one needs until it has ended; where the memory does not hold those, all stays as it
/// is. Gives the choice in force then.
double Engine::Impl::convert_kv(double choice, Bounded& bounded) {
    const double before = effective_.get(KnobId::kKvCacheDtype);
    const KvDtype dtype = kv_dtype_of_choice(choice);
    if (dtype == executor_->kv_cache_dtype()) return choice;
    if (!no_device_.empty()) {
        bounded = {KnobBound::kUnavailable, no_device_};
        asked_.set(KnobId::kKvCacheDtype, before);
        return before;
    }
    const KvCapacity capacity = executor_->kv_capacity(dtype);
    const uint32_t old_blocks = kv_.size();
    if (std::max(1u, largest_need()) > capacity.blocks) {
        const std::string_view format = telemetry::name(dtype);
        bounded = {KnobBound::kInFlight,
                   largest_need() == 0
                       ? fmt::format("the KV memory holds no block of {}", format)
                       : fmt::format("a request in flight needs {} blocks, as {} the KV memory holds {}",
                                     largest_need(), format, capacity.blocks)};
        asked_.set(KnobId::kKvCacheDtype, before);
        return before;
    }
    if (!change_format(dtype, blocks_for(capacity), bounded))
        asked_.set(KnobId::kKvCacheDtype, choice = before);
    effective_.set(KnobId::kKvCacheDtype, choice);
    follow_pool_bytes(old_blocks);
    publish_keyframe(false);  // tells every block's format, and how many there are
    return choice;
}

bool Engine::Impl::change_format(KvDtype dtype, uint32_t num_blocks, Bounded& bounded) {
    book_active(stamp());
    const uint32_t old_blocks = kv_.size();
    if (num_blocks < old_blocks) shrink_pool(num_blocks, bounded);
    const Status status = executor_->convert_kv(dtype, num_blocks, kv_.holding());
    if (!status.ok()) {
        bounded = {KnobBound::kCapacity, status.error().text()};
        if (kv_.size() < old_blocks && executor_->resize_pool(old_blocks).ok()) kv_.grow(old_blocks);
        return false;
    }
    kv_.begin_epoch(numeric_format());
    kv_.grow(std::max(num_blocks, kv_.size()));
    writer_.set_kv_dtype(dtype);
    book_kv_move();
    return true;
}

/// What num_kv_blocks has become by itself, as an event of its own.
void Engine::Impl::follow_pool_bytes(uint32_t old_blocks) {
    const presets::KnobSpec& knob = presets::spec(KnobId::kNumKvBlocks);
    const uint64_t wanted = pool_bytes_ / executor_->bytes_per_block();
    const double asked = std::clamp(static_cast<double>(wanted), knob.minimum, knob.maximum);
    const double old_asked = asked_.get(KnobId::kNumKvBlocks);
    const KnobBound bound = kv_.size() < asked   ? KnobBound::kCapacity
                            : kv_.size() > asked ? KnobBound::kInFlight
                                                 : KnobBound::kNone;
    asked_.set(KnobId::kNumKvBlocks, asked);
    effective_.set(KnobId::kNumKvBlocks, kv_.size());
    bounds_[static_cast<size_t>(KnobId::kNumKvBlocks)] = bound;
    if (kv_.size() != old_blocks || asked != old_asked)
        publish_knob(KnobId::kNumKvBlocks, old_blocks, asked, bound, KnobOrigin::kEngine, 0);
}

}  // namespace pitwall::engine
