// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/summary/session_summary.h"

#include <algorithm>
#include <limits>

namespace pitwall::telemetry {

namespace {

double ratio(double part, double whole) {
    return whole > 0 ? part / whole : std::numeric_limits<double>::quiet_NaN();
}
constexpr uint64_t text_key(DictionaryKind kind, uint32_t id) {
    return static_cast<uint64_t>(kind) << 32 | id;
}

void count_end(SummaryFigures& figures, FinishReason reason) {
    switch (reason) {
        case FinishReason::kStop:
            ++figures.stopped;
            break;
        case FinishReason::kLength:
            ++figures.length;
            break;
        case FinishReason::kRejected:
            ++figures.rejected;
            break;
        case FinishReason::kCancelled:
            ++figures.cancelled;
            break;
        case FinishReason::kTimeout:
            ++figures.timed_out;
            break;
        case FinishReason::kFailed:
            ++figures.failed;
            break;
        case FinishReason::kNone:
        case FinishReason::kCount:
            break;
    }
}

}  // namespace

void SessionSummary::apply(std::span<const Event> events) {
    for (const Event& event : events) {
        if (!begun_) first_ns_ = last_ns_ = event.t_ns;
        begun_ = true;
        last_ns_ = std::max(last_ns_, event.t_ns);
        switch (event.kind) {
            case EventKind::kDictionary:
                apply_dictionary(event.dictionary);
                break;
            case EventKind::kKeyframe:
                apply_keyframe(event.keyframe);
                break;
            case EventKind::kStep:
                last_ns_ = std::max(last_ns_, event.t_ns + event.step.duration_ns);
                figures_.steps.add(event.step, block_tokens_);
                break;
            case EventKind::kRequest:
                apply_request(event);
                break;
            case EventKind::kBlock:
                figures_.evictions += event.block.phase == BlockPhase::kEvicted;
                break;
            case EventKind::kCause:
                apply_cause(event);
                break;
            case EventKind::kKnob:
                apply_knob(event.knob);
                break;
            case EventKind::kMark:
                apply_mark(event.mark);
                break;
            case EventKind::kDraft:
                ++figures_.drafted_steps;
                figures_.drafted_tokens += event.draft.drafted;
                figures_.accepted_tokens += event.draft.accepted;
                break;
            case EventKind::kStepMember:
            case EventKind::kDevice:
            case EventKind::kProbe:
            case EventKind::kKernels:
            case EventKind::kGpu:
            case EventKind::kCount:
                break;
        }
    }
}

// ------------------------------------------------------------------------------------------------ requests

void SessionSummary::apply_request(const Event& event) {
    const RequestEvent& e = event.request;
    const auto [found, fresh] = live_.try_emplace(e.request);
    Live& live = found->second;
    figures_.requests += fresh;
    live.times.arrival_ns = e.arrival_ns;
    live.times.output_tokens = e.output_tokens;
    live.prompt_tokens = e.prompt_tokens;
    live.cached_tokens = e.cached_tokens;
    switch (e.phase) {
        case RequestPhase::kScheduled:
            live.scheduled = true;
            break;
        case RequestPhase::kFirstToken:
            live.times.first_token_ns = live.times.last_token_ns = event.t_ns;
            ttft_ns_.push_back(*ttft_ns(live.times));
            break;
        case RequestPhase::kToken:
            live.times.last_token_ns = event.t_ns;
            figures_.speculated_tokens += e.origin != TokenOrigin::kPlain;
            break;
        case RequestPhase::kPreempted:
            ++figures_.preemptions;
            break;
        case RequestPhase::kRejected:
        case RequestPhase::kCancelled:
        case RequestPhase::kFinished:
        case RequestPhase::kFailed:
        case RequestPhase::kTimedOut:
            live.times.reason = e.reason;
            live.times.end_ns = event.t_ns;
            end_request(live);
            live_.erase(found);
            break;
        case RequestPhase::kArrived:
        case RequestPhase::kAdmitted:
        case RequestPhase::kResumed:
        case RequestPhase::kCount:
            break;
    }
}

void SessionSummary::end_request(const Live& live) {
    add_tokens(figures_, live);
    count_end(figures_, live.times.reason);
    figures_.good += is_good(live.times, slo_);
    if (const auto tpot = tpot_ns(live.times)) tpot_ns_.push_back(*tpot);
    if (const auto e2e = e2e_ns(live.times)) e2e_ns_.push_back(*e2e);
}

void SessionSummary::add_tokens(SummaryFigures& figures, const Live& live) {
    figures.prompt_tokens += live.prompt_tokens;
    figures.output_tokens +=
        live.times.output_tokens - std::min(live.output_before, live.times.output_tokens);
    if (!live.scheduled) return;
    ++figures.admissions;
    figures.admitted_prompt_tokens += live.prompt_tokens;
    figures.cached_tokens += live.cached_tokens;
}

void SessionSummary::apply_cause(const Event& event) {
    const CauseEvent& e = event.cause;
    if (e.cause >= Cause::kCount) return;
    figures_.cause_ns[static_cast<size_t>(e.cause)] += e.duration_ns;
    if (e.cause != Cause::kPaused) return;
    const auto found = live_.find(e.request);
    if (found == live_.end()) return;
    RequestTimes& times = found->second.times;
    times.paused_ns += e.duration_ns;
    if (times.first_token_ns < 0 || event.t_ns < times.first_token_ns)
        times.paused_before_first_token_ns += e.duration_ns;
}

/// Requests that were there before the first event: a recording that began in the middle.
void SessionSummary::apply_keyframe(const KeyframeEvent& e) {
    if (e.part == KeyframePart::kBegin && e.begin.block_tokens > 0) block_tokens_ = e.begin.block_tokens;
    if (e.part == KeyframePart::kKnob) knobs_[e.knob.knob] = e.knob.effective_value;
    if (e.part == KeyframePart::kEnd) read_objectives();
    if (e.part != KeyframePart::kRequest) return;
    const auto [found, fresh] = live_.try_emplace(e.request.request);
    if (!fresh) return;
    ++figures_.requests;
    Live& live = found->second;
    live.times.arrival_ns = e.request.arrival_ns;
    live.times.first_token_ns = e.request.first_token_ns;
    live.times.last_token_ns = e.request.last_token_ns;
    live.times.output_tokens = live.output_before = e.request.output_tokens;
    live.prompt_tokens = e.request.prompt_tokens;
    live.cached_tokens = e.request.cached_tokens;
}

// ------------------------------------------------------------------------------------------------ the rest

void SessionSummary::apply_dictionary(const DictionaryEvent& e) {
    if (e.dictionary != DictionaryKind::kSession && e.dictionary != DictionaryKind::kKnobName) return;
    if (e.length > DictionaryEvent::kPieceBytes || e.total_bytes > kMaxTextBytes) return;
    std::string& text = texts_[text_key(e.dictionary, e.id)];
    if (e.offset == 0) text.clear();
    if (e.offset != text.size()) return;
    text.append(e.bytes, e.length);
    if (text.size() != e.total_bytes || e.dictionary != DictionaryKind::kSession) return;
    const size_t equals = std::min(text.find('='), text.size());
    facts_[text.substr(0, equals)] = equals < text.size() ? text.substr(equals + 1) : std::string();
}

double SessionSummary::knob_value(std::string_view name) const {
    for (const auto& [knob, value] : knobs_) {
        const auto text = texts_.find(text_key(DictionaryKind::kKnobName, knob));
        if (text != texts_.end() && text->second == name) return value;
    }
    return 0;
}

void SessionSummary::apply_knob(const KnobEvent& e) {
    knobs_[e.knob] = e.effective_value;
    figures_.knob_changes += e.origin != KnobOrigin::kStart;
    read_objectives();
}

void SessionSummary::read_objectives() {
    slo_ = {knob_value("ttft_slo_ms") * 1e6, knob_value("tpot_slo_ms") * 1e6};
}

void SessionSummary::apply_mark(const MarkEvent& e) {
    if (e.mark == MarkKind::kGap && e.value > 0) figures_.dropped_events += static_cast<uint64_t>(e.value);
    if (e.mark == MarkKind::kSessionEnd) figures_.complete = true;
}

SummaryFigures SessionSummary::figures() const {
    SummaryFigures f = figures_;
    for (const auto& [id, live] : live_) add_tokens(f, live);
    f.unfinished = live_.size();
    f.finished = f.stopped + f.length;
    f.duration_ns = last_ns_ - first_ns_;
    const double seconds = static_cast<double>(f.duration_ns) * 1e-9;
    f.output_tokens_per_s = ratio(static_cast<double>(f.output_tokens), seconds);
    f.prefill_tokens_per_s = ratio(static_cast<double>(f.steps.prefill_tokens), seconds);
    f.requests_per_s = ratio(static_cast<double>(f.finished), seconds);
    f.goodput_per_s = ratio(static_cast<double>(f.good), seconds);
    const uint64_t errors = f.rejected + f.timed_out + f.failed;
    f.good_fraction = ratio(static_cast<double>(f.good), static_cast<double>(f.finished + errors));
    f.hit_rate = ratio(static_cast<double>(f.cached_tokens), static_cast<double>(f.admitted_prompt_tokens));
    f.acceptance_rate = ratio(static_cast<double>(f.accepted_tokens), static_cast<double>(f.drafted_tokens));
    f.tokens_per_drafted_step =
        ratio(static_cast<double>(f.speculated_tokens), static_cast<double>(f.drafted_steps));
    f.slo = slo_;
    std::vector<double> ttft = ttft_ns_, tpot = tpot_ns_, e2e = e2e_ns_;
    f.ttft_ns = percentiles(ttft);
    f.tpot_ns = percentiles(tpot);
    f.e2e_ns = percentiles(e2e);
    return f;
}

}  // namespace pitwall::telemetry
