// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/sched/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>

namespace pitwall::engine {
namespace {

/// A scheduler with a device that computes whatever it is told and answers 1.
class Bench {
  public:
    Bench(uint32_t blocks, const SchedulerSettings& settings) : kv(blocks), scheduler(kv, settings) {}

    Sequence& ask(uint32_t prompt, uint32_t max_tokens, int32_t priority = 0) {
        auto s = std::make_unique<Sequence>();
        s->id = RequestId{static_cast<uint32_t>(sequences.size() + 1)};
        for (uint32_t i = 0; i < prompt; ++i)
            s->tokens.push_back(static_cast<TokenId>(raw(s->id) * 10000 + i));
        s->prompt_tokens = prompt;
        s->max_tokens = max_tokens;
        s->priority = priority;
        s->arrival_ns = raw(s->id);
        s->tokens.reserve(prompt + max_tokens);
        scheduler.enqueue(*s);
        sequences.push_back(std::move(s));
        return *sequences.back();
    }

    /// One step. What each sequence was given, by number.
    std::map<uint32_t, uint32_t> step() {
        proposal = scheduler.propose();
        std::vector<BlockCopy> copies;
        std::map<uint32_t, uint32_t> given;
        std::vector<Sequence*> done;
        for (const ScheduledSlice& slice : scheduler.apply(proposal, copies)) {
            given[raw(slice.sequence->id)] = slice.tokens;
            if (slice.samples > 0) slice.sequence->tokens.push_back(1);
            scheduler.commit(slice);
            scheduler.end_step(slice);
            if (slice.sequence->output_tokens() == slice.sequence->max_tokens) done.push_back(slice.sequence);
        }
        for (Sequence* s : done) scheduler.remove(*s);
        const Status status = scheduler.check_integrity({}, {});
        EXPECT_TRUE(status.ok()) << status.error().text();
        return given;
    }

