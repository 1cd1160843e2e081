// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "telemetry/event.h"

namespace pitwall::telemetry {

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
    uint32_t last_running = 0, most_waiting = 0;

    /// In the order of time, or last_running is not the last one's.
    void add(const StepEvent& step, uint32_t block_tokens);
    void add(const StepSums& later);
    /// Mean over the steps; NaN without steps.
    double mean(double sum) const;
    double mean_slot_fill() const;
};

}  // namespace pitwall::telemetry
