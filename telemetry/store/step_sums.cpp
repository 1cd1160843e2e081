// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/store/step_sums.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace pitwall::telemetry {

namespace {
double ratio(double part, double whole) {
    return whole > 0 ? part / whole : std::numeric_limits<double>::quiet_NaN();
}

/// Stops at the largest number: a damaged event may say anything.
void add_up(int64_t& sum, int64_t more) {
    if (__builtin_add_overflow(sum, more, &sum))
        sum = more < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

/// The part of a time, in whole nanoseconds; a damaged event may say more than fits.
int64_t part_of(int64_t ns, double share) {
    constexpr double kMost = 9e18;
    return static_cast<int64_t>(std::clamp(share * static_cast<double>(ns), -kMost, kMost));
}

int64_t wasted_draft_ns_of(const DraftRow& row) {
    if (row.drafted == 0) return 0;
    const int rejected = row.drafted - std::min(row.drafted, row.accepted);
    return part_of(row.draft_ns, static_cast<double>(rejected) / row.drafted);
}

/// What a step and a sum over steps name alike: the plain sums.
template <class Step>
void add_common(StepSums& sums, const Step& more) {
    sums.prefill_tokens += more.prefill_tokens;
    sums.recompute_tokens += more.recompute_tokens;
    sums.decode_tokens += more.decode_tokens;
    sums.draft_tokens += more.draft_tokens;
    sums.cached_tokens += more.cached_tokens;
    sums.budget_tokens += more.budget_tokens;
    add_up(sums.duration_ns, more.duration_ns);
    add_up(sums.execute_ns, more.execute_ns);
    add_up(sums.plan_ns, more.plan_ns);
    add_up(sums.sample_ns, more.sample_ns);
    add_up(sums.commit_ns, more.commit_ns);
    sums.flops += static_cast<double>(more.flops);
    sums.bytes += more.bytes;
    sums.running += more.running;
    sums.waiting += more.waiting;
}
}  // namespace

void StepSums::add(const StepEvent& step, uint32_t block_tokens) {
    ++steps;
    add_common(*this, step);
    most_running = std::max(most_running, step.running);
    most_waiting = std::max(most_waiting, step.waiting);
    const double pool = static_cast<double>(step.blocks_held) + step.blocks_cached + step.blocks_free;
    if (pool > 0) {
        const double held = step.blocks_held / pool;
        occupancy += held;
        peak_occupancy = std::max(peak_occupancy, held);
        cached_share += step.blocks_cached / pool;
    }
    if (step.blocks_held == 0) return;
    ++steps_with_held;
    slot_fill += step.slots_filled / (static_cast<double>(step.blocks_held) * block_tokens);
}

uint64_t StepRow::rejected_drafts() const {
    uint64_t rejected = 0;
    for (const DraftRow& row : drafts) rejected += row.drafted - std::min(row.drafted, row.accepted);
    return rejected;
}

void DraftSums::add(const DraftRow& row) {
    ++sequences;
    add_up(draft_ns, row.draft_ns);
    for (size_t i = 0; i < row.drafted; ++i) {
        const size_t position = std::min(i, kPositions - 1);
        ++drafted[position];
        accepted[position] += i < row.accepted;
        reached[position] += i <= row.accepted;
    }
}

void DraftSums::add(const DraftSums& other) {
    sequences += other.sequences;
    add_up(draft_ns, other.draft_ns);
    for (size_t i = 0; i < kPositions; ++i) {
        drafted[i] += other.drafted[i];
        accepted[i] += other.accepted[i];
        reached[i] += other.reached[i];
    }
}

uint64_t DraftSums::drafted_tokens() const {
    return std::accumulate(drafted.begin(), drafted.end(), uint64_t{0});
}
uint64_t DraftSums::accepted_tokens() const {
    return std::accumulate(accepted.begin(), accepted.end(), uint64_t{0});
}

void KernelSums::add(const StepEvent& step, int64_t drafting_ns, const KernelWorks& works) {
    add({1, step.duration_ns, step.plan_ns, step.execute_ns, step.sample_ns, step.commit_ns, drafting_ns,
         works});
}

void KernelSums::add(const KernelSums& other) {
    steps += other.steps;
    for (const auto part : {&KernelSums::duration_ns, &KernelSums::plan_ns, &KernelSums::execute_ns,
                            &KernelSums::sample_ns, &KernelSums::commit_ns, &KernelSums::draft_ns})
        add_up(this->*part, other.*part);
    for (size_t i = 0; i < kinds.size(); ++i) {
        add_up(kinds[i].ns, other.kinds[i].ns);
        kinds[i].flops += other.kinds[i].flops;
        kinds[i].bytes += other.kinds[i].bytes;
    }
}

int64_t KernelSums::kernel_ns() const {
    int64_t ns = 0;
    for (const KernelWork& work : kinds) add_up(ns, work.ns);
    return ns;
}

int64_t KernelSums::between_kernels_ns() const {
    int64_t ns = execute_ns;
    add_up(ns, -std::max(kernel_ns(), -std::numeric_limits<int64_t>::max()));
    return std::max<int64_t>(0, ns);
}

void StepSums::add(const StepRow& row, uint32_t block_tokens) {
    add(row.step, block_tokens);
    if (row.kernels) {
        int64_t drafting_ns = 0;
        for (const DraftRow& draft : row.drafts) add_up(drafting_ns, draft.draft_ns);
        kernels.add(row.step, drafting_ns, *row.kernels);
    }
    if (row.bytes_per_block > 0) {
        const double block = row.bytes_per_block;
        kv_held_bytes += row.step.blocks_held * block;
        kv_cached_bytes += row.step.blocks_cached * block;
        kv_pool_bytes += static_cast<double>(row.pool_blocks()) * block;
        ++steps_with_kv_bytes;
    }
    if (row.drafts.empty()) return;
    ++steps_with_drafts;
    for (const DraftRow& draft : row.drafts) {
        if (const size_t method = static_cast<size_t>(draft.method) - 1; method < kDraftMethods)
            drafts[method].add(draft);
        add_up(wasted_draft_ns, wasted_draft_ns_of(draft));
    }
    // As the cause `speculation` has it: the last of a step's tokens, in proportion.
    const double share = static_cast<double>(row.rejected_drafts()) /
                         static_cast<double>(std::max<uint64_t>(1, row.computed_tokens()));
    add_up(wasted_ns, part_of(row.step.execute_ns, std::min(1.0, share)));
}

DraftSums StepSums::all_drafts() const {
    DraftSums all;
    for (const DraftSums& method : drafts) all.add(method);
    return all;
}

void StepSums::add(const StepSums& later) {
    if (later.steps == 0) return;
    steps += later.steps;
    add_common(*this, later);
    occupancy += later.occupancy;
    cached_share += later.cached_share;
    slot_fill += later.slot_fill;
    steps_with_held += later.steps_with_held;
    peak_occupancy = std::max(peak_occupancy, later.peak_occupancy);
    most_running = std::max(most_running, later.most_running);
    most_waiting = std::max(most_waiting, later.most_waiting);
    kv_held_bytes += later.kv_held_bytes;
    kv_cached_bytes += later.kv_cached_bytes;
    kv_pool_bytes += later.kv_pool_bytes;
    steps_with_kv_bytes += later.steps_with_kv_bytes;
    for (size_t i = 0; i < kDraftMethods; ++i) drafts[i].add(later.drafts[i]);
    add_up(wasted_ns, later.wasted_ns);
    add_up(wasted_draft_ns, later.wasted_draft_ns);
    steps_with_drafts += later.steps_with_drafts;
    kernels.add(later.kernels);
}

double StepSums::wasted_share() const {
    return ratio(static_cast<double>(wasted_ns) + static_cast<double>(wasted_draft_ns),
                 static_cast<double>(execute_ns) + static_cast<double>(all_drafts().draft_ns));
}

double StepSums::mean(double sum) const { return ratio(sum, static_cast<double>(steps)); }
double StepSums::mean_slot_fill() const { return ratio(slot_fill, static_cast<double>(steps_with_held)); }

}  // namespace pitwall::telemetry
