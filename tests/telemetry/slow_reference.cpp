// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/telemetry/slow_reference.h"

#include <algorithm>
#include <cmath>

namespace pitwall::telemetry::testing {

namespace {

void take_request(SlowSession& s, const Event& event) {
    const RequestEvent& e = event.request;
    SlowRequest& r = s.requests[raw(e.request)];
    r.arrival_ns = e.arrival_ns;
    r.prompt_tokens = e.prompt_tokens;
    r.cached_tokens = e.cached_tokens;
    r.output_tokens = e.output_tokens;
    r.request_class = e.request_class;
    if (e.phase == RequestPhase::kAdmitted) r.admitted_ns = event.t_ns;
    if (e.phase == RequestPhase::kScheduled && r.scheduled_ns < 0) r.scheduled_ns = event.t_ns;
    if (e.phase == RequestPhase::kFirstToken) r.first_token_ns = event.t_ns;
    if (e.phase == RequestPhase::kFirstToken || e.phase == RequestPhase::kToken)
        r.tokens.emplace_back(e.token, event.t_ns);
    if (e.phase == RequestPhase::kPreempted) ++r.preemptions;
    if (e.reason != FinishReason::kNone) {
        r.reason = e.reason;
        r.end_ns = event.t_ns;
    }
}

void take_cause(SlowSession& s, const Event& event) {
    SlowRequest& r = s.requests[raw(event.cause.request)];
    r.cause_ns[static_cast<size_t>(event.cause.cause)] += event.cause.duration_ns;
    if (event.cause.cause == Cause::kPaused) r.pauses.emplace_back(event.t_ns, event.cause.duration_ns);
}

}  // namespace

SlowSession slow_session(const std::vector<Event>& events) {
    SlowSession s;
    s.first_ns = events.empty() ? 0 : events.front().t_ns;
    for (const Event& event : events) {
        s.last_ns =
            std::max(s.last_ns, event.t_ns + (event.kind == EventKind::kStep ? event.step.duration_ns : 0));
        switch (event.kind) {
            case EventKind::kRequest:
                take_request(s, event);
                break;
            case EventKind::kCause:
                take_cause(s, event);
                break;
            case EventKind::kStep:
                s.steps.push_back(event);
                break;
            case EventKind::kStepMember:
                s.members[event.member.step_id].push_back(event.member);
                break;
            case EventKind::kKnob:
                s.knobs.push_back(event);
                break;
            case EventKind::kBlock:
                s.blocks[raw(event.block.block)] = {event.block.state, event.block.filled_tokens};
                if (event.block.phase == BlockPhase::kEvicted) s.evictions.push_back(event);
                break;
            case EventKind::kDictionary: {
                const DictionaryEvent& e = event.dictionary;
                std::string& text = s.texts[{static_cast<int>(e.dictionary), e.id}];
                if (e.offset == 0) text.clear();
                text.append(e.bytes, e.length);
                break;
            }
            default:
                break;
        }
    }
    return s;
}

double slow_quantile(std::vector<double> samples, double q) {
    std::sort(samples.begin(), samples.end());
    const long double h = static_cast<long double>(samples.size() - 1) * static_cast<long double>(q);
    const auto below = static_cast<size_t>(std::floor(h)), above = static_cast<size_t>(std::ceil(h));
    const long double weight = h - std::floor(h);
    return static_cast<double>(samples[below] * (1 - weight) + samples[above] * weight);
}

}  // namespace pitwall::telemetry::testing
