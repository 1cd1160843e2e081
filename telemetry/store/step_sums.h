// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "telemetry/event.h"

namespace pitwall::telemetry {

struct StepMemberRow {
    RequestId request;
    WorkKind work;
    uint32_t tokens, first_position, blocks;
};
/// Drafts of one sequence that a step verified.
struct DraftRow {
    RequestId request;
    DraftMethod method;
    uint16_t drafted, accepted;
    int64_t draft_ns;
};
struct StepRow {
    int64_t start_ns = 0;
    StepEvent step{};
    std::vector<StepMemberRow> members;
    std::vector<DraftRow> drafts;
    std::optional<KernelWorks> kernels;  ///< of steps whose kernels were timed
    uint32_t bytes_per_block = 0;        ///< as the last keyframe before it told; 0 where none did
    uint64_t computed_tokens() const {
        return uint64_t{step.prefill_tokens} + step.recompute_tokens + step.decode_tokens + step.draft_tokens;
    }
    uint64_t pool_blocks() const {
        return uint64_t{step.blocks_held} + step.blocks_cached + step.blocks_free;
    }
    uint64_t rejected_drafts() const;
};

/// Drafts of one method, by their position in a step's drafts of a sequence. Position 0 is the first.
struct DraftSums {
    static constexpr size_t kPositions = 8;  ///< what num_speculative_tokens allows; more count as the last
    uint64_t sequences = 0;                  ///< one for each sequence and step
    std::array<uint64_t, kPositions> drafted{}, accepted{};
    std::array<uint64_t, kPositions> reached{};  ///< of the drafted: all drafts before it were accepted
    int64_t draft_ns = 0;                        ///< that drafting took
    void add(const DraftRow& row);
    void add(const DraftSums& other);
    uint64_t drafted_tokens() const;
    uint64_t accepted_tokens() const;
};

/// Of steps whose kernels were timed: their parts, of which `kinds` and what was between kernels make execute_ns.
struct KernelSums {
    uint64_t steps = 0;
    int64_t duration_ns = 0, plan_ns = 0, execute_ns = 0, sample_ns = 0, commit_ns = 0;
    int64_t draft_ns = 0;  ///< that drafting took
    KernelWorks kinds{};
    void add(const StepEvent& step, int64_t drafting_ns, const KernelWorks& works);
    void add(const KernelSums& other);
    int64_t kernel_ns() const;
    int64_t between_kernels_ns() const;  ///< 0 where clocks disagree by more than that
};

/// Sums over some steps, and means over them (each step counts once).
struct StepSums {
    uint64_t steps = 0;
    uint64_t prefill_tokens = 0, recompute_tokens = 0, decode_tokens = 0, draft_tokens = 0, cached_tokens = 0;
    uint64_t budget_tokens = 0;
    int64_t duration_ns = 0, execute_ns = 0, plan_ns = 0, sample_ns = 0, commit_ns = 0;
    double flops = 0, bytes = 0;
    double running = 0, waiting = 0;  ///< sums; see mean()
    double occupancy = 0;             ///< sum of blocks held / pool
    double cached_share = 0;          ///< sum of blocks cached / pool: evictable, neither free nor used
    double slot_fill = 0;             ///< sum of token slots filled / token slots of held blocks
    uint64_t steps_with_held = 0;     ///< steps that have a slot fill
    double peak_occupancy = 0;
    uint32_t most_running = 0, most_waiting = 0;  ///< after any of the steps, each for itself
    /// Sums of bytes of blocks after each step, of those whose format's size a keyframe told.
    double kv_held_bytes = 0, kv_cached_bytes = 0, kv_pool_bytes = 0;
    uint64_t steps_with_kv_bytes = 0;
    /// By DraftMethod less one. What of execute_ns went to drafts that came to nothing: their share of the tokens; and of the
    /// time that drafting took: their share of each sequence's drafts.
    static constexpr size_t kDraftMethods = static_cast<size_t>(DraftMethod::kCount) - 1;
    std::array<DraftSums, kDraftMethods> drafts{};
    int64_t wasted_ns = 0, wasted_draft_ns = 0;
    uint64_t steps_with_drafts = 0;
    KernelSums kernels;

    void add(const StepEvent& step, uint32_t block_tokens);
    void add(const StepRow& row, uint32_t block_tokens);  ///< with its drafts and the bytes of its blocks
    void add(const StepSums& later);
    /// Mean over the steps; NaN without steps.
    double mean(double sum) const;
    double mean_slot_fill() const;
    DraftSums all_drafts() const;
    /// Of the time that executing and drafting took, what went to drafts that came to nothing; NaN without steps.
    double wasted_share() const;
};

}  // namespace pitwall::telemetry
