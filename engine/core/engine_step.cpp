// SPDX-License-Identifier: GPL-3.0-or-later
//
// The first half of a step: decide, write the plan down, hand it over.
#include <algorithm>
#include <cassert>

#include "engine/core/engine_impl.h"

namespace pitwall::engine {

using namespace telemetry;

namespace {

WorkKind kind_of_last(const LiveRequest& r, const ScheduledSlice& slice) {
    const uint32_t end = slice.first_position + slice.tokens;
    if (slice.drafts > 0) return WorkKind::kDraft;
    if (end <= r.high_water) return WorkKind::kRecompute;
    return end <= r.prompt_tokens ? WorkKind::kPrefill : WorkKind::kDecode;
}

}  // namespace

bool Engine::Impl::step() {
    if (paused_ && !single_step_) return false;
    const uint64_t steps_before = steps_;
    if (drafter_) drain();  // a draft goes on from the last token, so that one has to be known
    lose_broken_drafter();
    expire(clock_.now_ns());
    shrink_further();
    if (!has_work()) {
        single_step_ = false;           // it was asked for now, not for whatever comes next
        return steps_ != steps_before;  // what was in flight may have been the last of it
    }
    follow_history();
    int64_t start_ns = stamp();
    const bool single = paused_;
    if (single) {
        end_pause(start_ns);
        writer_.mark(MarkKind::kSingleStep, 0);
        single_step_ = false;
    }

    Proposal proposal = scheduler_.propose();
    if (!proposal.victims.empty() && !in_flight_.empty()) {
        // Who is preempted gives up blocks and position, so nothing of it may be under way: decide again when it is not.
        drain();
        start_ns = stamp();
        proposal = scheduler_.propose();
    }
    if (!proposal.empty()) submit_step(proposal, start_ns);
    // Single steps leave nothing in flight, so that what is looked at is what was done.
    const size_t leave = proposal.empty() || single ? 0 : executor_->depth() - 1;
    while (in_flight_.size() > leave) collect_step();
    probe_between_steps(clock_.now_ns() - start_ns);
    replace_if_lost();
    if (single) begin_pause(stamp());
    return true;
}

void Engine::Impl::submit_step(Proposal& proposal, int64_t start_ns) {
    book_overtaken(start_ns);
    book_admissions(proposal, start_ns);
    const uint64_t step_id = steps_submitted_;
    writer_.set_step(step_id);
    for (Sequence* victim : proposal.victims) book_standing(live(*victim), start_ns);

    InFlight step;
    step.start_ns = start_ns;
    draft(proposal, step);
    // Of what it decided nothing was done yet.
    if (!executor_->status().ok()) return;
    step.slices = scheduler_.apply(proposal, step.plan.copies);
    wait_log_.set(start_ns, scheduler_.waiting().empty() ? Cause::kScheduling : proposal.waiting_cause);
    publish_schedule(proposal, step.slices);
    if (step.slices.empty()) return;

    step.event.step_id = step_id;
    step.event.budget_tokens = proposal.budget;
    step.plan.id = StepId{step_id};
    ++steps_submitted_;
    in_flight_.push_back(std::move(step));
    InFlight& kept = in_flight_.back();
    build_plan(kept);
    // Before it is handed over: a device of depth 1 may compute all of it in there. Drafting is told apart.
    const int64_t plan_ns = clock_.now_ns() - start_ns - (kept.draft_end_ns - kept.draft_begin_ns);
    kept.event.plan_ns = static_cast<uint32_t>(std::clamp<int64_t>(plan_ns, 0, UINT32_MAX));
    kept.ticket = executor_->submit(kept.plan);
    // The samples' places are taken now; a second plan may already count on them.
    for (const ScheduledSlice& slice : kept.slices)
        if (slice.samples > 0) slice.sequence->tokens.push_back(kPlaceholderToken);
}

/// Waiting, and being preempted, end at the start of the step that admits. Who is passed over by a later arrival waits for policy's sake.
void Engine::Impl::book_admissions(const Proposal& proposal, int64_t start_ns) {
    std::pair<int64_t, uint32_t> newest{-1, 0};
    for (const Proposal::Admission& admission : proposal.admissions) {
        LiveRequest& r = live(*admission.sequence);
        book_standing(r, start_ns);
        newest = std::max(newest, std::pair(r.arrival_ns, raw(r.id)));
        r.overtaken = true;  // marks it as chosen for the loop below
    }
    const bool may_overtake =
        scheduler_.waiting().policy() != SchedulingPolicy::kFcfs && !proposal.admissions.empty();
    if (may_overtake) {
        for (const WaitingQueue::Entry& entry : scheduler_.waiting().order()) {
            LiveRequest& r = live(*entry.sequence);
            if (r.overtaken || r.state != SequenceState::kWaiting ||
                std::pair(r.arrival_ns, raw(r.id)) > newest)
                continue;
            book_waiting(r, start_ns);
            overtaken_.push_back(&r);
        }
    }
    for (const Proposal::Admission& admission : proposal.admissions)
        live(*admission.sequence).overtaken = false;
    for (LiveRequest* r : overtaken_) r->overtaken = true;
}

void Engine::Impl::publish_schedule(const Proposal& proposal, const std::vector<ScheduledSlice>& slices) {
    for (Sequence* victim : proposal.victims) {
        ++counters_.preemptions;
        writer_.request(live(*victim), RequestPhase::kPreempted);
    }
    for (const ScheduledSlice& slice : slices) {
        if (!slice.first_time && !slice.resumed) continue;
        LiveRequest& r = live(*slice.sequence);
        if (slice.first_time) {
            r.miss = slice.miss;
            counters_.cached_tokens += slice.cached_tokens;
        }
        writer_.request(r, slice.first_time ? RequestPhase::kScheduled : RequestPhase::kResumed);
    }
}

/// No end token before its time, or none at all: see SequenceSlice.
std::span<const TokenId> Engine::Impl::banned_for(const LiveRequest& r) const {
    const bool banned = r.ignore_eos || r.answered_tokens < r.min_tokens;
    return banned ? std::span<const TokenId>(end_tokens_) : std::span<const TokenId>();
}

uint32_t Engine::Impl::banned_before(const LiveRequest& r) {
    return r.ignore_eos ? UINT32_MAX : r.prompt_tokens + r.min_tokens;
}

void Engine::Impl::build_plan(InFlight& step) {
    step.plan.slices.reserve(step.slices.size());
    for (const ScheduledSlice& slice : step.slices) {
        const LiveRequest& r = live(*slice.sequence);
        const std::span<const TokenId> tokens(r.tokens);
        const uint32_t end = slice.first_position + slice.tokens;
        assert(r.tokens.capacity() > end || slice.samples == 0);
        SequenceSlice part;
        part.request = r.id;
        part.work = kind_of_last(r, slice);
        part.tokens = tokens.subspan(slice.first_position, slice.tokens);
        part.first_position = slice.first_position;
        part.block_table = std::span(r.block_table).first(Sequence::blocks_for(end));
        part.samples = slice.samples;
        part.sampling = r.sampling;
        part.history = tokens.first(end);
        if (slice.samples > 0) part.banned = banned_for(r);
        part.banned_before = banned_before(r);
        step.plan.slices.push_back(part);
        if (slice.first_time) step.event.cached_tokens += slice.cached_tokens;
    }
}

}  // namespace pitwall::engine
