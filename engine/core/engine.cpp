// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/core/engine.h"

#include <algorithm>

#include "engine/core/engine_impl.h"

namespace pitwall::engine {

using presets::KnobId;

Engine::Impl::Impl(std::unique_ptr<Executor> executor, const Tokenizer* tokenizer,
                   const presets::KnobValues& knobs, Clock& clock, telemetry::Producer& producer,
                   uint32_t max_context_tokens, DrafterFactory drafters, ExecutorRecovery recovery)
    : executor_(std::move(executor)),
      tokenizer_(tokenizer),
      clock_(clock),
      max_context_tokens_(max_context_tokens),
      writer_(producer),
      asked_(knobs),
      effective_(knobs),
      kv_(0, &writer_, numeric_format()),
      scheduler_(kv_, {}),
      recovery_(std::move(recovery)),
      drafters_(std::move(drafters)),
      probe_(*executor_) {
    open_pool();
    scheduler_.set_settings(settings());
    scheduler_.set_policy(static_cast<SchedulingPolicy>(knobs.integer(KnobId::kSchedulingPolicy)));
    begin_with(KnobId::kActivationDtype, &Impl::change_activations);
    begin_with(KnobId::kWeightDtype, &Impl::loaded_weight_dtype);
    begin_with(KnobId::kBatchInvariant, &Impl::change_batch_invariance);
    Bounded bounded;
    effective_.set(KnobId::kSpeculativeMethod,
                   change_drafter(effective_.get(KnobId::kSpeculativeMethod), bounded));
    token_told_.resize(executor_->vocab_size());
    if (tokenizer_)
        for (uint32_t token = 0; token < std::min(tokenizer_->vocab_size(), executor_->vocab_size()); ++token)
            if (tokenizer_->is_end(static_cast<TokenId>(token)))
                end_tokens_.push_back(static_cast<TokenId>(token));
}

/// What somebody gave and the device lacks stays asked for; a default that it lacks is nobody's wish.
void Engine::Impl::begin_with(KnobId id, double (Impl::*change)(double, Bounded&)) {
    Bounded bounded;
    const bool given = asked_.given(id);
    const double wish = effective_.get(id);
    effective_.set(id, (this->*change)(wish, bounded));
    if (effective_.get(id) == wish || !given) return;
    asked_.set(id, wish);
    bounds_[static_cast<size_t>(id)] = bounded.bound;
}

EngineMemory Engine::Impl::memory() const {
    return {.kv = executor_->capacity_blocks() * executor_->bytes_per_block(),
            .weights = executor_->weight_bytes(),
            .activations = executor_->activation_bytes(),
            .draft = drafter_ ? drafter_->resident_bytes() : 0};
}

Status Engine::Impl::check_integrity() const {
    std::vector<BlockId> pins;
    for (const InFlight& step : in_flight_)
        for (const ScheduledSlice& slice : step.slices)
            if (slice.pinned != kNoBlock) pins.push_back(slice.pinned);
    return scheduler_.check_integrity(zombies_, pins);
}

Engine::Engine(std::unique_ptr<Executor> executor, const Tokenizer* tokenizer,
               const presets::KnobValues& knobs, Clock& clock, telemetry::Producer& producer,
               uint32_t max_context_tokens, DrafterFactory drafters, ExecutorRecovery recovery)
    : impl_(std::make_unique<Impl>(std::move(executor), tokenizer, knobs, clock, producer, max_context_tokens,
                                   std::move(drafters), std::move(recovery))) {}
Engine::~Engine() = default;

RequestId Engine::submit(GenerationRequest request, RequestListener* listener) {
    return impl_->submit(std::move(request), listener);
}
Answer Engine::cancel(RequestId request) { return impl_->cancel(request); }
Answer Engine::set_knob(presets::KnobId knob, double value, telemetry::KnobOrigin origin) {
    return impl_->set_knob(knob, value, origin);
}
Answer Engine::flush_prefix_cache() { return impl_->flush_prefix_cache(); }
void Engine::pause() { impl_->pause(); }
void Engine::resume() { impl_->resume(); }
void Engine::allow_single_step() { impl_->allow_single_step(); }
bool Engine::paused() const { return impl_->paused(); }
int64_t Engine::unpaused_ns(int64_t t_ns) const { return impl_->unpaused_ns(t_ns); }
bool Engine::step() { return impl_->step(); }
bool Engine::has_work() const { return impl_->has_work(); }
int64_t Engine::next_deadline_ns() const { return impl_->next_deadline_ns(); }
void Engine::idle_tick() { impl_->idle_tick(); }
void Engine::book_recorder_wait(int64_t since_ns) { impl_->book_recorder_wait(since_ns); }
bool Engine::probe_when_idle() { return impl_->probe_when_idle(); }
void Engine::publish_start() { impl_->publish_start(); }
void Engine::publish_keyframe() { impl_->publish_keyframe(true); }
void Engine::publish_end() { impl_->publish_end(); }
size_t Engine::next_step_events() const { return impl_->next_step_events(); }
uint64_t Engine::steps() const { return impl_->steps(); }
const presets::KnobValues& Engine::effective_knobs() const { return impl_->effective_knobs(); }
const DeviceInfo& Engine::device() const { return impl_->device(); }
EngineMemory Engine::memory() const { return impl_->memory(); }
Status Engine::check_integrity() const { return impl_->check_integrity(); }

}  // namespace pitwall::engine
