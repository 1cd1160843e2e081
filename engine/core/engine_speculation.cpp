// SPDX-License-Identifier: GPL-3.0-or-later
//
// Drafts: asked for between the decision and the plan, told of when the step that verified them is over.
#include <algorithm>
#include <utility>

#include "engine/core/engine_impl.h"

namespace pitwall::engine {

using namespace telemetry;
using presets::KnobId;

namespace {

constexpr uint32_t kDraftModelLostFact = 101;  ///< its number among the session's facts

}  // namespace

void Engine::Impl::publish_draft_model_lost() {
    if (draft_model_lost_.empty()) return;
    writer_.text(DictionaryKind::kSession, kDraftModelLostFact, "draft_model_lost=" + draft_model_lost_);
}

/// What a drafter has learnt goes with it, and what was learnt of it: the next one begins anew, and one that is off keeps
/// no memory. Gives the choice in force then.
double Engine::Impl::change_drafter(double choice, Bounded& bounded) {
    const auto method = static_cast<DraftMethod>(choice);
    draft_model_lost_.clear();
    if (method == draft_method_) return choice;
    auto drafter = drafters_(method);
    if (!drafter.ok()) {
        bounded = {KnobBound::kUnavailable, drafter.error().text()};
        const double before = effective_.get(KnobId::kSpeculativeMethod);
        const double in_force = before == choice ? 0 : before;
        asked_.set(KnobId::kSpeculativeMethod, in_force);
        return in_force;
    }
    draft_method_ = method;
    drafter_ = std::move(drafter).value();
    draft_length_ = drafter_ ? std::make_unique<DraftLength>() : nullptr;
    unbooked_draft_ns_ = 0;
    return choice;
}

/// Nothing is lost but time: the answers go on as they would have been. What was asked for stays asked for, and is not to
/// be had: keyframes say so until the knob is turned.
void Engine::Impl::lose_broken_drafter() {
    if (!drafter_) return;
    drafter_->poll();
    const Status status = drafter_->status();
    if (status.ok()) return;
    // With the engine's own device: it comes back with that.
    if (const Status device = executor_->status(); !device.ok()) return replace_device(device.error());
    stamp();
    lose_drafter(status.error().text());
}

void Engine::Impl::lose_drafter(std::string why) {
    const double before = effective_.get(KnobId::kSpeculativeMethod);
    Bounded lost{KnobBound::kUnavailable, std::move(why)};
    apply_knob(KnobId::kSpeculativeMethod, static_cast<double>(DraftMethod::kNone), lost);
    asked_.set(KnobId::kSpeculativeMethod, before);
    draft_model_lost_ = std::move(lost.reason);
    publish_draft_model_lost();
    publish_knob(KnobId::kSpeculativeMethod, before, before, KnobBound::kUnavailable, KnobOrigin::kEngine, 0);
}

void Engine::Impl::draft(Proposal& proposal, InFlight& step) {
    step.draft_begin_ns = step.draft_end_ns = step.start_ns;
    if (!drafter_ || proposal.draft_tokens == 0) return;
    step.draft_begin_ns = clock_.now_ns();
    drafted_.clear();
    if (BatchDrafter* together = drafter_->batch())
        draft_together(*together, proposal);
    else
        draft_apart(proposal);
    take_drafts(proposal);
    step.draft_end_ns = clock_.now_ns();
}

/// Looking drafts up is nearly free: how many are worth it is chosen when it is known how sure they are.
void Engine::Impl::draft_apart(Proposal& proposal) {
    for (Proposal::Share& share : proposal.running) {
        if (share.draft_room == 0) continue;
        const int64_t begin_ns = clock_.now_ns();
        take_down_drafts(share, proposal.draft_limit(share, share.draft_room));
        share.draft_ns = clock_.now_ns() - begin_ns;
    }
    if (effective_.boolean(KnobId::kSpeculativeAdaptive) && !drafted_.empty()) choose_draft_lengths(proposal);
}

/// Computing them is not: how many are worth it is chosen before.
void Engine::Impl::draft_together(BatchDrafter& drafter, Proposal& proposal) {
    const int64_t begin_ns = clock_.now_ns();
    asks_.clear();
    for (const Proposal::Share& share : proposal.running)
        if (share.draft_room > 0) ask_for_drafts(proposal, share);
    choose_asks(drafter, proposal);
    keep_asks_within(proposal.draft_tokens);
    drafter.prepare(asks_);  // also where nobody asks: it counts steps
    if (asks_.empty()) return;
    for (const DraftPass& pass : drafter.passes()) draft_length_->pass_took(pass.rows, pass.ns);
    auto ask = asks_.begin();
    for (Proposal::Share& share : proposal.running) {
        if (ask == asks_.end() || ask->request != share.sequence->id) continue;
        take_down_drafts(share, ask->most);
        ++ask;
    }
    share_draft_time(proposal, clock_.now_ns() - begin_ns);
}

/// Nothing is computed that the step has no room to verify.
void Engine::Impl::keep_asks_within(uint32_t tokens) {
    for (DraftAsk& ask : asks_) {
        ask.most = std::min(ask.most, tokens);
        tokens -= ask.most;
    }
    std::erase_if(asks_, [](const DraftAsk& ask) { return ask.most == 0 && ask.reads == 0; });
}

/// In equal parts to those that have drafts; what went by while texts were only read waits for the first of them.
void Engine::Impl::share_draft_time(Proposal& proposal, int64_t took_ns) {
    unbooked_draft_ns_ += took_ns;
    const auto drafted = std::ranges::count_if(proposal.running, [](const auto& s) { return s.drafts > 0; });
    if (drafted == 0) return;
    const int64_t each_ns = std::exchange(unbooked_draft_ns_, 0) / drafted;
    for (Proposal::Share& share : proposal.running)
        if (share.drafts > 0) share.draft_ns = each_ns;
}

void Engine::Impl::ask_for_drafts(const Proposal& proposal, const Proposal::Share& share) {
    const LiveRequest& r = live(*share.sequence);
    asks_.push_back({.request = r.id,
                     .tokens = r.tokens,
                     .most = proposal.draft_limit(share, share.draft_room),
                     .sampling = r.sampling,
                     .banned = banned_for(r),
                     .banned_before = banned_before(r)});
}

/// How many drafts of each, and who reads what of its text for those to come.
void Engine::Impl::choose_asks(const BatchDrafter& drafter, const Proposal& proposal) {
    if (drafter.weight_bytes() == 0) return asks_.clear();  // it is still being loaded
    candidates_.clear();
    for (const DraftAsk& ask : asks_) candidates_.push_back(candidate_of(drafter, ask));
    DraftLength::Step step = step_without_drafts(proposal);
    step.computes = true;
    step.weight_share =
        static_cast<double>(drafter.weight_bytes()) / static_cast<double>(executor_->weight_bytes());
    if (effective_.boolean(KnobId::kSpeculativeAdaptive))
        draft_length_->choose(step, candidates_);
    else
        draft_length_->choose_most(step, candidates_);
    for (size_t i = 0; i < asks_.size(); ++i) {
        asks_[i].most = candidates_[i].chosen;
        asks_[i].reads = candidates_[i].reads;
    }
}

DraftLength::Candidate Engine::Impl::candidate_of(const BatchDrafter& drafter, const DraftAsk& ask) const {
    const std::optional<uint32_t> behind = drafter.behind(ask.request, ask.tokens);
    if (!behind) return {.request = ask.request};
    const LiveRequest& r = *requests_.at(raw(ask.request));
    return {.request = ask.request,
            .most = ask.most,
            .behind = *behind,
            .to_come = std::max(1u, r.max_tokens - r.answered_tokens)};
}

/// A drafter is not trusted with more than it was asked for, nor with tokens that there are not.
void Engine::Impl::take_down_drafts(Proposal::Share& share, uint32_t most) {
    const size_t first = drafted_.size();
    share.strength = drafter_->draft(share.sequence->id, share.sequence->tokens, most, drafted_);
    drafted_.resize(std::min(drafted_.size(), first + most));
    const auto vocab = static_cast<TokenId>(executor_->vocab_size());
    const auto wrong = std::find_if(drafted_.begin() + static_cast<ptrdiff_t>(first), drafted_.end(),
                                    [&](TokenId token) { return token < 0 || token >= vocab; });
    drafted_.erase(wrong, drafted_.end());
    share.drafts = static_cast<uint32_t>(drafted_.size() - first);
}

DraftLength::Step Engine::Impl::step_without_drafts(const Proposal& proposal) const {
    DraftLength::Step step{
        .rows = proposal.used, .decodes_only = proposal.admissions.empty(), .room = proposal.draft_tokens};
    for (const Proposal::Share& share : proposal.running) {
        step.tokens += share.tokens == share.sequence->pending();
        step.decodes_only &= share.tokens == 1;
    }
    return step;
}

void Engine::Impl::choose_draft_lengths(Proposal& proposal) {
    candidates_.clear();
    for (const Proposal::Share& share : proposal.running)
        if (share.drafts > 0) candidates_.push_back({share.sequence->id, share.strength, share.drafts});
    draft_length_->choose(step_without_drafts(proposal), candidates_);
    auto candidate = candidates_.begin();
    for (Proposal::Share& share : proposal.running)
        if (share.drafts > 0) share.chosen_drafts = candidate++->chosen;
}

/// As many of each as were chosen, while there is budget and room for them.
void Engine::Impl::take_drafts(Proposal& proposal) {
    auto next = drafted_.begin();
    for (Proposal::Share& share : proposal.running) {
        const auto end = next + share.drafts;
        const uint32_t taken = proposal.draft_limit(share, std::min(share.drafts, share.chosen_drafts));
        proposal.drafts.insert(proposal.drafts.end(), next, next + taken);
        if (share.drafts > 0) proposal.give_drafts(share, taken);
        next = end;
    }
}

/// Lengths are chosen for steps that decode, and so learnt from those.
void Engine::Impl::learn_from(const InFlight& step, const StepPhases& phases) {
    if (!draft_length_ || !step.plan.copies.empty()) return;
    const int64_t took_ns = step.event.duration_ns - (step.draft_end_ns - step.draft_begin_ns);
    if (phases.prefill_tokens == 0)
        draft_length_->step_took(phases.tokens, took_ns);
    else
        draft_length_->prefill_took(phases.tokens, took_ns);
}

void Engine::Impl::publish_drafts(const InFlight& step) {
    for (const ScheduledSlice& slice : step.slices) {
        if (slice.drafts == 0) continue;
        counters_.drafted_tokens += slice.drafts;
        counters_.accepted_tokens += slice.accepted;
        DraftEvent e{};
        e.step_id = step.event.step_id;
        e.request = slice.sequence->id;
        e.method = draft_method_;
        e.drafted = slice.drafts;
        e.accepted = slice.accepted;
        e.most = slice.draft_room;
        e.draft_ns = slice.draft_ns;
        writer_.draft(e);
        if (draft_length_) draft_length_->verified(e.request, slice.draft_strength, e.drafted, e.accepted);
    }
}

}  // namespace pitwall::engine
