// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/speculation/draft_costs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace pitwall::panels {

using telemetry::StepRow;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// The first step at or after that moment. Of long ago there are sums alone: those are not among them.
auto first_step(const telemetry::Store& store, int64_t begin_ns) {
    const auto& rows = store.steps();
    return std::lower_bound(rows.begin(), rows.end(), begin_ns,
                            [](const StepRow& r, int64_t t_ns) { return r.start_ns < t_ns; });
}

/// Steps of the range that computed nothing of a prompt.
template <class Fn>
void for_decode_steps(const telemetry::Store& store, telemetry::TimeRange range, Fn&& fn) {
    const auto& rows = store.steps();
    for (auto row = first_step(store, range.begin_ns); row != rows.end() && row->start_ns < range.end_ns;
         ++row)
        if (row->step.decode_tokens > 0 && row->step.prefill_tokens == 0 && row->step.recompute_tokens == 0)
            fn(*row);
}

double time_of(const StepRow& row) {
    double ns = double(row.step.execute_ns);
    for (const telemetry::DraftRow& draft : row.drafts) ns += double(draft.draft_ns);
    return ns;
}

/// Sums for a line through (rows, time); numbers of rows are small, so that plain sums are exact enough.
struct LineSums {
    double n = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0;
    void add(double rows, double ns) {
        ++n, x += rows, y += ns, xx += rows * rows, xy += rows * ns, yy += ns * ns;
    }
};

void fit(BatchCost& cost, const LineSums& s) {
    const double sxx = s.xx - s.x * s.x / s.n, sxy = s.xy - s.x * s.y / s.n, syy = s.yy - s.y * s.y / s.n;
    if (cost.steps < BatchCost::kLeastSteps || !(sxx > 1e-9 * s.xx)) return;
    cost.row_ns = sxy / sxx;
    cost.plain_ns = s.y / s.n + cost.row_ns * (cost.sequences - s.x / s.n);
    cost.r2 = syy > 0 ? std::clamp(sxy * sxy / (sxx * syy), 0.0, 1.0) : 0;
    if (!(cost.plain_ns > 0) || !std::isfinite(cost.row_ns)) return;
    // Of mean time and slope, which do not vary together; both are in the share that is needed.
    const double variance = std::max(0.0, syy - sxy * sxy / sxx) / (s.n - 2), mean_ns = s.y / s.n;
    const double error = cost.sequences / (cost.plain_ns * cost.plain_ns) *
                         std::sqrt(variance * (cost.row_ns * cost.row_ns / s.n + mean_ns * mean_ns / sxx));
    const double needed = cost.row_ns * cost.sequences / cost.plain_ns,
                 half = telemetry::student_t(s.n - 2) * error;
    if (half > BatchCost::kWidest || needed + half < 0) return;
    cost.needed = {cost.steps, std::max(0.0, needed), std::max(0.0, needed - half), needed + half};
}

void judge(BatchCost& cost, const LineSums& sums) {
    cost.needed = {cost.steps, kNaN, kNaN, kNaN};
    fit(cost, sums);
    const bool enough = cost.drafted >= BatchCost::kLeastDrafts;
    cost.measured = telemetry::wilson_interval(enough ? cost.accepted : 0, enough ? cost.drafted : 0);
}

}  // namespace

std::optional<int64_t> first_draft_ns(const telemetry::Store& store, telemetry::TimeRange range,
                                      telemetry::DraftMethod method) {
    if (method == telemetry::DraftMethod::kNone || method >= telemetry::DraftMethod::kCount)
        return std::nullopt;
    std::optional<int64_t> found;
    store.folded().for_cells(range, [&](const telemetry::FoldedHistory::Cell& cell) {
        if (!found && cell.steps.drafts[static_cast<size_t>(method) - 1].sequences > 0) found = cell.first_ns;
    });
    const auto& rows = store.steps();
    for (auto row = first_step(store, range.begin_ns);
         !found && row != rows.end() && row->start_ns < range.end_ns; ++row)
        if (std::ranges::any_of(row->drafts, [&](const auto& draft) { return draft.method == method; }))
            found = row->start_ns;
    return found;
}

std::vector<BatchCost> batch_costs(const telemetry::Store& store, telemetry::TimeRange range) {
    std::map<uint32_t, std::pair<BatchCost, LineSums>> by_sequences;
    for_decode_steps(store, range, [&](const StepRow& row) {
        auto& [cost, sums] = by_sequences[row.step.decode_tokens];
        ++cost.steps;
        cost.drafted_steps += !row.drafts.empty();
        for (const telemetry::DraftRow& draft : row.drafts) {
            cost.drafted += draft.drafted;
            cost.accepted += draft.accepted;
        }
        sums.add(double(row.computed_tokens()), time_of(row));
    });
    std::vector<BatchCost> costs;
    for (auto& [sequences, entry] : by_sequences) {
        entry.first.sequences = sequences;
        if (entry.first.drafted_steps == 0) continue;
        judge(entry.first, entry.second);
        costs.push_back(entry.first);
    }
    return costs;
}

StepGrowth step_growth(const telemetry::Store& store, telemetry::TimeRange range) {
    std::vector<double> plain, drafted;
    StepGrowth growth;
    for_decode_steps(store, range, [&](const StepRow& row) {
        const bool with = row.step.draft_tokens > 0;
        (with ? drafted : plain).push_back(time_of(row));
        (with ? growth.drafted_rows : growth.plain_rows) += double(row.computed_tokens());
    });
    growth.plain_rows /= double(std::max<size_t>(1, plain.size()));
    growth.drafted_rows /= double(std::max<size_t>(1, drafted.size()));
    growth.plain_ns = telemetry::mean_interval(plain);
    growth.drafted_ns = telemetry::mean_interval(drafted);
    return growth;
}

}  // namespace pitwall::panels
