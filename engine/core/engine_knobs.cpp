// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "engine/core/engine_impl.h"

namespace pitwall::engine {

using namespace telemetry;
using presets::KnobId;
using presets::KnobSpec;
using presets::KnobType;

namespace {

/// The value as its type allows it: whole, and inside the range.
double tidy(const KnobSpec& knob, double value) {
    if (knob.type != KnobType::kReal) value = std::round(value);
    return std::clamp(value, knob.minimum, knob.maximum);
}

}  // namespace

SchedulerSettings Engine::Impl::settings() const {
    SchedulerSettings s;
    s.max_num_seqs = static_cast<uint32_t>(effective_.integer(KnobId::kMaxNumSeqs));
    s.max_num_batched_tokens =
        static_cast<uint32_t>(std::max<int64_t>(1, effective_.integer(KnobId::kMaxNumBatchedTokens)));
    s.enable_chunked_prefill = effective_.boolean(KnobId::kEnableChunkedPrefill);
    s.long_prefill_token_threshold =
        static_cast<uint32_t>(effective_.integer(KnobId::kLongPrefillTokenThreshold));
    s.batching = static_cast<presets::Batching>(effective_.integer(KnobId::kBatching));
    s.enable_prefix_caching = effective_.boolean(KnobId::kEnablePrefixCaching);
    return s;
}

Answer Engine::Impl::set_knob(KnobId id, double value, KnobOrigin origin) {
    const KnobSpec& knob = presets::spec(id);
    if (!knob.live)
        return {Verdict::kRefused,
                fmt::format("{} is not live: {}", knob.name, knob.reload_reason),
                effective_.get(id),
                {}};
    if (!std::isfinite(value))
        return {Verdict::kRefused, fmt::format("{} takes a number", knob.name), effective_.get(id), {}};
    const double wanted = tidy(knob, value);
    if (knob.type == KnobType::kChoice && wanted != value)
        return {Verdict::kRefused,
                fmt::format("{} has no choice {:g}", knob.name, value),
                effective_.get(id),
                {}};
    if (wanted == effective_.get(id) && wanted == asked_.get(id) && wanted == value)
        return {Verdict::kAccepted, "", wanted, {}};

    drain();
    const int64_t begin_ns = stamp();
    const double old_value = effective_.get(id);
    KnobBound bound = wanted != value ? KnobBound::kRange : KnobBound::kNone;
    std::string reason;
    if (bound == KnobBound::kRange)
        reason = fmt::format("{} goes from {} to {}", knob.name, presets::display_value(knob, knob.minimum),
                             presets::display_value(knob, knob.maximum));
    const double effective = apply_knob(id, wanted, bound, reason);
    const int64_t end_ns = stamp();
    publish_knob(id, old_value, value, bound, origin, end_ns - begin_ns);
    const Verdict verdict = effective == value ? Verdict::kAccepted : Verdict::kClamped;
    return {verdict, verdict == Verdict::kAccepted ? "" : reason, effective, {}};
}

double Engine::Impl::apply_knob(KnobId id, double value, KnobBound& bound, std::string& reason) {
    asked_.set(id, value);
    if (id == KnobId::kNumKvBlocks) value = resize_pool(static_cast<uint32_t>(value), bound, reason);
    effective_.set(id, value);
    scheduler_.set_settings(settings());
    if (id == KnobId::kSchedulingPolicy) {
        // Whom the old policy passed over is judged by the new one from here on.
        book_overtaken(writer_.time_ns());
        scheduler_.set_policy(static_cast<SchedulingPolicy>(effective_.integer(id)));
    }
    if (id == KnobId::kEnablePrefixCaching && value == 0) kv_.flush();
    if (id == KnobId::kMaxNumSeqs && scheduler_.running().size() > value) bound = KnobBound::kDraining;
    bounds_[static_cast<size_t>(id)] = bound;
    return value;
}

uint32_t Engine::Impl::resize_pool(uint32_t asked, KnobBound& bound, std::string& reason) {
    const uint32_t size = kv_.size();
    uint32_t target = std::max<uint32_t>(1, asked);
    if (target > executor_->capacity_blocks()) {
        target = executor_->capacity_blocks();
        bound = KnobBound::kCapacity;
        reason = fmt::format("the KV memory holds {} blocks", target);
    }
    const uint32_t largest = needs_.empty() ? 0 : needs_.rbegin()->first;
    if (target < size && target < largest) {
        target = std::min(size, largest);
        bound = KnobBound::kInFlight;
        reason = fmt::format("a request in flight needs {} blocks to finish; the pool shrinks on when it has",
                             largest);
    }
    const bool done = target <= size ? target == size || shrink_pool(target, reason) : [&] {
        const Status status = executor_->resize_pool(target);
        if (status.ok()) return kv_.grow(target), true;
        reason = status.error().text();
        return false;
    }();
    if (!done) bound = KnobBound::kCapacity;
    if (kv_.size() != size) publish_keyframe(false);  // the only event that tells how many blocks there are
    return kv_.size();
}

bool Engine::Impl::shrink_pool(uint32_t num_blocks, std::string& reason) {
    const int64_t begin_ns = stamp();
    book_active(begin_ns);
    while (kv_.pool().held_count() > num_blocks) {
        Sequence* victim = scheduler_.preempt_last();
        ++counters_.preemptions;
        writer_.request(live(*victim), RequestPhase::kPreempted);
    }
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
    const int64_t end_ns = stamp();
    for (Sequence* s : scheduler_.running())
        live(*s).timeline.book(live(*s).recovering() ? Cause::kPreempted : Cause::kKvMove, end_ns,
                               steps_submitted_, writer_);
    // What was to be moved is lost with the device; what runs over it cannot be answered.
    while (!status.ok() && !scheduler_.running().empty())
        end_request(live(*scheduler_.running().back()), FinishReason::kFailed, "", status.error().text());
    if (!status.ok()) kv_.flush();
    if (const Status resized = executor_->resize_pool(num_blocks); !resized.ok())
        reason = resized.error().text();
    return true;
}

/// A shrink that stopped at what a request needed goes on when that one has ended.
void Engine::Impl::shrink_further() {
    const auto asked = static_cast<uint32_t>(asked_.integer(KnobId::kNumKvBlocks));
    const uint32_t largest = needs_.empty() ? 0 : needs_.rbegin()->first;
    if (asked >= kv_.size() || largest >= kv_.size()) return;
    drain();
    const int64_t begin_ns = stamp();
    const double old_value = effective_.get(KnobId::kNumKvBlocks);
    KnobBound bound = KnobBound::kNone;
    std::string reason;
    apply_knob(KnobId::kNumKvBlocks, asked, bound, reason);
    publish_knob(KnobId::kNumKvBlocks, old_value, asked, bound, KnobOrigin::kEngine, stamp() - begin_ns);
}

void Engine::Impl::publish_knob(KnobId id, double old_value, double asked, KnobBound bound, KnobOrigin origin,
                                int64_t pause_ns) {
    KnobEvent e{};
    e.knob = static_cast<uint16_t>(id);
    e.value_kind = static_cast<ValueKind>(presets::spec(id).type);
    e.origin = origin;
    e.bound = bound;
    e.old_value = old_value;
    e.asked_value = asked;
    e.effective_value = effective_.get(id);
    e.pause_ns = pause_ns;
    e.step_id = steps_submitted_;
    writer_.knob(e);
}

Answer Engine::Impl::flush_prefix_cache() {
    drain();
    stamp();
    const uint32_t blocks = kv_.flush();
    writer_.mark(MarkKind::kCacheFlushed, blocks);
    return {Verdict::kAccepted, "", static_cast<double>(blocks), {}};
}

}  // namespace pitwall::engine
