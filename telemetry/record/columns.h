// SPDX-License-Identifier: GPL-3.0-or-later
//
// The columns of each table of a session file, listed once: creating, writing, reading and checking a file are all
// made from columns(visitor, payload). A visitor is called with a name and a field, and with the number of values
// where the field is an enumeration or has a bound. FORMAT.md says what each column means.
#pragma once

#include <concepts>
#include <type_traits>

#include "telemetry/event.h"
#include "telemetry/store/store.h"

namespace pitwall::telemetry {

/// True of `Payload` and of `const Payload`: reading fills the one, writing looks at the other.
template <class Given, class Payload>
concept Is = std::same_as<std::remove_const_t<Given>, Payload>;

template <class Enum>
constexpr uint64_t values_up_to(Enum last) {
    return static_cast<uint64_t>(last) + 1;
}
template <class Enum>
constexpr uint64_t values_of() {
    return static_cast<uint64_t>(Enum::kCount);
}

template <class Visitor, Is<StepEvent> Payload>
void columns(Visitor& v, Payload& e) {
    v("step_id", e.step_id), v("duration_ns", e.duration_ns);
    v("plan_ns", e.plan_ns), v("sample_ns", e.sample_ns), v("commit_ns", e.commit_ns);
    v("prefill_tokens", e.prefill_tokens), v("recompute_tokens", e.recompute_tokens);
    v("decode_tokens", e.decode_tokens), v("draft_tokens", e.draft_tokens);
    v("cached_tokens", e.cached_tokens), v("budget_tokens", e.budget_tokens);
    v("running", e.running), v("waiting", e.waiting);
    v("blocks_held", e.blocks_held, kMaxBlocks + 1), v("blocks_cached", e.blocks_cached, kMaxBlocks + 1);
    v("blocks_free", e.blocks_free, kMaxBlocks + 1), v("slots_filled", e.slots_filled);
    v("flops", e.flops), v("execute_ns", e.execute_ns), v("bytes", e.bytes);
}

template <class Visitor, Is<StepMemberEvent> Payload>
void columns(Visitor& v, Payload& e) {
    v("step_id", e.step_id), v("request_id", e.request), v("work", e.work, values_of<WorkKind>());
    v("tokens", e.tokens), v("first_position", e.first_position), v("blocks", e.blocks);
}

template <class Visitor, Is<RequestEvent> Payload>
void columns(Visitor& v, Payload& e) {
    v("request_id", e.request), v("phase", e.phase, values_of<RequestPhase>());
    v("reason", e.reason, values_of<FinishReason>()), v("class", e.request_class),
        v("arrival_ns", e.arrival_ns);
    v("prompt_tokens", e.prompt_tokens), v("cached_tokens", e.cached_tokens);
    v("output_tokens", e.output_tokens), v("max_tokens", e.max_tokens);
    v("token", e.token), v("priority", e.priority), v("blocks", e.blocks);
    v("miss", e.miss, values_of<MissReason>()), v("step_id", e.step_id);
    v("origin", e.origin, values_of<TokenOrigin>());
}

template <class Visitor, Is<DraftEvent> Payload>
void columns(Visitor& v, Payload& e) {
    v("step_id", e.step_id), v("request_id", e.request), v("method", e.method, values_of<DraftMethod>());
    v("drafted", e.drafted), v("accepted", e.accepted), v("most", e.most), v("draft_ns", e.draft_ns);
}

template <class Visitor, Is<ProbeEvent> Payload>
void columns(Visitor& v, Payload& e) {
    v("request_id", e.request), v("dtype", e.dtype, values_of<KvDtype>());
    v("reference", e.reference, values_of<KvDtype>()), v("first_token", e.first_token);
    v("tokens", e.tokens), v("positions", e.positions), v("flips", e.flips);
    v("mean_kl", e.mean_kl), v("worst_kl", e.worst_kl), v("cost_ns", e.cost_ns);
}

template <class Visitor, Is<BlockEvent> Payload>
void columns(Visitor& v, Payload& e) {
    v("block", e.block, kMaxBlocks), v("request_id", e.request), v("phase", e.phase, values_of<BlockPhase>());
    v("state", e.state, values_of<BlockState>()), v("dtype", e.dtype, values_of<KvDtype>());
    v("owners", e.owners), v("filled_tokens", e.filled_tokens);
    v("table_index", e.table_index), v("source", e.source);
}

template <class Visitor, Is<CauseEvent> Payload>
void columns(Visitor& v, Payload& e) {
    v("request_id", e.request), v("cause", e.cause, values_of<Cause>());
    v("duration_ns", e.duration_ns), v("step_id", e.step_id);
}

template <class Visitor, Is<KnobEvent> Payload>
void columns(Visitor& v, Payload& e) {
    v("knob", e.knob, kMaxKnobs), v("value_kind", e.value_kind, values_up_to(ValueKind::kChoice));
    v("origin", e.origin, values_up_to(KnobOrigin::kEngine)),
        v("bound", e.bound, values_up_to(KnobBound::kUnavailable));
    v("old_value", e.old_value), v("asked_value", e.asked_value), v("effective_value", e.effective_value);
    v("pause_ns", e.pause_ns), v("step_id", e.step_id);
}

template <class Visitor, Is<DeviceEvent> Payload>
void columns(Visitor& v, Payload& e) {
    v("resident_bytes", e.resident_bytes), v("kv_bytes", e.kv_bytes), v("weight_bytes", e.weight_bytes);
    v("activation_bytes", e.activation_bytes), v("draft_bytes", e.draft_bytes);
    v("cpu_ns", e.cpu_ns), v("threads", e.threads);
}

template <class Visitor, Is<KernelsEvent> Payload>
void columns(Visitor& v, Payload& e) {
    v("step_id", e.step_id);
    auto& [product, attention, head, rowwise] = e.kinds;
    v("product_ns", product.ns), v("product_flops", product.flops), v("product_bytes", product.bytes);
    v("attention_ns", attention.ns), v("attention_flops", attention.flops),
        v("attention_bytes", attention.bytes);
    v("head_ns", head.ns), v("head_flops", head.flops), v("head_bytes", head.bytes);
    v("rowwise_ns", rowwise.ns), v("rowwise_flops", rowwise.flops), v("rowwise_bytes", rowwise.bytes);
}

template <class Visitor, Is<GpuEvent> Payload>
void columns(Visitor& v, Payload& e) {
    v("memory_used_bytes", e.memory_used_bytes), v("memory_total_bytes", e.memory_total_bytes);
    v("busy_percent", e.busy_percent), v("memory_busy_percent", e.memory_busy_percent);
    v("power_mw", e.power_mw), v("power_limit_mw", e.power_limit_mw);
    v("clock_mhz", e.clock_mhz), v("max_clock_mhz", e.max_clock_mhz);
    v("memory_clock_mhz", e.memory_clock_mhz), v("temperature_c", e.temperature_c);
    v("throttle_reasons", e.throttle_reasons);
    v("pcie_sent_bytes_s", e.pcie_sent_bytes_s), v("pcie_received_bytes_s", e.pcie_received_bytes_s);
}

template <class Visitor, Is<MarkEvent> Payload>
void columns(Visitor& v, Payload& e) {
    v("mark", e.mark, values_up_to(MarkKind::kDeviceLost));  // a jump is of a replay, never of a recording
    v("value", e.value);
}

// Keyframes: one table a part. `keyframe` holds where each begins and ends.

template <class Visitor, Is<KeyframeBegin> Payload>
void columns(Visitor& v, Payload& e) {
    v("keyframe_id", e.keyframe_id), v("num_blocks", e.num_blocks, kMaxBlocks + 1);
    v("block_tokens", e.block_tokens), v("requests", e.requests), v("bytes_per_block", e.bytes_per_block);
}

template <class Visitor, Is<KeyframeBlockRun> Payload>
void columns(Visitor& v, Payload& e) {
    v("first_block", e.first, kMaxBlocks), v("count", e.count, kMaxBlocks + 1), v("owner", e.owner);
    v("owners", e.owners), v("filled_tokens", e.filled_tokens), v("state", e.state, values_of<BlockState>());
    v("dtype", e.dtype, values_of<KvDtype>()), v("idle_ms", e.idle_ms);
}

template <class Visitor, Is<KeyframeRequest> Payload>
void columns(Visitor& v, Payload& e) {
    v("request_id", e.request), v("state", e.state, values_of<RequestState>()), v("class", e.request_class);
    v("arrival_ns", e.arrival_ns), v("admitted_ns", e.admitted_ns), v("first_token_ns", e.first_token_ns);
    v("last_token_ns", e.last_token_ns), v("prompt_tokens", e.prompt_tokens),
        v("cached_tokens", e.cached_tokens);
    v("output_tokens", e.output_tokens), v("max_tokens", e.max_tokens), v("blocks", e.blocks);
    v("preemptions", e.preemptions), v("priority", e.priority);
}

template <class Visitor, Is<KeyframeKnob> Payload>
void columns(Visitor& v, Payload& e) {
    v("knob", e.knob, kMaxKnobs), v("value_kind", e.value_kind, values_up_to(ValueKind::kChoice));
    v("bound", e.bound, values_up_to(KnobBound::kUnavailable));
    v("asked_value", e.asked_value), v("effective_value", e.effective_value);
}

template <class Visitor, Is<KeyframeCounters> Payload>
void columns(Visitor& v, Payload& e) {
    v("steps", e.steps), v("requests", e.requests), v("finished", e.finished),
        v("preemptions", e.preemptions);
    v("evictions", e.evictions), v("prompt_tokens", e.prompt_tokens), v("cached_tokens", e.cached_tokens);
    v("output_tokens", e.output_tokens), v("events", e.events);
    v("drafted_tokens", e.drafted_tokens), v("accepted_tokens", e.accepted_tokens);
}

}  // namespace pitwall::telemetry
