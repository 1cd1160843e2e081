// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/sched/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace pitwall::engine {

void Scheduler::enqueue(Sequence& sequence) { waiting_.insert(sequence); }

std::vector<ScheduledSlice> Scheduler::apply(const Proposal& proposal, std::vector<BlockCopy>& copies) {
    for (Sequence* victim : proposal.victims) preempt(*victim);
    std::vector<ScheduledSlice> slices;
    slices.reserve(proposal.running.size() + proposal.admissions.size());
    auto drafts = proposal.drafts.begin();
    for (const Proposal::Share& share : proposal.running) {
        slices.push_back({.sequence = share.sequence,
                          .tokens = share.tokens + share.drafts,
                          .drafts = share.drafts,
                          .draft_room = share.draft_room,
                          .draft_strength = share.strength,
                          .draft_ns = share.draft_ns});
        share.sequence->tokens.insert(share.sequence->tokens.end(), drafts, drafts + share.drafts);
        drafts += share.drafts;
    }
    // What was found in the cache is taken before anything is allocated, which may evict.
    for (const Proposal::Admission& admission : proposal.admissions) {
        kv_.share(admission.sequence->id, admission.match.shared, 0);
        if (admission.match.copy_source != kNoBlock)
            kv_.pin(admission.sequence->id, admission.match.copy_source,
                    static_cast<uint32_t>(admission.match.shared.size()));
    }
    for (const Proposal::Admission& admission : proposal.admissions) {
        slices.push_back({.sequence = admission.sequence, .tokens = admission.tokens});
        start(admission, slices.back(), copies);
    }
    for (ScheduledSlice& slice : slices) {
        Sequence& s = *slice.sequence;
        slice.first_position = s.computed;
        s.computed += slice.tokens;
        slice.samples = s.computed == s.length() ? 1 + slice.drafts : 0;
        s.last_served = ++served_;
        ++s.plans_in_flight;
        while (s.block_table.size() < Sequence::blocks_for(s.computed))
            s.block_table.push_back(kv_.allocate(s.id, static_cast<uint32_t>(s.block_table.size())));
    }
    batch_open_ = settings_.batching == Batching::kStatic && proposal.admission_open &&
                  proposal.waiting_cause == Cause::kWaitBudget;
    last_was_lone_ = proposal.lone;
    return slices;
}

void Scheduler::start(const Proposal::Admission& admission, ScheduledSlice& slice,
                      std::vector<BlockCopy>& copies) {
    Sequence& s = *admission.sequence;
    const PrefixMatch& match = admission.match;
    waiting_.erase(s);
    std::erase(preempted_, &s);
    slice.first_time = !s.scheduled_once;
    slice.resumed = s.scheduled_once;
    slice.cached_tokens = match.tokens();
    slice.miss = settings_.enable_prefix_caching ? match.miss : MissReason::kDisabled;
    s.block_table.reserve(s.most_blocks());  // plans in flight point into it
    s.block_table.assign(match.shared.begin(), match.shared.end());
    if (match.copy_source != kNoBlock) {
        const auto index = static_cast<uint32_t>(s.block_table.size());
        const BlockId target = kv_.allocate(s.id, index);
        kv_.note_copied(s.id, match.copy_source, target, match.copy_tokens, index);
        s.block_table.push_back(target);
        copies.push_back({match.copy_source, target, match.copy_tokens});
        slice.pinned = match.copy_source;
    }
    s.computed = s.committed = match.tokens();
    s.numerics.inherit(match.epochs);
    s.lineage = match.lineage;
    s.lineage_blocks = static_cast<uint32_t>(match.shared.size());
    if (slice.first_time) s.cached_tokens = match.tokens();
    s.scheduled_once = true;
    s.state = SequenceState::kRunning;
    running_.push_back(&s);
}

void Scheduler::commit(const ScheduledSlice& slice) {
    Sequence& s = *slice.sequence;
    if (slice.rejected > 0) cut_off_rejected(slice);
    const uint32_t end = slice.first_position + slice.tokens - slice.rejected;
    s.committed = end;
    for (uint32_t index = slice.first_position / kBlockTokens; index < Sequence::blocks_for(end); ++index)
        kv_.fill(s.id, s.block_table[index], std::min(kBlockTokens, end - index * kBlockTokens), index);
    s.numerics.computed(slice.first_position, kv_.epochs().current());
    if (settings_.enable_prefix_caching) remember_blocks(s);
}

