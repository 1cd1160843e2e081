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
    add_common(*this, later);
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
