// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/telemetry/event_storm.h"

namespace pitwall::telemetry::testing {

namespace {
constexpr uint32_t kBlockTokens = 16;
}

void EventStorm::keyframe() {
    const auto part = [&](KeyframePart p) {
        Event event = make(EventKind::kKeyframe, now_ns_);
        event.keyframe.part = p;
        return event;
    };
    Event begin = part(KeyframePart::kBegin);
    begin.keyframe.begin = {++keyframes_, options_.num_blocks, kBlockTokens,
                            static_cast<uint32_t>(requests_.size()), 4096};
    sink_(begin);
    Event runs = part(KeyframePart::kBlocks);
    for (uint32_t i = 0; i < blocks_.size(); ++i) {
        KeyframeBlocks& b = runs.keyframe.blocks;
        const Block& block = blocks_[i];
        b.runs[b.used++] = {BlockId{i},
                            1,
                            block.owner,
                            static_cast<uint16_t>(block.state == BlockState::kHeld ? 1 : 0),
                            block.filled,
                            block.state,
                            KvDtype::kF16,
                            0,
                            3};
        if (b.used < KeyframeBlocks::kRuns && i + 1 < blocks_.size()) continue;
        sink_(runs);
        runs = part(KeyframePart::kBlocks);
    }
    for (const auto& [id, r] : requests_) {
        Event event = part(KeyframePart::kRequest);
        KeyframeRequest& e = event.keyframe.request;
        e.request = id;
        e.state = r.state == State::kPreempted ? RequestState::kPreempted
                  : r.state == State::kWaiting ? RequestState::kWaiting
                  : r.first_token_ns < 0       ? RequestState::kPrefill
                                               : RequestState::kDecode;
        e.request_class = r.facts.request_class;
        e.arrival_ns = r.facts.arrival_ns;
        e.admitted_ns = r.admitted_ns;
        e.first_token_ns = r.first_token_ns;
        e.last_token_ns = r.last_token_ns;
        e.prompt_tokens = r.facts.prompt_tokens;
        e.cached_tokens = r.facts.cached_tokens;
        e.output_tokens = r.facts.output_tokens;
        e.max_tokens = r.facts.max_tokens;
        e.blocks = static_cast<uint32_t>(r.table.size());
        e.preemptions = r.preemptions;
        e.priority = r.facts.priority;
        sink_(event);
    }
    for (uint16_t i = 0; i < knobs_.size(); ++i) {
        Event event = part(KeyframePart::kKnob);
        const ValueKind kinds[] = {ValueKind::kInteger, ValueKind::kBoolean, ValueKind::kChoice,
                                   ValueKind::kReal, ValueKind::kReal};
        event.keyframe.knob = {i, kinds[i], KnobBound::kNone, 0, knobs_[i], knobs_[i]};
        sink_(event);
    }
    Event counters = part(KeyframePart::kCounters);
    counters.keyframe.counters = counters_;
    sink_(counters);
    Event end = part(KeyframePart::kEnd);
    sink_(end);
}

}  // namespace pitwall::telemetry::testing