void Scheduler::remember_blocks(Sequence& s) {
    for (; s.lineage_blocks < s.committed / kBlockTokens; ++s.lineage_blocks) {
        const uint32_t begin = s.lineage_blocks * kBlockTokens;
        s.lineage = kv_.remember(s.block_table[s.lineage_blocks], s.lineage,
                                 std::span<const TokenId>(s.tokens).subspan(begin, kBlockTokens),
                                 spans_between(s.numerics.spans(), begin, begin + kBlockTokens));
    }
}

/// The token after the last that was accepted stays: it is the sampler's own.
void Scheduler::cut_off_rejected(const ScheduledSlice& slice) {
    Sequence& s = *slice.sequence;
    assert(s.plans_in_flight == 1 && slice.rejected < slice.tokens);
    s.computed = slice.first_position + slice.tokens - slice.rejected;
    s.tokens.resize(size_t{s.computed} + 1);
    const uint32_t blocks = Sequence::blocks_for(s.computed);
    kv_.release(s.id, std::span(s.block_table).subspan(blocks), blocks);
    s.block_table.resize(blocks);
}

void Scheduler::end_step(const ScheduledSlice& slice) {
    Sequence& s = *slice.sequence;
    --s.plans_in_flight;
    if (slice.pinned != kNoBlock) kv_.unpin(s.id, slice.pinned, slice.first_position / kBlockTokens);
}

void Scheduler::remove(Sequence& sequence) {
    if (sequence.state == SequenceState::kRunning) std::erase(running_, &sequence);
    if (sequence.state == SequenceState::kPreempted) std::erase(preempted_, &sequence);
    waiting_.erase(sequence);
    sequence.state = SequenceState::kEnded;
    if (sequence.plans_in_flight == 0) release(sequence);
}

void Scheduler::release(Sequence& sequence) {
    kv_.release(sequence.id, sequence.block_table);
    sequence.block_table.clear();
}

Sequence* Scheduler::preempt_last() {
    Sequence* victim = last_in_line({});
    if (victim) preempt(*victim);
    return victim;
}

void Scheduler::preempt(Sequence& s) {
    assert(s.plans_in_flight == 0 && s.computed == s.committed);
    release(s);
    s.numerics.drop(s.length(), s.committed, kv_.epochs());
    s.high_water = std::max(s.high_water, s.committed);
    s.computed = s.committed = 0;
    ++s.preemptions;
    std::erase(running_, &s);
    s.state = SequenceState::kPreempted;
    preempted_.push_back(&s);
    waiting_.insert(s);
}

Status Scheduler::check_integrity(const std::vector<Sequence*>& zombies,
                                  const std::vector<BlockId>& pins) const {
    std::vector<std::span<const BlockId>> tables;
    for (const Sequence* s : running_) {
        if (s->state != SequenceState::kRunning || waiting_.contains(*s))
            return Error{fmt::format("request {} runs, but its state says otherwise", raw(s->id)), ""};
        if (s->committed > s->computed || s->computed > s->length() ||
            s->block_table.size() != Sequence::blocks_for(s->computed))
            return Error{fmt::format("request {} has {} tokens, {} computed, {} blocks", raw(s->id),
                                     s->length(), s->computed, s->block_table.size()),
                         ""};
        tables.emplace_back(s->block_table);
    }
    for (const WaitingQueue::Entry& entry : waiting_.order()) {
        const Sequence& s = *entry.sequence;
        const bool listed = std::find(preempted_.begin(), preempted_.end(), &s) != preempted_.end();
        if (!s.block_table.empty() || s.computed != 0 || listed != (s.state == SequenceState::kPreempted))
            return Error{fmt::format("request {} waits, but holds blocks or is in a wrong state", raw(s.id)),
                         ""};
    }
    for (const Sequence* s : zombies) tables.emplace_back(s->block_table);
    return kv_.check_integrity(tables, pins);
}

}  // namespace pitwall::engine
