// SPDX-License-Identifier: GPL-3.0-or-later
//
// Drafts: asked for between the decision and the plan, told of when the step that verified them is over.
#include <algorithm>

#include "engine/core/engine_impl.h"

namespace pitwall::engine {

using namespace telemetry;
using presets::KnobId;

/// What a drafter has learnt goes with it: the next one begins anew, and one that is off keeps no memory.
void Engine::Impl::change_drafter() {
    const auto method = static_cast<DraftMethod>(effective_.integer(KnobId::kSpeculativeMethod));
    if (method == draft_method_) return;
    draft_method_ = method;
    drafter_ = drafters_(method);
}

void Engine::Impl::draft(Proposal& proposal, InFlight& step) {
    step.draft_begin_ns = step.draft_end_ns = step.start_ns;
    if (!drafter_ || proposal.draft_tokens == 0) return;
    step.draft_begin_ns = clock_.now_ns();
    for (Proposal::Share& share : proposal.running)
        if (share.draft_room > 0) draft_for(proposal, share);
    step.draft_end_ns = clock_.now_ns();
}

/// A drafter is not trusted with more than it was asked for, nor with tokens that there are not.
void Engine::Impl::draft_for(Proposal& proposal, Proposal::Share& share) {
    const uint32_t most = proposal.draft_limit(share, share.draft_room);
    if (most == 0) return;
    const int64_t begin_ns = clock_.now_ns();
    const size_t first = proposal.drafts.size();
    drafter_->draft(share.sequence->id, share.sequence->tokens, most, proposal.drafts);
    proposal.drafts.resize(std::min(proposal.drafts.size(), first + most));
    const auto vocab = static_cast<TokenId>(executor_->vocab_size());
    const auto wrong =
        std::find_if(proposal.drafts.begin() + static_cast<ptrdiff_t>(first), proposal.drafts.end(),
                     [&](TokenId token) { return token < 0 || token >= vocab; });
    proposal.drafts.erase(wrong, proposal.drafts.end());
    proposal.give_drafts(share, static_cast<uint32_t>(proposal.drafts.size() - first));
    share.draft_ns = clock_.now_ns() - begin_ns;
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
    }
}

}  // namespace pitwall::engine