    KvCache kv;
    Scheduler scheduler;
    Proposal proposal;
    std::vector<std::unique_ptr<Sequence>> sequences;
};

using Given = std::map<uint32_t, uint32_t>;

SchedulerSettings settings(uint32_t seqs, uint32_t budget, uint32_t chunk = 0, bool chunked = true) {
    SchedulerSettings s;
    s.max_num_seqs = seqs;
    s.max_num_batched_tokens = budget;
    s.long_prefill_token_threshold = chunk;
    s.enable_chunked_prefill = chunked;
    return s;
}

TEST(Scheduler, DecodesFirstThenPrefillsFillTheBudget) {
    Bench bench(100, settings(8, 20));
    bench.ask(10, 5);
    EXPECT_EQ(bench.step(), (Given{{1, 10}}));
    bench.ask(50, 5);
    bench.ask(50, 5);
    EXPECT_EQ(bench.step(), (Given{{1, 1}, {2, 19}}));
    EXPECT_EQ(bench.step(), (Given{{1, 1}, {2, 19}}));
    EXPECT_EQ(bench.step(), (Given{{1, 1}, {2, 12}, {3, 7}}));
    EXPECT_EQ(bench.step(), (Given{{1, 1}, {2, 1}, {3, 18}}));
    EXPECT_EQ(bench.proposal.used, 20u);
}

TEST(Scheduler, ChunkCap) {
    Bench bench(100, settings(8, 64, 7));
    bench.ask(20, 2);
    bench.ask(3, 2);
    EXPECT_EQ(bench.step(), (Given{{1, 7}, {2, 3}}));
    EXPECT_EQ(bench.step(), (Given{{1, 7}, {2, 1}}));
    EXPECT_EQ(bench.step(), (Given{{1, 6}}));
}

TEST(Scheduler, ProposingChangesNothing) {
    Bench bench(6, settings(8, 20));
    bench.ask(10, 40);
    bench.ask(30, 40);
    bench.ask(30, 40);
    for (int i = 0; i < 60; ++i) {
        const uint64_t version = bench.kv.index_version();
        const Proposal first = bench.scheduler.propose(), second = bench.scheduler.propose();
        ASSERT_EQ(first.used, second.used);
        ASSERT_EQ(first.running.size(), second.running.size());
        ASSERT_EQ(first.victims, second.victims);
        ASSERT_EQ(first.admissions.size(), second.admissions.size());
        ASSERT_EQ(version, bench.kv.index_version());
        bench.step();
    }
}

TEST(Scheduler, WithoutChunkingALongPromptHasAStepToItself) {
    Bench bench(100, settings(8, 16, 0, false));
    bench.ask(4, 6);
    EXPECT_EQ(bench.step(), (Given{{1, 4}}));
    bench.ask(40, 3);
    bench.ask(20, 3);
    bench.ask(5, 3);
    EXPECT_EQ(bench.step(), (Given{{2, 40}}));
    EXPECT_TRUE(bench.proposal.lone);
    EXPECT_EQ(bench.proposal.waiting_cause, Cause::kWaitBudget);
    EXPECT_EQ(bench.step(), (Given{{1, 1}, {2, 1}}))
        << "the others have a step in between; nobody overtakes request 3";
    EXPECT_EQ(bench.step(), (Given{{3, 20}}));
    EXPECT_EQ(bench.step(), (Given{{1, 1}, {2, 1}, {3, 1}, {4, 5}}));
}

TEST(Scheduler, WithoutChunkingWhatFitsSharesAStep) {
    Bench bench(100, settings(8, 16, 3, false));
    bench.ask(10, 2);
    bench.ask(6, 2);
    bench.ask(5, 2);
    EXPECT_EQ(bench.step(), (Given{{1, 10}, {2, 6}})) << "the chunk cap is for chunks";
    EXPECT_EQ(bench.step(), (Given{{1, 1}, {2, 1}, {3, 5}}));
}

TEST(Scheduler, ChunkingTurnedOffInTheMiddleOfAPrompt) {
    Bench bench(100, settings(8, 16));
    bench.ask(60, 2);
    EXPECT_EQ(bench.step(), (Given{{1, 16}}));
    bench.scheduler.set_settings(settings(8, 16, 0, false));
    EXPECT_EQ(bench.step(), (Given{{1, 44}}));
    EXPECT_EQ(bench.step(), (Given{{1, 1}}));
}

TEST(Scheduler, NobodyStarvesWithMoreSequencesThanBudget) {
    Bench bench(1000, settings(20, 40));
    for (int i = 0; i < 20; ++i) bench.ask(2, 100);
    bench.step();
    bench.scheduler.set_settings(settings(20, 3));
    std::map<uint32_t, uint32_t> turns;
    for (int i = 0; i < 140; ++i)
        for (const auto& [id, tokens] : bench.step()) turns[id] += tokens;
    ASSERT_EQ(turns.size(), 20u);
    for (const auto& [id, count] : turns) EXPECT_EQ(count, 21u) << "request " << id;
}

TEST(Scheduler, APrefillHasItsTurnAmongManyDecodes) {
    Bench bench(1000, settings(20, 40));
    for (int i = 0; i < 6; ++i) bench.ask(2, 200);
    bench.ask(60, 5);
    bench.step();
    bench.scheduler.set_settings(settings(20, 2));
    uint32_t prefilled = 0;
    for (int i = 0; i < 100; ++i) prefilled += bench.step()[7];
    EXPECT_GT(prefilled, 30u);
}

TEST(Scheduler, SeatsAndReasons) {
    Bench bench(100, settings(2, 64));
    for (int i = 0; i < 4; ++i) bench.ask(4, 3);
    EXPECT_EQ(bench.step(), (Given{{1, 4}, {2, 4}}));
    EXPECT_EQ(bench.proposal.waiting_cause, Cause::kWaitCapacity);
    bench.step();
    EXPECT_EQ(bench.step(), (Given{{1, 1}, {2, 1}}));
    EXPECT_EQ(bench.step(), (Given{{3, 4}, {4, 4}}));
    EXPECT_EQ(bench.proposal.waiting_cause, Cause::kScheduling) << "nobody is left waiting";
}

TEST(Scheduler, AdmissionWantsRoomForTheWholePromptAndOneToGrow) {
    Bench bench(6, settings(8, 8));
    bench.ask(40, 20);  // 3 blocks, of which the first chunk takes one
    bench.ask(20, 20);  // 2 blocks: 3 + 1 to grow leave 2
    bench.ask(4, 20);
    EXPECT_EQ(bench.step(), (Given{{1, 8}}));
    EXPECT_EQ(bench.proposal.waiting_cause, Cause::kWaitBudget);
    while (bench.sequences[0]->pending() > 1) bench.step();
    EXPECT_EQ(bench.step(), (Given{{1, 1}, {2, 7}}));
    EXPECT_TRUE(bench.sequences[1]->state == SequenceState::kRunning);
    EXPECT_TRUE(bench.sequences[2]->state == SequenceState::kWaiting);
    bench.step();
    EXPECT_EQ(bench.proposal.waiting_cause, Cause::kWaitBudget) << "request 2 prefills";
    while (bench.sequences[1]->pending() > 1) bench.step();
    bench.step();
    EXPECT_EQ(bench.proposal.waiting_cause, Cause::kWaitCapacity);
}

TEST(Scheduler, PreemptsTheLastToComeOrTheLeastImportant) {
    for (const SchedulingPolicy policy : {SchedulingPolicy::kFcfs, SchedulingPolicy::kPriority}) {
        Bench bench(5, settings(8, 64));
        bench.scheduler.set_policy(policy);
        bench.ask(16, 30, 5);
        bench.ask(15, 30, 0);
        for (int i = 0; i < 200 && bench.scheduler.preempted().empty(); ++i) bench.step();
        ASSERT_FALSE(bench.scheduler.preempted().empty());
        const uint32_t expected = policy == SchedulingPolicy::kFcfs ? 2 : 1;
        EXPECT_EQ(raw(bench.scheduler.preempted()[0]->id), expected);
        EXPECT_GT(bench.scheduler.preempted()[0]->high_water, 15u);
        EXPECT_TRUE(bench.proposal.admissions.empty());
        for (int i = 0; i < 200; ++i) bench.step();
        for (const auto& s : bench.sequences) EXPECT_EQ(s->output_tokens(), 30u);
    }
}

TEST(Scheduler, ResumesFromWhatTheCacheKept) {
    Bench bench(7, settings(8, 64));
    bench.ask(33, 40);
    bench.ask(33, 40);
    for (int i = 0; i < 100 && bench.scheduler.preempted().empty(); ++i) bench.step();
    ASSERT_FALSE(bench.scheduler.preempted().empty());
    Sequence& victim = *bench.scheduler.preempted()[0];
    const uint32_t lost = victim.high_water;
    for (int i = 0; i < 100 && victim.state == SequenceState::kPreempted; ++i) bench.step();
    ASSERT_EQ(bench.proposal.admissions.size(), 1u);
    EXPECT_EQ(bench.proposal.admissions[0].match.tokens() + bench.proposal.admissions[0].tokens,
              victim.length() - 1);
    EXPECT_GT(victim.length(), lost);
    EXPECT_GE(bench.proposal.admissions[0].match.tokens(), 16u) << "its first blocks were evicted last";
    EXPECT_EQ(victim.cached_tokens, 0u) << "what it finds again is no hit of its prompt";
}

TEST(Scheduler, StaticBatchIsAdmittedWhenTheLastIsDone) {
    SchedulerSettings s = settings(3, 12);
    s.batching = Batching::kStatic;
    Bench bench(100, s);
    bench.ask(8, 5);
    bench.ask(8, 2);
    bench.ask(8, 2);
    bench.ask(8, 2);
    EXPECT_EQ(bench.step(), (Given{{1, 8}, {2, 4}}));
    EXPECT_EQ(bench.step(), (Given{{1, 1}, {2, 4}, {3, 7}}))
        << "what the budget cut off still belongs to the batch";
    bench.step();
    EXPECT_EQ(bench.proposal.waiting_cause, Cause::kWaitPolicy);
    while (!bench.scheduler.running().empty()) {
        bench.step();
        EXPECT_EQ(bench.sequences[3]->state, SequenceState::kWaiting);
    }
    EXPECT_EQ(bench.step(), (Given{{4, 8}}));
}

TEST(Scheduler, ThePreemptedOfAStaticBatchComeBackPastMoreImportantArrivals) {
    SchedulerSettings s = settings(8, 64);
    s.batching = Batching::kStatic;
    Bench bench(5, s);
    bench.scheduler.set_policy(SchedulingPolicy::kPriority);
    bench.ask(16, 30, 5);
    bench.ask(15, 30, 3);
    bench.step();
    bench.ask(10, 5, -1);
    for (int i = 0; i < 200; ++i) bench.step();
    EXPECT_GT(bench.sequences[0]->preemptions, 0u);
    for (const auto& asked : bench.sequences) EXPECT_EQ(asked->output_tokens(), asked->max_tokens);
    EXPECT_GT(bench.sequences[2]->last_served, bench.sequences[0]->last_served) << "the next batch";
}

TEST(Scheduler, SharesPrefixesWithTheRunningAndCopiesOnWrite) {
    Bench bench(100, settings(8, 200));
    Sequence& first = bench.ask(32, 5);
    bench.step();
    Sequence& second = bench.ask(32, 5);
    second.tokens = first.tokens;
    second.tokens.resize(32);
    second.tokens.reserve(64);
    EXPECT_EQ(bench.step(), (Given{{1, 1}, {2, 1}}));
    EXPECT_EQ(second.cached_tokens, 31u);
    EXPECT_EQ(second.block_table[0], first.block_table[0]);
    EXPECT_NE(second.block_table[1], first.block_table[1]);
}

TEST(Scheduler, APromptThatFillsThePoolIsAdmittedThoughItIsWhollyCached) {
    Bench bench(2, settings(8, 200));
    Sequence& first = bench.ask(32, 1);
    bench.step();
    Sequence& second = bench.ask(32, 1);
    second.tokens.assign(first.tokens.begin(), first.tokens.begin() + 32);
    second.tokens.reserve(64);
    EXPECT_EQ(bench.step(), (Given{{2, 16}}))
        << "no third block for a copy: the last block is computed again";
}

TEST(Scheduler, DraftsTakeOnlyWhatTheOthersLeave) {
    SchedulerSettings with_drafts = settings(8, 40);
    with_drafts.num_speculative_tokens = 8;
    Bench bench(6, with_drafts);
    const std::vector<TokenId> known = bench.ask(33, 1).tokens;
    bench.step();  // leaves two blocks in the cache and four free
    Sequence& decoding = bench.ask(16, 20);
    bench.step();
    bench.ask(33, 9).tokens = known;
    const Proposal proposal = bench.scheduler.propose();
    ASSERT_EQ(proposal.running.size(), 1u);
    ASSERT_EQ(proposal.admissions.size(), 1u);
    EXPECT_EQ(proposal.admissions[0].match.revived, 2u);
    EXPECT_EQ(proposal.draft_tokens, 40u - 1 - 1);
    EXPECT_EQ(proposal.draft_blocks, 5u - 1 - 2 - 1) << "beside one for the decode, two revived and one new";
    EXPECT_EQ(proposal.running[0].draft_room, 8u);
    EXPECT_EQ(proposal.draft_limit(proposal.running[0], 100), 31u) << "to the end of the block that is left";
    EXPECT_EQ(decoding.length(), 17u) << "proposing changes nothing";
}

TEST(Scheduler, DraftsEndWhereTheAnswerDoes) {
    SchedulerSettings with_drafts = settings(8, 40);
    with_drafts.num_speculative_tokens = 8;
    Bench bench(6, with_drafts);
    bench.ask(5, 7);
    bench.step();
    for (uint32_t left = 6; left > 1; --left) {
        bench.step();
        EXPECT_EQ(bench.proposal.running[0].draft_room, left - 1)
            << "the token after the last draft is wanted too";
    }
}

TEST(Scheduler, WhatIsRejectedLeavesNeitherTokensNorBlocks) {
    SchedulerSettings with_drafts = settings(8, 40);
    with_drafts.num_speculative_tokens = 8;
    Bench bench(6, with_drafts);
    Sequence& s = bench.ask(14, 20);
    bench.step();
    Proposal proposal = bench.scheduler.propose();
    proposal.drafts = {7, 8, 9, 10, 11};
    proposal.give_drafts(proposal.running[0], 5);
    EXPECT_EQ(proposal.draft_tokens, 39u - 5);
    EXPECT_EQ(proposal.draft_blocks, 5u - 1);
    std::vector<BlockCopy> copies;
    ScheduledSlice slice = bench.scheduler.apply(proposal, copies).at(0);
    EXPECT_EQ(slice.samples, 6u);
    EXPECT_EQ(s.block_table.size(), 2u);
    s.tokens.push_back(kPlaceholderToken);
    slice.accepted = 0, slice.rejected = 5;
    s.tokens[15] = 1;
    bench.scheduler.commit(slice);
    bench.scheduler.end_step(slice);
    EXPECT_EQ(s.length(), 16u);
    EXPECT_EQ(s.computed, 15u);
    EXPECT_EQ(s.committed, 15u);
    EXPECT_EQ(s.block_table.size(), 1u);
    EXPECT_TRUE(bench.scheduler.check_integrity({}, {}).ok());
}

}  // namespace
}  // namespace pitwall::engine
