// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "engine/exec/executor.h"
#include "engine/kv/kv_cache.h"
#include "engine/sched/sequence.h"
#include "engine/sched/waiting_queue.h"
#include "presets/knob.h"

namespace pitwall::engine {

using presets::Batching;
using telemetry::Cause;

struct SchedulerSettings {
    uint32_t max_num_seqs = 16;
    uint32_t max_num_batched_tokens = 256;
    bool enable_chunked_prefill = true;
    uint32_t long_prefill_token_threshold = 0;  ///< most tokens of one prompt in a step; 0: no cap
    Batching batching = Batching::kContinuous;
    bool enable_prefix_caching = true;
    uint32_t num_speculative_tokens = 0;  ///< most drafts for a sequence and step; 0: none
};

/// What one step should do, decided without changing anything.
struct Proposal {
    struct Share {
        Sequence* sequence;
        uint32_t tokens, new_blocks;
        uint32_t draft_room = 0;              ///< most drafts it may have, were it alone to have any
        uint32_t drafts = 0;                  ///< that it has: the next so many of `drafts`
        uint32_t chosen_drafts = UINT32_MAX;  ///< most that are to be verified
        uint32_t strength = 0;                ///< how sure the drafter was
        int64_t draft_ns = 0;                 ///< that they took
    };
    struct Admission {
        Sequence* sequence;
        PrefixMatch match;
        uint32_t tokens, new_blocks;
    };
    std::vector<Share> running;
    std::vector<Sequence*> victims;  ///< preempted, so that the others fit
    std::vector<Admission> admissions;
    Cause waiting_cause = Cause::kScheduling;  ///< why those that go on waiting do; kScheduling: nobody does
    uint32_t budget = 0;                       ///< in force
    uint32_t used = 0;
    bool lone = false;               ///< one prompt above the budget, whole, with nobody beside it
    bool admission_open = true;      ///< false: static batching, the last batch is not done
    bool blocked_by_budget = false;  ///< a running sequence found the budget used up
    std::vector<TokenId> drafts;     ///< of those running, in their order
    uint32_t draft_tokens = 0;       ///< budget that nobody else wants
    uint32_t draft_blocks = 0;       ///< blocks that this step's others leave
    bool empty() const { return running.empty() && admissions.empty() && victims.empty(); }
    /// How many of `wanted` drafts the share may have, beside those given already.
    uint32_t draft_limit(const Share& share, uint32_t wanted) const;
    /// Gives it `count` of `drafts`, no more than draft_limit() allows.
    void give_drafts(Share& share, uint32_t count);
};

/// One sequence's part of a step, after it was applied.
struct ScheduledSlice {
    Sequence* sequence = nullptr;
    uint32_t first_position = 0, tokens = 0;
    uint32_t samples = 0;  ///< 0: more of it is to be computed before there is anything to sample
    uint32_t drafts = 0,
             draft_room = 0;  ///< how many of `tokens`, the last ones, are drafts; how many might have been
    uint32_t draft_strength = 0;
    int64_t draft_ns = 0;
    uint32_t accepted = 0;  ///< drafts that were handed out; known once the step was collected
    uint32_t rejected = 0;  ///< tokens, the last ones, whose positions are not part of the sequence
    bool first_time = false, resumed = false;  ///< admitted in this step
    uint32_t cached_tokens = 0;                ///< found in the prefix cache by this admission
    MissReason miss = MissReason::kNone;
    BlockId pinned = kNoBlock;  ///< source of a copy, held until the step is committed
};

/// Decides who runs: one token budget a step, running sequences first, then waiting ones; prefill chunks and
/// decodes share it. It reads and writes integers only.
///
/// Rules, in order:
///  1. Where every running sequence can have a token, decodes go first (1 each), then prefills in order of
///     admission share what is left. Where there are more running sequences than budget, those served longest
///     ago go first.
///  2. With chunking off a prompt runs whole. Above the budget it runs in a step of its own; between two such
///     steps the others get one.
///  3. Where blocks are short, the last in line is preempted (highest priority number under that policy, then
///     latest arrival) until the rest fits; its blocks stay findable by prefix. Nobody is admitted in such a
///     step.
///  4. Waiting ones are admitted in the policy's order until a seat, the budget or blocks run out; nobody
///     overtakes the one that does not fit. Admission wants blocks for the whole of the prompt, beyond what
///     running ones still need for theirs, and one spare block for each running sequence that may grow.
///  5. Drafts of sequences that decode take what is left of budget and blocks after all that: they preempt nobody and keep
///     nobody out. A block for a draft may evict a cached one, as the sequence would itself a few tokens later; where it
///     comes to nothing the block is free for just that.
///  6. Static batching: admission is open from a step where nobody is left to one that it ends for another
///     reason than budget. While it is shut, only the batch's own preempted ones come back.
class Scheduler {
  public:
    Scheduler(KvCache& kv, const SchedulerSettings& settings) : kv_(kv), settings_(settings) {}

