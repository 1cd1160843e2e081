// SPDX-License-Identifier: GPL-3.0-or-later
//
// The deciding half of the scheduler: nothing here changes a sequence or a block.
#include <algorithm>
#include <limits>
#include <unordered_map>

#include "engine/sched/scheduler.h"

namespace pitwall::engine {

Proposal Scheduler::propose() {
    Proposal proposal;
    proposal.budget = settings_.max_num_batched_tokens;
    proposal.admission_open = admission_open();
    if (waiting_.policy() == SchedulingPolicy::kLongestPrefix && settings_.enable_prefix_caching)
        waiting_.refresh_prefixes([this](Sequence& s) { return kv_.match(s.tokens, true).tokens(); });
    if (propose_lone(proposal)) return proposal;
    select_running(proposal);
    make_room(proposal);
    admit(proposal);
    leave_room_for_drafts(proposal);
    if (!proposal.empty() || !last_was_lone_) return proposal;
    last_was_lone_ = false;  // nobody wanted the step in between
    return propose();
}

uint32_t Scheduler::chunk_for(uint32_t pending, uint32_t left) const {
    if (!settings_.enable_chunked_prefill) return pending <= left ? pending : 0;
    const uint32_t cap = settings_.long_prefill_token_threshold;
    return std::min({pending, left, cap > 0 ? cap : std::numeric_limits<uint32_t>::max()});
}

std::vector<Sequence*> Scheduler::service_order(uint32_t budget) const {
    std::vector<Sequence*> order;
    order.reserve(running_.size());
    std::copy_if(running_.begin(), running_.end(), std::back_inserter(order),
                 [](Sequence* s) { return s->wants_tokens(); });
    if (order.size() <= budget)
        std::stable_partition(order.begin(), order.end(), [](Sequence* s) { return s->pending() == 1; });
    else
        std::stable_sort(order.begin(), order.end(),
                         [](Sequence* a, Sequence* b) { return a->last_served < b->last_served; });
    return order;
}

void Scheduler::select_running(Proposal& proposal) const {
    for (Sequence* s : service_order(proposal.budget)) {
        const uint32_t tokens = chunk_for(s->computable(), proposal.budget - proposal.used);
        if (tokens == 0) {
            proposal.blocked_by_budget = true;
            continue;
        }
        proposal.running.push_back({s, tokens, s->blocks_missing(s->computed + tokens)});
        proposal.used += tokens;
    }
}

Sequence* Scheduler::last_in_line(const std::vector<Sequence*>& spared) const {
    const bool by_priority = waiting_.policy() == SchedulingPolicy::kPriority;
    const auto key = [&](const Sequence* s) {
        return std::tuple(by_priority ? s->priority : 0, s->arrival_ns, raw(s->id));
    };
    Sequence* last = nullptr;
    for (Sequence* s : running_)
        if ((!last || key(s) > key(last)) && std::find(spared.begin(), spared.end(), s) == spared.end())
            last = s;
    return last;
}

void Scheduler::make_room(Proposal& proposal) const {
    uint32_t needed = 0, available = kv_.available();
    for (const Proposal::Share& share : proposal.running) needed += share.new_blocks;
    std::unordered_map<uint32_t, uint32_t> given_up;  // references that the victims so far let go of
    while (needed > available && proposal.victims.size() + 1 < running_.size()) {
        Sequence* victim = last_in_line(proposal.victims);
        for (const BlockId block : victim->block_table)
            available += ++given_up[raw(block)] == kv_.pool()[block].references;
        std::erase_if(proposal.running, [&](const Proposal::Share& share) {
            if (share.sequence != victim) return false;
            needed -= share.new_blocks;
            proposal.used -= share.tokens;
            return true;
        });
        proposal.victims.push_back(victim);
    }
    // Unreachable while every request fits the pool alone; a step is skipped rather than overbooked.
    if (needed > available) proposal.running.clear(), proposal.used = 0;
}

bool Scheduler::propose_lone(Proposal& proposal) {
    if (settings_.enable_chunked_prefill || last_was_lone_) return false;
    for (Sequence* s : running_) {
        if (!s->wants_tokens() || s->computable() <= proposal.budget) continue;
        proposal.running.push_back({s, s->computable(), s->blocks_missing(s->computed + s->computable())});
        proposal.used = s->computable();
        make_room(proposal);
        // Where it is itself the last in line, an ordinary step makes the room.
        proposal.lone = !proposal.running.empty();
        proposal.waiting_cause = proposal.victims.empty() ? Cause::kWaitBudget : Cause::kWaitCapacity;
        if (proposal.lone || !proposal.victims.empty()) return true;
    }
    if (waiting_.empty() || running_.size() >= settings_.max_num_seqs || !proposal.admission_open)
        return false;
    Proposal::Admission admission{};
    Sequence& head = *waiting_.order().begin()->sequence;
    if (!fits(head, room_for_admission(), admission) || admission.tokens <= proposal.budget) return false;
    proposal.used = admission.tokens;
    proposal.admissions.push_back(std::move(admission));
    proposal.lone = true;
    if (waiting_.size() > 1) proposal.waiting_cause = Cause::kWaitBudget;
    return true;
}

bool Scheduler::admission_open() const {
    if (settings_.batching == Batching::kContinuous || batch_open_) return true;
    return running_.empty() && preempted_.empty();
}

int64_t Scheduler::room_for_admission() const {
    int64_t room = kv_.available();
    for (const Sequence* s : running_) {
        room -= s->blocks_missing(s->length());
        room -= Sequence::blocks_for(s->length()) < s->most_blocks();
    }
    return room;
}

/// Fills in match, blocks and all tokens that are left; the chunk is the caller's business.
bool Scheduler::fits(Sequence& s, int64_t room, Proposal::Admission& admission) {
    for (const bool allow_copy : {true, false}) {
        admission.sequence = &s;
        admission.match = {};
        if (settings_.enable_prefix_caching && !s.replays_history)
            admission.match = kv_.match(s.tokens, allow_copy);
        admission.new_blocks =
            Sequence::blocks_for(s.length()) - static_cast<uint32_t>(admission.match.shared.size());
        admission.tokens = std::min(s.length(), s.hold_at) - admission.match.tokens();
        if (int64_t{admission.match.revived} + admission.new_blocks <= room) return true;
        if (admission.match.copy_source == kNoBlock) return false;
    }
    return false;
}

/// Who may be admitted, in order. While a static batch holds the door shut, those of the batch that were preempted.
std::vector<Sequence*> Scheduler::shut_door_line() const {
    std::vector<Sequence*> line;
    for (const WaitingQueue::Entry& entry : waiting_.order()) {
        if (line.size() == preempted_.size()) break;
        if (entry.sequence->state == SequenceState::kPreempted) line.push_back(entry.sequence);
    }
    return line;
}

void Scheduler::admit(Proposal& proposal) {
    if (!proposal.victims.empty()) {
        proposal.waiting_cause = Cause::kWaitCapacity;
        return;
    }
    AdmissionRoom left{room_for_admission(), running_.size()};
    if (!proposal.admission_open) {
        for (Sequence* s : shut_door_line())
            if (admit_one(*s, left, proposal) != Cause::kScheduling) break;
        proposal.waiting_cause = Cause::kWaitPolicy;
        return;
    }
    for (const WaitingQueue::Entry& entry : waiting_.order()) {
        proposal.waiting_cause = admit_one(*entry.sequence, left, proposal);
        if (proposal.waiting_cause != Cause::kScheduling) return;
    }
}

/// kScheduling: admitted. Otherwise what stands in the way.
Cause Scheduler::admit_one(Sequence& s, AdmissionRoom& room, Proposal& proposal) {
    if (room.seats_taken >= settings_.max_num_seqs) return Cause::kWaitCapacity;
    const uint32_t left = proposal.budget - std::min(proposal.used, proposal.budget);
    if (proposal.blocked_by_budget || left == 0) return Cause::kWaitBudget;
    Proposal::Admission admission{};
    if (!fits(s, room.blocks, admission)) return Cause::kWaitCapacity;
    const bool alone =
        proposal.used == 0 && admission.tokens > proposal.budget && !settings_.enable_chunked_prefill;
    admission.tokens = alone ? admission.tokens : chunk_for(admission.tokens, left);
    if (admission.tokens == 0) return Cause::kWaitBudget;
    room.blocks -= int64_t{admission.match.revived} + admission.new_blocks +
                   (Sequence::blocks_for(s.length()) < s.most_blocks());
    ++room.seats_taken;
    proposal.used += admission.tokens;
    proposal.lone = alone;
    proposal.admissions.push_back(std::move(admission));
    return Cause::kScheduling;
}

/// After everybody else: what they leave of the budget and of the blocks.
void Scheduler::leave_room_for_drafts(Proposal& proposal) const {
    if (settings_.num_speculative_tokens == 0 || !proposal.victims.empty()) return;
    proposal.draft_tokens = proposal.budget - std::min(proposal.used, proposal.budget);
    int64_t blocks = kv_.available();
    for (const Proposal::Share& share : proposal.running) blocks -= share.new_blocks;
    for (const Proposal::Admission& admission : proposal.admissions)
        blocks -= int64_t{admission.match.revived} + admission.new_blocks;
    proposal.draft_blocks = static_cast<uint32_t>(std::max<int64_t>(0, blocks));
    for (Proposal::Share& share : proposal.running) {
        const Sequence& s = *share.sequence;
        if (s.pending() != 1 || s.output_tokens() == 0 || s.plans_in_flight > 0) continue;
        if (s.replays_history) continue;  // it stops at given tokens
        // The token after the last draft has to be wanted too.
        const uint32_t wanted = s.max_tokens - s.output_tokens() - 1;
        share.draft_room = proposal.draft_limit(share, std::min(settings_.num_speculative_tokens, wanted));
    }
}

uint32_t Proposal::draft_limit(const Share& share, uint32_t wanted) const {
    const Sequence& s = *share.sequence;
    const uint32_t blocks = static_cast<uint32_t>(s.block_table.size()) + share.new_blocks + draft_blocks;
    const uint32_t slots = blocks * kBlockTokens - (s.computed + share.tokens);
    return std::min({wanted, draft_tokens, slots});
}

void Proposal::give_drafts(Share& share, uint32_t count) {
    share.drafts = count;
    draft_tokens -= count;
    draft_blocks -=
        share.sequence->blocks_missing(share.sequence->computed + share.tokens + count) - share.new_blocks;
}

}  // namespace pitwall::engine
