// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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
    if (effective_.integer(KnobId::kSpeculativeMethod) != 0)
        s.num_speculative_tokens = static_cast<uint32_t>(effective_.integer(KnobId::kNumSpeculativeTokens));
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
    Bounded bounded;
    if (wanted != value)
        bounded = {KnobBound::kRange,
                   fmt::format("{} goes from {} to {}", knob.name, presets::display_value(knob, knob.minimum),
                               presets::display_value(knob, knob.maximum))};
    double effective = apply_knob(id, wanted, bounded);
    const int64_t end_ns = stamp();
    publish_knob(id, old_value, value, bounded.bound, origin, end_ns - begin_ns);
    replace_if_lost();
    if (effective_.get(id) != effective) {
        bounded.reason = "the device was lost, and the one after it has that";
        effective = effective_.get(id);
    }
    const Verdict verdict = effective == value         ? Verdict::kAccepted
                            : asked_.get(id) == wanted ? Verdict::kClamped
                                                       : Verdict::kRefused;
    return {verdict, verdict == Verdict::kAccepted ? "" : bounded.reason, effective, {}};
}

double Engine::Impl::apply_knob(KnobId id, double value, Bounded& bounded) {
    const double wish = value;
    asked_.set(id, wish);
    if (id == KnobId::kNumKvBlocks) value = resize_pool(static_cast<uint32_t>(value), bounded);
    if (id == KnobId::kKvCacheDtype) value = convert_kv(value, bounded);
    if (id == KnobId::kActivationDtype) value = change_activations(value, bounded);
    if (id == KnobId::kBatchInvariant) value = change_batch_invariance(value, bounded);
    if (id == KnobId::kSpeculativeMethod) value = change_drafter(value, bounded);
    effective_.set(id, value);
    scheduler_.set_settings(settings());
    if (id == KnobId::kSchedulingPolicy) {
        // Whom the old policy passed over is judged by the new one from here on.
        book_overtaken(writer_.time_ns());
        scheduler_.set_policy(static_cast<SchedulingPolicy>(effective_.integer(id)));
    }
    if (id == KnobId::kEnablePrefixCaching && value == 0) kv_.flush();
    if (id == KnobId::kMaxNumSeqs && scheduler_.running().size() > value)
        bounded.bound = KnobBound::kDraining;
    // What was refused binds nobody: what is in force was asked for.
    const bool refused = asked_.get(id) != wish;
    bounds_[static_cast<size_t>(id)] = refused ? KnobBound::kNone : bounded.bound;
    return value;
}

/// KV stays as it is: what was computed before is read on, as part of the numeric history of who reads it.
double Engine::Impl::change_activations(double choice, Bounded& bounded) {
    const auto dtype = static_cast<presets::ActivationDtype>(choice);
    if (dtype == executor_->activation_dtype()) return choice;
    if (const Status status = executor_->set_activation_dtype(dtype); !status.ok()) {
        bounded = {KnobBound::kUnavailable, status.error().text()};
        const auto before = static_cast<double>(executor_->activation_dtype());
        asked_.set(KnobId::kActivationDtype, before);
        return before;
    }
    kv_.begin_epoch(numeric_format());
    return choice;
}

/// Who runs goes on over the KV that it has. Prefixes that were computed the faster way are forgotten: whoever comes when
/// tokens depend on the request alone again may not read what depends on others.
double Engine::Impl::change_batch_invariance(double value, Bounded& bounded) {
    const bool invariant = value != 0;
    if (invariant == executor_->batch_invariant()) return value;
    if (const Status status = executor_->set_batch_invariant(invariant); !status.ok()) {
        bounded = {KnobBound::kUnavailable, status.error().text()};
        asked_.set(KnobId::kBatchInvariant, executor_->batch_invariant());
        return executor_->batch_invariant();
    }
    if (invariant) kv_.flush();
    kv_.begin_epoch(numeric_format());
    return value;
}

/// Chosen before there was an engine: it is what the device has.
double Engine::Impl::loaded_weight_dtype(double value, Bounded& bounded) {
    const auto loaded = static_cast<double>(executor_->weight_dtype());
    if (loaded != value) bounded = {KnobBound::kUnavailable, "the device holds weights otherwise"};
    return loaded;
}

NumericFormat Engine::Impl::numeric_format() const {
    NumericFormat format{executor_->kv_cache_dtype(), executor_->activation_dtype(),
                         executor_->batch_invariant()};
    if (format.activation == presets::ActivationDtype::kBf16)
        format.kernels = executor_->device().kernel_tier;
    return format;
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