    void set_settings(const SchedulerSettings& settings) { settings_ = settings; }
    void set_policy(SchedulingPolicy policy) { waiting_.set_policy(policy); }
    const SchedulerSettings& settings() const { return settings_; }

    void enqueue(Sequence& sequence);
    Proposal propose();
    /// Carries the proposal out. Where it has victims nothing may be in flight.
    std::vector<ScheduledSlice> apply(const Proposal& proposal, std::vector<BlockCopy>& copies);
    /// The slice was computed: its blocks are full so far, and findable. Rejected drafts are cut off, with the blocks that
    /// held nothing else.
    void commit(const ScheduledSlice& slice);
    /// The slice's step is over, whatever became of it.
    void end_step(const ScheduledSlice& slice);
    /// Takes the sequence out of all lists; its blocks are given up now, or by release() where plans are in flight.
    void remove(Sequence& sequence);
    void release(Sequence& sequence);
    /// Gives up a running sequence's blocks; nothing of it is in flight.
    void preempt(Sequence& sequence);
    /// Preempts the last in line; nothing is in flight. Null: nobody runs.
    Sequence* preempt_last();

    const std::vector<Sequence*>& running() const { return running_; }
    const std::vector<Sequence*>& preempted() const { return preempted_; }
    const WaitingQueue& waiting() const { return waiting_; }
    Status check_integrity(const std::vector<Sequence*>& zombies, const std::vector<BlockId>& pins) const;

  private:
    void select_running(Proposal& proposal) const;
    std::vector<Sequence*> service_order(uint32_t budget) const;
    uint32_t chunk_for(uint32_t pending, uint32_t left) const;
    void make_room(Proposal& proposal) const;
    Sequence* last_in_line(const std::vector<Sequence*>& spared) const;
    bool propose_lone(Proposal& proposal);
    struct AdmissionRoom {
        int64_t blocks;
        size_t seats_taken;
    };
    void admit(Proposal& proposal);
    void leave_room_for_drafts(Proposal& proposal) const;
    std::vector<Sequence*> shut_door_line() const;
    Cause admit_one(Sequence& sequence, AdmissionRoom& room, Proposal& proposal);
    bool admission_open() const;
    int64_t room_for_admission() const;
    bool fits(Sequence& sequence, int64_t room, Proposal::Admission& admission);
    void remember_blocks(Sequence& sequence);
    void cut_off_rejected(const ScheduledSlice& slice);
    void start(const Proposal::Admission& admission, ScheduledSlice& slice, std::vector<BlockCopy>& copies);

    KvCache& kv_;
    SchedulerSettings settings_;
    std::vector<Sequence*> running_;  ///< in order of admission
    std::vector<Sequence*> preempted_;
    WaitingQueue waiting_;
    bool batch_open_ = false;  ///< static batching: the present batch is still being admitted
    bool last_was_lone_ = false;
    uint64_t served_ = 0;
};

}  // namespace pitwall::engine
