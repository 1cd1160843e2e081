// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/changes/change_effect.h"

#include <algorithm>
#include <cmath>

namespace pitwall::panels {

using telemetry::RangeStats;

namespace {

constexpr size_t kSure = 8;  ///< requests on each side that a percentile needs to be worth a verdict
const QString kArrow = QStringLiteral(" \u2192 ");

/// The logarithm of a ratio, where a rate of nothing counts as one small step: 128 to 0 evictions is news.
double log_ratio(double before, double after, double least) {
    if (!std::isfinite(before) || !std::isfinite(after)) return 0;
    return std::log((std::max(after, 0.0) + least) / (std::max(before, 0.0) + least));
}

EffectFigure duration_figure(const char* name, double before_ns, double after_ns, size_t n_before,
                             size_t n_after) {
    EffectFigure figure;
    figure.name = QLatin1String(name);
    const TimeUnit unit = time_unit_for(std::isfinite(after_ns) ? std::max(before_ns, after_ns) : before_ns);
    figure.before = format_duration(before_ns, unit);
    figure.after = format_duration(after_ns, unit);
    figure.change = log_ratio(before_ns, after_ns, 1);
    figure.better = figure.change < 0;
    figure.sure = std::min(n_before, n_after) >= kSure;
    return figure;
}

EffectFigure rate_figure(const char* name, double before, double after, const QString& unit,
                         bool more_is_better, double least, bool sure) {
    EffectFigure figure;
    figure.name = QLatin1String(name);
    figure.before = format_rate(before, unit);
    figure.after = format_rate(after, unit);
    figure.change = log_ratio(before, after, least);
    figure.better = (figure.change > 0) == more_is_better;
    figure.sure = sure;
    return figure;
}

EffectFigure share_figure(const char* name, double before, double after, bool sure) {
    EffectFigure figure;
    figure.name = QLatin1String(name);
    figure.before = {format_fixed(before * 100, 1), QStringLiteral("%")};
    figure.after = {format_fixed(after * 100, 1), QStringLiteral("%")};
    figure.change = log_ratio(before, after, 0.1);
    figure.better = figure.change > 0;
    figure.sure = sure && std::isfinite(before) && std::isfinite(after);
    return figure;
}

double evictions_per_s(const RangeStats& stats) {
    return stats.seconds() > 0 ? double(stats.evicted_blocks) / stats.seconds() : 0;
}

std::vector<EffectFigure> figures_of(const RangeStats& b, const RangeStats& a) {
    const bool enough_steps = std::min(b.steps.steps, a.steps.steps) >= kSure && b.seconds() >= 2;
    const bool enough_ends = std::min(b.finished, a.finished) >= kSure;
    return {
        duration_figure("TTFT p95", b.ttft_ns.p95, a.ttft_ns.p95, b.ttft_ns.n, a.ttft_ns.n),
        duration_figure("TPOT p95", b.tpot_ns.p95, a.tpot_ns.p95, b.tpot_ns.n, a.tpot_ns.n),
        rate_figure("output", b.output_tokens_per_s(), a.output_tokens_per_s(), QStringLiteral("tok/s"), true,
                    1, enough_steps),
        rate_figure("evictions", evictions_per_s(b), evictions_per_s(a), QStringLiteral("blocks/s"), false, 4,
                    enough_steps),
        share_figure("prefix hit", b.hit_rate(), a.hit_rate(), std::min(b.admissions, a.admissions) >= kSure),
        share_figure("SLOs met", b.good_fraction(), a.good_fraction(), enough_ends),
    };
}

/// What came of it is judged by the figure that moved most; an objective that moved can only move who meets it.
std::optional<size_t> telling_figure(const std::vector<EffectFigure>& figures, bool view_only) {
    std::optional<size_t> telling;
    for (size_t i = view_only ? figures.size() - 1 : 0; i < figures.size(); ++i)
        if (figures[i].sure && (!telling || std::abs(figures[i].change) > std::abs(figures[*telling].change)))
            telling = i;
    return telling;
}

}  // namespace

ChangeEffect ChangeEffects::compute(const std::vector<ChangeGroup>& groups, size_t index) const {
    ChangeEffect effect;
    effect.group = groups[index];
    effect.ranges = group_ranges(groups, index, store_.now_ns(), kLongestNs);
    // Of long ago sums are kept in pieces, none of which reaches over a change: only the outer ends move.
    effect.before = telemetry::range_stats(store_, store_.snapped(effect.ranges.before));
    effect.after = telemetry::range_stats(store_, store_.snapped(effect.ranges.after));
    effect.figures = figures_of(effect.before, effect.after);
    const presets::KnobSpec* spec = numbers_.spec(effect.group.knob);
    effect.telling = telling_figure(effect.figures, spec && spec->effect == presets::KnobEffect::kView);
    const int64_t possible = group_ranges(groups, index, INT64_MAX / 2, kLongestNs).after.end_ns;
    effect.settled = effect.ranges.after.end_ns >= possible;
    return effect;
}

std::optional<ChangeEffect> ChangeEffects::compute(uint32_t number) const {
    const std::vector<ChangeGroup> groups = group_changes(store_.knob_changes());
    const auto found = std::find_if(groups.begin(), groups.end(),
                                    [&](const ChangeGroup& group) { return group.number == number; });
    if (found == groups.end()) return std::nullopt;
    return compute(groups, size_t(found - groups.begin()));
}

void ChangeEffects::update() {
    const std::vector<ChangeGroup> groups = group_changes(store_.knob_changes());
    std::vector<ChangeEffect> effects;
    effects.reserve(groups.size());
    for (size_t i = 0; i < groups.size(); ++i) {
        const bool kept = i < effects_.size() && effects_[i].settled && effects_[i].group == groups[i] &&
                          store_.now_ns() >= effects_[i].ranges.after.end_ns;
        effects.push_back(kept ? std::move(effects_[i]) : compute(groups, i));
    }
    effects_ = std::move(effects);
}

const ChangeEffect* ChangeEffects::find(uint32_t number) const {
    const auto found = std::find_if(effects_.begin(), effects_.end(),
                                    [&](const ChangeEffect& e) { return e.group.number == number; });
    return found == effects_.end() ? nullptr : &*found;
}

QString ChangeEffects::values(const ChangeGroup& group) const {
    const presets::KnobSpec* spec = numbers_.spec(group.knob);
    // Off and on again in one go, which a choice of another draft model is as well: its weights are read either way.
    constexpr auto kDraft = static_cast<double>(presets::SpeculativeMethod::kDraft);
    if (spec && spec->id == presets::KnobId::kSpeculativeMethod && group.old_value == kDraft &&
        group.new_value == kDraft)
        return QStringLiteral("draft, model loaded anew");
    if (!spec) return format_three(group.old_value) + kArrow + format_three(group.new_value);
    const Quantity before = knob_quantity(*spec, group.old_value),
                   after = knob_quantity(*spec, group.new_value);
    return (before.unit == after.unit ? before.number : before.text()) + kArrow + after.text();
}

HoverCard ChangeEffects::card(const ChangeEffect& effect) const {
    HoverCard card;
    card.title = QStringLiteral("%1 %2").arg(effect.group.number).arg(knob_name(effect.group));
    card.aside = values(effect.group);
    const auto line = [&](size_t i) {
        const EffectFigure& f = effect.figures[i];
        return QStringLiteral("%1 %2%3%4").arg(f.name, f.before.number, kArrow, f.after.text());
    };
    card.lines = {
        line(0) + QStringLiteral(", ") + line(1), line(2),
        QStringLiteral("%1 s before and after, n = %2 and %3")
            .arg(format_fixed(effect.before.seconds(), 0), format_count(int64_t(effect.before.finished)),
                 format_count(int64_t(effect.after.finished)))};
    return card;
}

}  // namespace pitwall::panels
