// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a draft costs and what it must bring, by the number of sequences that decode. Pure functions over the store.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "telemetry/stats/intervals.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// Start of the first step of the range with drafts of that method; of long ago, of the sums that they are in.
std::optional<int64_t> first_draft_ns(const telemetry::Store& store, telemetry::TimeRange range,
                                      telemetry::DraftMethod method);

/// Of the steps that only decoded and verified drafts, with so many sequences. Their time is execution and all drafting
/// that is booked to them: what a draft model read in steps without drafts is booked to the next one with some.
struct BatchCost {
    uint32_t sequences = 0;
    size_t steps = 0, drafted_steps = 0;
    uint64_t drafted = 0, accepted = 0;  ///< tokens
    /// Least squares of a step's time (execution and drafting) on its rows: at one row a sequence, and for each more.
    double plain_ns = 0, row_ns = 0, r2 = 0;
    /// Share of the drafts of one more for each sequence that must be accepted for the step to make as many tokens a
    /// second as without it: row_ns * sequences / plain_ns, with its t interval by the delta method (Casella and Berger,
    /// Statistical Inference, section 5.5.4). All NaN unless there are kLeastSteps, of different numbers of rows, and the
    /// interval reaches no farther than kWidest to each side, nor lies below 0: a step does not get shorter with more rows.
    telemetry::Interval needed{};
    /// accepted / drafted with its Wilson interval; NaN with fewer than kLeastDrafts.
    telemetry::Interval measured{};
    bool too_little() const { return measured.high < needed.low; }  ///< accepted, beyond chance

    static constexpr size_t kLeastSteps = 30, kLeastDrafts = 30;
    static constexpr double kWidest = 0.1;
};
/// Ordered by the number of sequences.
std::vector<BatchCost> batch_costs(const telemetry::Store& store, telemetry::TimeRange range);

/// Time of steps that only decoded, without and with drafts: execution, and the drafting.
struct StepGrowth {
    telemetry::Interval plain_ns{}, drafted_ns{};
    double plain_rows = 0, drafted_rows = 0;  ///< mean computed tokens
};
StepGrowth step_growth(const telemetry::Store& store, telemetry::TimeRange range);

}  // namespace pitwall::panels
