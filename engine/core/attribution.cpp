// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/core/attribution.h"

namespace pitwall::engine {

void Timeline::book(Cause cause, int64_t until_ns, uint64_t step_id, CauseSink& sink) {
    if (until_ns <= until_ns_) return;
    if (cause != cause_ || start_ns_ == until_ns_) {
        publish(sink);
        cause_ = cause;
        step_id_ = step_id;
    }
    until_ns_ = until_ns;
}

void Timeline::publish(CauseSink& sink) {
    if (start_ns_ == until_ns_) return;
    sink.on_cause(request_, cause_, start_ns_, until_ns_ - start_ns_, step_id_);
    start_ns_ = until_ns_;
    told_any_ = true;
}

void Timeline::close(CauseSink& sink) {
    publish(sink);
    if (!told_any_) sink.on_cause(request_, cause_, start_ns_, 0, step_id_);
    told_any_ = true;
}

void WaitLog::set(int64_t t_ns, Cause cause) {
    if (changes_.back().cause == cause) return;
    if (changes_.back().start_ns >= t_ns)
        changes_.back().cause = cause;
    else
        changes_.push_back({t_ns, cause});
}

void WaitLog::replay(Timeline& timeline, int64_t until_ns, uint64_t step_id, CauseSink& sink) const {
    const auto after = std::upper_bound(changes_.begin(), changes_.end(), timeline.accounted_until_ns(),
                                        [](int64_t t, const Change& change) { return t < change.start_ns; });
    auto at = after == changes_.begin() ? after : after - 1;
    for (; at != changes_.end() && timeline.accounted_until_ns() < until_ns; ++at) {
        const auto next = at + 1;
        timeline.book(at->cause, next == changes_.end() ? until_ns : std::min(until_ns, next->start_ns),
                      step_id, sink);
    }
}

StepPhases StepPhases::backwards(int64_t start_ns, int64_t end_ns, int64_t copy_length_ns,
                                 int64_t execute_length_ns, int64_t sample_length_ns) {
    StepPhases phases;
    phases.start_ns = start_ns;
    phases.end_ns = end_ns;
    phases.sample_ns = std::max(start_ns, end_ns - std::max<int64_t>(0, sample_length_ns));
    phases.execute_ns = std::max(start_ns, phases.sample_ns - std::max<int64_t>(0, execute_length_ns));
    phases.copy_ns = std::max(start_ns, phases.execute_ns - std::max<int64_t>(0, copy_length_ns));
    return phases;
}

int64_t StepPhases::boundary_ns(uint32_t token_count) const {
    if (tokens == 0) return sample_ns;
    const int64_t length = sample_ns - execute_ns, whole = length / tokens, rest = length % tokens;
    return execute_ns + whole * token_count + rest * token_count / tokens;
}

void StepPhases::book_member(Timeline& timeline, uint32_t own_prefill_tokens, uint64_t step_id,
                             CauseSink& sink) const {
    timeline.book(Cause::kScheduling, std::min(draft_begin_ns, copy_ns), step_id, sink);
    timeline.book(Cause::kSpeculation, std::min(draft_end_ns, copy_ns), step_id, sink);
    timeline.book(Cause::kScheduling, copy_ns, step_id, sink);
    timeline.book(Cause::kKvMove, execute_ns, step_id, sink);
    timeline.book(Cause::kPrefillOwn, boundary_ns(own_prefill_tokens), step_id, sink);
    timeline.book(Cause::kPrefillOthers, boundary_ns(prefill_tokens), step_id, sink);
    timeline.book(Cause::kDecode, boundary_ns(tokens - rejected_tokens), step_id, sink);
    timeline.book(Cause::kSpeculation, sample_ns, step_id, sink);
    timeline.book(Cause::kSampling, end_ns, step_id, sink);
}

}  // namespace pitwall::engine
