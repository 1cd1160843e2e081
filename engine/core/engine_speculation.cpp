// SPDX-License-Identifier: GPL-3.0-or-later
//
// Drafts: asked for between the decision and the plan, told of when the step that verified them is over.
#include <algorithm>

#include "engine/core/engine_impl.h"

namespace pitwall::engine {

using namespace telemetry;
using presets::KnobId;

/// What a drafter has learnt goes with it, and what was learnt of it: the next one begins anew, and one that is off keeps
/// no memory.
void Engine::Impl::change_drafter() {
    const auto method = static_cast<DraftMethod>(effective_.integer(KnobId::kSpeculativeMethod));
    if (method == draft_method_) return;
    draft_method_ = method;
    drafter_ = drafters_(method);
    draft_length_ = drafter_ ? std::make_unique<DraftLength>() : nullptr;
}

void Engine::Impl::draft(Proposal& proposal, InFlight& step) {
    step.draft_begin_ns = step.draft_end_ns = step.start_ns;
    if (!drafter_ || proposal.draft_tokens == 0) return;
    step.draft_begin_ns = clock_.now_ns();
    drafted_.clear();
    for (Proposal::Share& share : proposal.running)
        if (share.draft_room > 0) draft_for(proposal, share);
    if (effective_.boolean(KnobId::kSpeculativeAdaptive) && !drafted_.empty()) choose_draft_lengths(proposal);
    take_drafts(proposal);
    step.draft_end_ns = clock_.now_ns();
}

/// A drafter is not trusted with more than it was asked for, nor with tokens that there are not.
void Engine::Impl::draft_for(const Proposal& proposal, Proposal::Share& share) {
    const uint32_t most = proposal.draft_limit(share, share.draft_room);
    const int64_t begin_ns = clock_.now_ns();
    const size_t first = drafted_.size();
    share.strength = drafter_->draft(share.sequence->id, share.sequence->tokens, most, drafted_);
    drafted_.resize(std::min(drafted_.size(), first + most));
    const auto vocab = static_cast<TokenId>(executor_->vocab_size());
    const auto wrong = std::find_if(drafted_.begin() + static_cast<ptrdiff_t>(first), drafted_.end(),
                                    [&](TokenId token) { return token < 0 || token >= vocab; });
    drafted_.erase(wrong, drafted_.end());
    share.drafts = static_cast<uint32_t>(drafted_.size() - first);
    share.draft_ns = clock_.now_ns() - begin_ns;
}

void Engine::Impl::choose_draft_lengths(Proposal& proposal) {
    DraftLength::Step step{
        .rows = proposal.used, .decodes_only = proposal.admissions.empty(), .room = proposal.draft_tokens};
    candidates_.clear();
    for (const Proposal::Share& share : proposal.running) {
        step.tokens += share.tokens == share.sequence->pending();
        step.decodes_only &= share.tokens == 1;
        if (share.drafts > 0) candidates_.push_back({share.sequence->id, share.strength, share.drafts});
    }
    draft_length_->choose(step, candidates_);
    auto candidate = candidates_.begin();
    for (Proposal::Share& share : proposal.running)
        if (share.drafts > 0) share.draft_room = candidate++->chosen;
}

/// As many of each as were chosen, while there is budget and room for them.
void Engine::Impl::take_drafts(Proposal& proposal) {
    auto next = drafted_.begin();
    for (Proposal::Share& share : proposal.running) {
        const auto end = next + share.drafts;
        const uint32_t taken = proposal.draft_limit(share, std::min(share.drafts, share.draft_room));
        proposal.drafts.insert(proposal.drafts.end(), next, next + taken);
        if (share.drafts > 0) proposal.give_drafts(share, taken);
        next = end;
    }
}

/// Lengths are chosen for steps that decode, and so learnt from those.
void Engine::Impl::learn_from(const InFlight& step, const StepPhases& phases) {
    if (draft_length_ && phases.prefill_tokens == 0 && step.plan.copies.empty())
        draft_length_->step_took(phases.tokens, step.event.duration_ns);
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
