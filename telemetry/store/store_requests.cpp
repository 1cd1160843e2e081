// SPDX-License-Identifier: GPL-3.0-or-later
//
// Requests, and where their time went.
#include "telemetry/store/row_bytes.h"
#include "telemetry/store/store.h"

namespace pitwall::telemetry {

namespace {
/// What every event of a request tells.
void take_counts(RequestRow& row, const RequestEvent& e) {
    row.request_class = e.request_class;
    row.priority = e.priority;
    row.arrival_ns = e.arrival_ns;
    row.prompt_tokens = e.prompt_tokens;
    row.cached_tokens = e.cached_tokens;
    row.output_tokens = e.output_tokens;
    row.max_tokens = e.max_tokens;
    row.blocks = e.blocks;
}
}  // namespace

RequestRow& Store::request_row(RequestId id) {
    const auto [found, fresh] = requests_.try_emplace(id);
    if (fresh) {
        found->second.id = id;
        active_.emplace(id, &found->second);  // a node of a map stays where it is
        rows_bytes_ += row_bytes();
    }
    return found->second;
}

const RequestRow* Store::find_request(RequestId id) const {
    const auto found = requests_.find(id);
    return found == requests_.end() ? nullptr : &found->second;
}

void Store::apply_request(const Event& event) {
    const RequestEvent& e = event.request;
    if (e.request == kNoRequest) return;
    RequestRow& row = request_row(e.request);
    if (row.ended()) return;
    take_counts(row, e);
    apply_phase(row, event);
}

void Store::apply_phase(RequestRow& row, const Event& event) {
    const RequestEvent& e = event.request;
    switch (e.phase) {
        case RequestPhase::kArrived:
            row.state = RequestState::kWaiting;
            return;
        case RequestPhase::kAdmitted:
            row.admitted_ns = event.t_ns;
            return;
        case RequestPhase::kScheduled:
            if (row.scheduled_ns < 0) row.scheduled_ns = event.t_ns;
            row.miss = e.miss;
            row.state = RequestState::kPrefill;
            return;
        case RequestPhase::kFirstToken:
            row.first_token_ns = event.t_ns;
            [[fallthrough]];
        case RequestPhase::kToken: {
            const size_t before = token_bytes(row.tokens.size());
            const bool known = e.origin < TokenOrigin::kCount;
            row.tokens.push_back({e.token, known ? e.origin : TokenOrigin::kPlain, event.t_ns});
            rows_bytes_ += token_bytes(row.tokens.size()) - before;
            row.last_token_ns = event.t_ns;
            row.state = RequestState::kDecode;
            return;
        }
        case RequestPhase::kPreempted:
            ++row.preemptions;
            row.state = RequestState::kPreempted;
            tables_.erase(row.id);
            return;
        case RequestPhase::kResumed:
            row.state = RequestState::kPrefill;
            return;
        case RequestPhase::kRejected:
        case RequestPhase::kCancelled:
        case RequestPhase::kFinished:
        case RequestPhase::kFailed:
        case RequestPhase::kTimedOut:
            return end_request(row, event.t_ns, e.reason);
        case RequestPhase::kCount:
            return;
    }
}

void Store::end_request(RequestRow& row, int64_t t_ns, FinishReason reason) {
    row.end_ns = t_ns;
    row.finish_reason = reason;
    row.state = RequestState::kEnded;
    row.error = text(DictionaryKind::kError, raw(row.id));
    tables_.erase(row.id);
    note_ended(row);
}

void Store::note_ended(const RequestRow& row) {
    active_.erase(row.id);
    ended_.push_back({now_ns_, &row});
    longest_ns_ = std::max(longest_ns_, now_ns_ - std::max<int64_t>(row.arrival_ns, 0));
}

void Store::apply_cause(const Event& event) {
    const CauseEvent& e = event.cause;
    if (e.request == kNoRequest || e.cause >= Cause::kCount) return;
    RequestRow& row = request_row(e.request);
    row.cause_ns[static_cast<size_t>(e.cause)] += e.duration_ns;
    const bool before_first_token = row.first_token_ns < 0 || event.t_ns < row.first_token_ns;
    if (e.cause == Cause::kPaused && before_first_token) row.paused_before_first_token_ns += e.duration_ns;
}

}  // namespace pitwall::telemetry
