// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/changes/change_verdict.h"

#include <cmath>

#include "telemetry/stats/intervals.h"

namespace pitwall::panels {

namespace {

constexpr int64_t kLooksNs[] = {10'000'000'000, 20'000'000'000, 30'000'000'000};
constexpr double kStir = 0.05;  ///< less than 5 % is no news, however sure

/// Lengths of the ranges at each look so far, at most as many as those above.
std::vector<int64_t> looks_ns(int64_t length_ns, bool settled) {
    std::vector<int64_t> looks;
    for (const int64_t look : kLooksNs)
        if (look <= length_ns) looks.push_back(look);
    if (settled && looks.size() < std::size(kLooksNs) && (looks.empty() || looks.back() != length_ns))
        looks.push_back(length_ns);
    return looks;
}

struct Look {
    ChangeSide before, after;
    std::vector<EffectFigure> figures(double missed) const { return effect_figures(before, after, missed); }
};

Look look_at(const telemetry::Store& store, const EqualRanges& ranges, int64_t length_ns) {
    const telemetry::TimeRange before{ranges.before.end_ns - length_ns, ranges.before.end_ns},
        after{ranges.after.begin_ns, ranges.after.begin_ns + length_ns};
    return {change_side(store, store.snapped(before)), change_side(store, store.snapped(after))};
}

std::optional<ChangeVerdict> decide(const std::vector<EffectFigure>& figures, size_t first) {
    std::optional<ChangeVerdict> verdict;
    double most = kStir;
    for (size_t i = first; i < figures.size(); ++i) {
        if (!figures[i].apart || std::abs(figures[i].change) < most) continue;
        most = std::abs(figures[i].change);
        verdict = {i, figures[i].better};
    }
    return verdict;
}

bool holds(const ChangeVerdict& verdict, const std::vector<EffectFigure>& figures) {
    const EffectFigure& figure = figures[verdict.figure];
    return figure.apart && figure.better == verdict.better && std::abs(figure.change) >= kStir;
}

}  // namespace

std::optional<ChangeVerdict> judge_change(const telemetry::Store& store, const EqualRanges& ranges,
                                          bool settled, bool view_only) {
    const size_t first = view_only ? kSlosMet : kTtftP95;
    const double missed = telemetry::kMissed / double(std::size(kLooksNs)) / double(kEffectFigures - first);
    std::optional<ChangeVerdict> verdict;
    for (const int64_t length_ns : looks_ns(ranges.after.end_ns - ranges.after.begin_ns, settled)) {
        const Look look = look_at(store, ranges, length_ns);
        if (verdict && !holds(*verdict, look.figures(telemetry::kMissed))) verdict.reset();
        if (!verdict) verdict = decide(look.figures(missed), first);
    }
    return verdict;
}

}  // namespace pitwall::panels
