// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/store/step_sums.h"

#include <algorithm>
#include <limits>

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
}  // namespace

void StepSums::add(const StepEvent& step, uint32_t block_tokens) {
    ++steps;
    prefill_tokens += step.prefill_tokens;
    recompute_tokens += step.recompute_tokens;
    decode_tokens += step.decode_tokens;
    draft_tokens += step.draft_tokens;
    cached_tokens += step.cached_tokens;
    budget_tokens += step.budget_tokens;
    add_up(duration_ns, step.duration_ns);
    add_up(execute_ns, step.execute_ns);
    add_up(plan_ns, step.plan_ns);
    add_up(sample_ns, step.sample_ns);
    add_up(commit_ns, step.commit_ns);
    flops += static_cast<double>(step.flops);
    bytes += step.bytes;
    running += step.running;
    waiting += step.waiting;
    last_running = step.running;
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

void StepSums::add(const StepSums& later) {
    if (later.steps == 0) return;
    steps += later.steps;
    prefill_tokens += later.prefill_tokens;
    recompute_tokens += later.recompute_tokens;
    decode_tokens += later.decode_tokens;
    draft_tokens += later.draft_tokens;
    cached_tokens += later.cached_tokens;
    budget_tokens += later.budget_tokens;
    add_up(duration_ns, later.duration_ns);
    add_up(execute_ns, later.execute_ns);
    add_up(plan_ns, later.plan_ns);
    add_up(sample_ns, later.sample_ns);
    add_up(commit_ns, later.commit_ns);
    flops += later.flops;
    bytes += later.bytes;
    running += later.running;
    waiting += later.waiting;
    occupancy += later.occupancy;
    cached_share += later.cached_share;
    slot_fill += later.slot_fill;
    steps_with_held += later.steps_with_held;
    peak_occupancy = std::max(peak_occupancy, later.peak_occupancy);
    last_running = later.last_running;
    most_waiting = std::max(most_waiting, later.most_waiting);
}

double StepSums::mean(double sum) const { return ratio(sum, static_cast<double>(steps)); }
double StepSums::mean_slot_fill() const { return ratio(slot_fill, static_cast<double>(steps_with_held)); }

}  // namespace pitwall::telemetry
