// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/core/event_writer.h"

#include <algorithm>

namespace pitwall::engine {

using namespace telemetry;

void EventWriter::publish(Event& event, EventKind kind, int64_t t_ns) {
    event.kind = kind;
    event.t_ns = t_ns;
    producer_.publish(event);
    ++published_;
}

void EventWriter::text(DictionaryKind kind, uint32_t id, std::string_view text) {
    producer_.publish_text(kind, id, text, t_ns_);
    published_ +=
        std::max<size_t>(1, (text.size() + DictionaryEvent::kPieceBytes - 1) / DictionaryEvent::kPieceBytes);
}

void EventWriter::request(const LiveRequest& r, RequestPhase phase, FinishReason reason, TokenId token,
                          TokenOrigin origin) {
    Event event;
    event.request = {};
    RequestEvent& e = event.request;
    e.request = r.id;
    e.phase = phase;
    e.reason = reason;
    e.request_class = r.request_class;
    e.arrival_ns = r.arrival_ns;
    e.prompt_tokens = r.prompt_tokens;
    e.cached_tokens = r.cached_tokens;
    e.output_tokens = r.answered_tokens;
    e.max_tokens = r.max_tokens;
    e.token = token;
    e.priority = r.priority;
    e.blocks = static_cast<uint32_t>(r.block_table.size());
    e.miss = r.miss;
    e.origin = origin;
    e.step_id = step_id_;
    publish(event, EventKind::kRequest, t_ns_);
}

void EventWriter::member(uint64_t step_id, const Sequence& s, WorkKind work, uint32_t first_position,
                         uint32_t tokens) {
    if (tokens == 0) return;
    Event event;
    event.member = {};
    event.member.step_id = step_id;
    event.member.request = s.id;
    event.member.work = work;
    event.member.tokens = tokens;
    event.member.first_position = first_position;
    event.member.blocks = static_cast<uint32_t>(s.block_table.size());
    publish(event, EventKind::kStepMember, t_ns_);
}

void EventWriter::step(int64_t start_ns, const StepEvent& step) {
    Event event;
    event.step = step;
    publish(event, EventKind::kStep, start_ns);
}

void EventWriter::draft(const DraftEvent& draft) {
    Event event;
    event.draft = draft;
    publish(event, EventKind::kDraft, t_ns_);
}

void EventWriter::kernels(const KernelsEvent& kernels) {
    Event event;
    event.kernels = kernels;
    publish(event, EventKind::kKernels, t_ns_);
}

void EventWriter::knob(const KnobEvent& knob) {
    Event event;
    event.knob = knob;
    publish(event, EventKind::kKnob, t_ns_);
}

void EventWriter::probe(const ProbeEvent& probe) {
    Event event;
    event.probe = probe;
    publish(event, EventKind::kProbe, t_ns_);
}

void EventWriter::mark(MarkKind mark, int64_t value) {
    Event event;
    event.mark = {};
    event.mark.mark = mark;
    event.mark.value = value;
    publish(event, EventKind::kMark, t_ns_);
}

void EventWriter::keyframe(const KeyframeEvent& part) {
    Event event;
    event.keyframe = part;
    publish(event, EventKind::kKeyframe, t_ns_);
}

void EventWriter::on_block(const Change& change, const Block& now) {
    Event event;
    event.block = {};
    BlockEvent& e = event.block;
    e.block = change.block;
    e.request = change.request;
    e.phase = change.phase;
    e.state = now.state;
    e.dtype = kv_dtype_;
    e.owners = static_cast<uint16_t>(std::min<uint32_t>(now.references, UINT16_MAX));
    e.filled_tokens = now.filled_tokens;
    e.table_index = change.table_index;
    e.source = change.source;
    publish(event, EventKind::kBlock, t_ns_);
}

void EventWriter::on_cause(RequestId request, Cause cause, int64_t start_ns, int64_t duration_ns,
                           uint64_t step_id) {
    Event event;
    event.cause = {};
    event.cause.request = request;
    event.cause.cause = cause;
    event.cause.duration_ns = duration_ns;
    event.cause.step_id = step_id;
    publish(event, EventKind::kCause, start_ns);
}

}  // namespace pitwall::engine
