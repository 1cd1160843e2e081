// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where a request's time went: every nanosecond from its arrival to its end belongs to exactly one cause.
//
// A request has an account: all time up to `accounted_until` is booked. Each booking goes from there to a later
// moment, so that gaps and overlaps cannot be written down, and none is computed as a remainder. Equal neighbours merge;
// a cause is published when the next one begins, at a keyframe and at the request's end.
//
// The rules, in the order of a request's life:
//
//  1. arrival -> taken in by the engine: kDelivery.
//  2. Waiting, never run: what the scheduler's last decision said of those left waiting, from that step's start
//     to the next one's: kWaitCapacity (no seat, no blocks, or somebody was preempted), kWaitBudget (the step's token
//     budget was used up), kWaitPolicy (static batching holds the door shut, or, for this request alone, somebody who came
//     later was admitted in that step). Before the first decision: what was last said of others, or kScheduling.
//  3. Running, between the end of one step's delivery and the start of the device's work in the next: kScheduling
//     (committing, publishing, the quality probe, commands, planning, handing the plan over), but for the stretch in which drafts were made,
//     for whichever member: kSpeculation.
//  4. Running and in the step. The device's work ends at T, when its results are collected, and is, going back from T:
//     sampling, execution E, copies. Time before the copies is as in rule 3; the copies are kKvMove; sampling is kSampling.
//     E is divided by token share. Of the step's n tokens, let o be this request's own prefill, p all prefill and recompute
//     (o included), r the drafts of all members that came to nothing: the sampler picked otherwise, or the answer ended
//     before. Then, from the start of E, with floor(E * x / n) for each boundary:
//         [0, o) kPrefillOwn, [o, p) kPrefillOthers, [p, n - r) kDecode (its own or, while it prefills, the others';
//         accepted drafts are decodes that came early), [n - r, n) kSpeculation.
//     Boundaries are cumulative, so that the parts tile E exactly.
//  5. Running but not in the step: kNotInStep from the step's start to T.
//  6. Handing tokens out after T: kDelivery, for those that got one. Tokens and ends are stamped T.
//  7. Preempted: kPreempted, from the step that preempted it to the T of the step in which its recompute catches up.
//  8. Paused: kPaused, for everybody, whatever else would hold. The recorder being full: kRecorder, likewise, unless paused.
//  9. Resizing the pool, or converting it, between steps: kKvMove for those running.
// 10. Another device being made ready in place of one that was lost: kRestart, for everybody, unless paused. Those that ran
//     are preempted at its beginning, which is the end of what they had.
//
// With two plans in flight the same rules hold for the step being collected; what was booked stays booked.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "telemetry/base/ids.h"
#include "telemetry/event.h"

namespace pitwall::engine {

using telemetry::Cause;
using telemetry::MissReason;

class CauseSink {
  public:
    virtual ~CauseSink() = default;
    virtual void on_cause(RequestId request, Cause cause, int64_t start_ns, int64_t duration_ns,
                          uint64_t step_id) = 0;
};

/// One request's account.
class Timeline {
  public:
    Timeline(RequestId request, int64_t arrival_ns)
        : request_(request), start_ns_(arrival_ns), until_ns_(arrival_ns) {}

    int64_t accounted_until_ns() const { return until_ns_; }
    /// Everything from the last booking to `until_ns` went to `cause`. Earlier moments book nothing.
    void book(Cause cause, int64_t until_ns, uint64_t step_id, CauseSink& sink);
    /// Publishes what is booked and not yet told.
    void publish(CauseSink& sink);
    /// The same at the request's end: one that took no time at all still gets one cause, of length 0.
    void close(CauseSink& sink);

  private:
    RequestId request_;
    Cause cause_ = Cause::kDelivery;
    bool told_any_ = false;
    int64_t start_ns_, until_ns_;  ///< of the open cause
    uint64_t step_id_ = 0;
};

/// What those who wait wait for, as one list of changes for all of them: a long queue costs a step nothing.
class WaitLog {
  public:
    void set(int64_t t_ns, Cause cause);
    Cause current() const { return changes_.back().cause; }
    size_t size() const { return changes_.size(); }
    /// Books everything since the account's last booking up to `until_ns`.
    void replay(Timeline& timeline, int64_t until_ns, uint64_t step_id, CauseSink& sink) const;
    /// Drops all but the present; the caller has replayed it for everybody.
    void trim() { changes_.erase(changes_.begin(), changes_.end() - 1); }

  private:
    struct Change {
        int64_t start_ns;
        Cause cause;
    };
    std::vector<Change> changes_{{0, Cause::kScheduling}};
};

/// The device's part of a step, as rule 4 cuts it.
struct StepPhases {
    /// Moments; each phase begins at its own.
    int64_t start_ns = 0, copy_ns = 0, execute_ns = 0, sample_ns = 0, end_ns = 0;
    int64_t draft_begin_ns = 0, draft_end_ns = 0;  ///< before the copies
    uint32_t prefill_tokens = 0, tokens = 0;       ///< prefill and recompute; all
    uint32_t rejected_tokens = 0;                  ///< drafts that came to nothing

    /// The lengths, counted back from `end_ns`; never before `start_ns`, whatever the executor says.
    static StepPhases backwards(int64_t start_ns, int64_t end_ns, int64_t copy_length_ns,
                                int64_t execute_length_ns, int64_t sample_length_ns);
    /// Where the first `token_count` tokens' share of the execution ends.
    int64_t boundary_ns(uint32_t token_count) const;
    void book_member(Timeline& timeline, uint32_t own_prefill_tokens, uint64_t step_id,
                     CauseSink& sink) const;
};

}  // namespace pitwall::engine
