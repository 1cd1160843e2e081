// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/panels/support/told.h"

#include <algorithm>
#include <cstring>

namespace pitwall::testing {

using namespace telemetry;

namespace {

Event event_of(EventKind kind, int64_t t_ms) {
    Event event;
    event.kind = kind;
    event.t_ns = t_ms * kMs;
    return event;
}

}  // namespace

Told::Told() {
    for (const presets::KnobSpec& spec : presets::knob_table()) {
        text(DictionaryKind::kKnobName, static_cast<uint32_t>(spec.id), spec.name);
        start(spec.id, spec.default_value);
    }
}

void Told::text(DictionaryKind kind, uint32_t id, std::string_view text) {
    Event event = event_of(EventKind::kDictionary, 0);
    event.dictionary = {};
    event.dictionary.dictionary = kind;
    event.dictionary.id = id;
    event.dictionary.length = uint8_t(std::min(text.size(), DictionaryEvent::kPieceBytes));
    event.dictionary.total_bytes = event.dictionary.length;
    std::memcpy(event.dictionary.bytes, text.data(), event.dictionary.length);
    tell(event);
}

void Told::start(presets::KnobId id, double value) { knob(0, id, 0, value, {.origin = KnobOrigin::kStart}); }

void Told::knob(int64_t t_ms, presets::KnobId id, double old_value, double value, Change change) {
    Event event = event_of(EventKind::kKnob, t_ms);
    event.knob = {};
    event.knob.knob = static_cast<uint16_t>(id);
    event.knob.origin = change.origin;
    event.knob.bound = change.bound;
    event.knob.old_value = old_value;
    event.knob.effective_value = value;
    event.knob.asked_value = change.asked.value_or(value);
    event.knob.pause_ns = change.pause_ns;
    tell(event);
}

RequestId Told::request(const Request& r) {
    const RequestId id{next_request_++};
    RequestEvent said{};
    said.request = id;
    said.arrival_ns = r.arrival_ms * kMs;
    said.prompt_tokens = r.prompt;
    said.max_tokens = 512;
    said.token = -1;
    const auto say = [&](RequestPhase phase, int64_t t_ns) {
        Event event = event_of(EventKind::kRequest, 0);
        event.t_ns = t_ns;
        said.phase = phase;
        event.request = said;
        tell(event);
    };
    say(RequestPhase::kArrived, said.arrival_ns);
    if (r.scheduled_ms < 0) return id;
    said.cached_tokens = r.cached;
    said.miss = r.miss;
    say(RequestPhase::kScheduled, r.scheduled_ms * kMs);
    if (r.first_token_ms < 0) return id;
    const int64_t last_ms = r.end_ms < 0 ? r.first_token_ms : r.end_ms;
    for (uint32_t i = 0; i < r.output; ++i) {
        said.output_tokens = i + 1;
        const double share = r.output > 1 ? double(i) / (r.output - 1) : 0;
        say(i == 0 ? RequestPhase::kFirstToken : RequestPhase::kToken,
            int64_t((double(r.first_token_ms) + share * double(last_ms - r.first_token_ms)) * double(kMs)));
    }
    if (r.end_ms < 0) return id;
    said.reason = r.reason;
    say(RequestPhase::kFinished, r.end_ms * kMs);
    return id;
}

RequestId Told::with_latency(int64_t end_ms, double ttft_ms, double tpot_ms) {
    const auto first = end_ms - int64_t(tpot_ms), arrival = first - int64_t(ttft_ms);
    return request(
        {.arrival_ms = arrival, .scheduled_ms = arrival, .first_token_ms = first, .end_ms = end_ms});
}

void Told::release(int64_t t_ms) {
    std::ranges::stable_sort(held_, {}, &Event::t_ns);
    const auto end = std::ranges::lower_bound(held_, t_ms * kMs, {}, &Event::t_ns);
    store.apply({held_.begin(), end});
    held_.erase(held_.begin(), end);
}

void Told::step(int64_t t_ms, const Step& s) {
    Event event = event_of(EventKind::kStep, t_ms);
    event.step = {};
    event.step.step_id = next_step_++;
    event.step.prefill_tokens = s.prefill;
    event.step.decode_tokens = s.decode;
    event.step.running = s.running;
    event.step.waiting = s.waiting;
    event.step.blocks_free = 64;
    tell(event);
}

void Told::part(int64_t t_ms, const KeyframeEvent& part) {
    Event event = event_of(EventKind::kKeyframe, t_ms);
    event.keyframe = part;
    tell(event);
}

void Told::keyframe(int64_t t_ms, uint64_t steps) {
    KeyframeEvent counters{};
    counters.part = KeyframePart::kCounters;
    counters.counters = {};
    counters.counters.steps = steps;
    part(t_ms, {});
    part(t_ms, counters);
    counters.part = KeyframePart::kEnd;
    part(t_ms, counters);
}

void Told::keyframe(int64_t t_ms, const KeyframeKnob& knob) {
    KeyframeEvent frame{};
    part(t_ms, frame);
    frame.part = KeyframePart::kKnob;
    frame.knob = knob;
    part(t_ms, frame);
    frame.part = KeyframePart::kEnd;
    part(t_ms, frame);
}

void Told::evicted(int64_t t_ms, uint32_t blocks) {
    for (uint32_t i = 0; i < blocks; ++i) {
        Event event = event_of(EventKind::kBlock, t_ms);
        event.block = {};
        event.block.block = BlockId{i % 64};
        event.block.phase = BlockPhase::kEvicted;
        event.block.source = kNoBlock;
        tell(event);
    }
}

void Told::mark(int64_t t_ms, MarkKind mark, int64_t value) {
    Event event = event_of(EventKind::kMark, t_ms);
    event.mark = {mark, {}, value};
    tell(event);
}

}  // namespace pitwall::testing
