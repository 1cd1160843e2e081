// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/core/event_audit.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pitwall::engine::test {

using namespace telemetry;

void EventAudit::add(std::span<const Event> events) {
    for (const Event& e : events) {
        ASSERT_GT(e.seq, last_seq_);
        last_seq_ = e.seq;
        switch (e.kind) {
            case EventKind::kRequest:
                request(e);
                break;
            case EventKind::kCause:
                cause(e);
                break;
            case EventKind::kBlock:
                block(e.block);
                break;
            case EventKind::kStepMember:
                members_[e.member.step_id][e.member.work] += e.member.tokens;
                break;
            case EventKind::kStep:
                step(e.step);
                break;
            case EventKind::kKeyframe:
                keyframe(e.keyframe);
                break;
            case EventKind::kDraft:
                draft(e.draft);
                break;
            default:
                break;
        }
        if (testing::Test::HasFatalFailure()) return;
    }
}

void EventAudit::request(const Event& e) {
    const RequestEvent& r = e.request;
    if (r.phase == RequestPhase::kArrived) {
        ASSERT_FALSE(accounts_.contains(r.request));
        accounts_[r.request].until_ns = r.arrival_ns;
    }
    ASSERT_TRUE(accounts_.contains(r.request));
    Account& account = accounts_[r.request];
    ASSERT_FALSE(account.ended) << "request " << raw(r.request) << " goes on after its end";
    ASSERT_LE(r.arrival_ns, e.t_ns);
    if (r.phase == RequestPhase::kFirstToken || r.phase == RequestPhase::kToken) {
        ++tokens_;
        ASSERT_EQ(r.phase == RequestPhase::kFirstToken, account.tokens == 0);
        ASSERT_EQ(r.output_tokens, ++account.tokens);
        auto& given = given_[{r.step_id, r.request}];
        ASSERT_TRUE(given.empty() || given.back() == TokenOrigin::kAccepted)
            << "a token after the sampler's own";
        given.push_back(r.origin);
    }
    if (r.reason == FinishReason::kNone) return;
    ASSERT_EQ(account.until_ns, e.t_ns)
        << "request " << raw(r.request) << ": its causes do not reach its end";
    account.ended = true;
}

void EventAudit::cause(const Event& e) {
    Account& account = accounts_[e.cause.request];
    ASSERT_FALSE(account.ended) << "request " << raw(e.cause.request) << " has a cause after its end";
    ASSERT_EQ(e.t_ns, account.until_ns)
        << "request " << raw(e.cause.request) << ", cause " << int(e.cause.cause);
    ASSERT_GE(e.cause.duration_ns, 0);
    account.until_ns += e.cause.duration_ns;
    causes_.insert(e.cause.cause);
}

void EventAudit::block(const BlockEvent& e) {
    ASSERT_LT(raw(e.block), blocks_.size());
    ASSERT_EQ(e.state == BlockState::kHeld, e.owners > 0);
    if (e.phase == BlockPhase::kAllocated) {
        ASSERT_EQ(blocks_[raw(e.block)].state, BlockState::kFree);
    }
    moved_ += e.phase == BlockPhase::kMoved;
    blocks_[raw(e.block)] = {e.state, e.owners, e.filled_tokens};
}

/// The tokens that a step gave a sequence, by their origin, are what its drafts came to.
void EventAudit::draft(const DraftEvent& e) {
    ASSERT_GT(e.drafted, 0u);
    ASSERT_LE(e.drafted, e.most);
    ASSERT_LE(e.accepted, e.drafted);
    const auto found = given_.find({e.step_id, e.request});
    const auto given = found == given_.end() ? std::vector<TokenOrigin>() : found->second;
    ASSERT_EQ(std::count(given.begin(), given.end(), TokenOrigin::kAccepted), e.accepted);
    if (!given.empty() && given.back() == TokenOrigin::kBonus) {
        ASSERT_EQ(e.accepted, e.drafted);
    }
    if (!given.empty() && given.back() == TokenOrigin::kCorrected) {
        ASSERT_LT(e.accepted, e.drafted);
    }
    drafts_[e.step_id] += e.drafted;
    drafted_ += e.drafted;
    accepted_ += e.accepted;
}

void EventAudit::step(const StepEvent& e) {
    auto& members = members_[e.step_id];
    ASSERT_EQ(members[WorkKind::kPrefill], e.prefill_tokens);
    ASSERT_EQ(members[WorkKind::kRecompute], e.recompute_tokens);
    ASSERT_EQ(members[WorkKind::kDecode], e.decode_tokens);
    ASSERT_EQ(members[WorkKind::kDraft], e.draft_tokens);
    ASSERT_EQ(drafts_[e.step_id], e.draft_tokens);
    drafts_.erase(e.step_id);
    given_.clear();
    members_.erase(e.step_id);
    uint32_t held = 0, cached = 0, free = 0, slots = 0;
    for (const Slot& slot : blocks_) {
        held += slot.state == BlockState::kHeld;
        cached += slot.state == BlockState::kCached;
        free += slot.state == BlockState::kFree;
        slots += slot.state == BlockState::kHeld ? slot.filled : 0;
    }
    ASSERT_EQ(e.blocks_held, held);
    ASSERT_EQ(e.blocks_cached, cached);
    ASSERT_EQ(e.blocks_free, free);
    ASSERT_EQ(e.slots_filled, slots);
    const int64_t parts = int64_t{e.plan_ns} + e.execute_ns + e.sample_ns + e.commit_ns;
    ASSERT_LE(parts, e.duration_ns);
}

void EventAudit::keyframe(const KeyframeEvent& e) {
    if (e.part == KeyframePart::kBegin) {
        // Blocks beyond a new end were emptied before; those below are compared with what the events said.
        blocks_.resize(e.begin.num_blocks);
        framed_.clear();
    }
    if (e.part == KeyframePart::kBlocks)
        for (uint32_t i = 0; i < e.blocks.used; ++i) {
            const KeyframeBlockRun& run = e.blocks.runs[i];
            ASSERT_EQ(raw(run.first), framed_.size());
            framed_.insert(framed_.end(), run.count, {run.state, run.owners, run.filled_tokens});
        }
    if (e.part == KeyframePart::kCounters) {
        counters_ = e.counters;
        ASSERT_EQ(e.counters.output_tokens, tokens_);
        ASSERT_EQ(e.counters.drafted_tokens, drafted_);
        ASSERT_EQ(e.counters.accepted_tokens, accepted_);
    }
    if (e.part == KeyframePart::kEnd) {
        ASSERT_EQ(framed_, blocks_);
    }
}

void EventAudit::expect_all_ended() const {
    for (const auto& [id, account] : accounts_)
        EXPECT_TRUE(account.ended) << "request " << raw(id) << " was lost";
}

}  // namespace pitwall::engine::test
