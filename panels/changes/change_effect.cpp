// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/changes/change_effect.h"

#include <algorithm>

#include "telemetry/stats/intervals.h"

namespace pitwall::panels {

namespace {

const QString kArrow = QStringLiteral(" \u2192 ");

/// Where no change is clear, always the same figure: one that moved most would be another at every look.
std::optional<size_t> calm_figure(const std::vector<EffectFigure>& figures, bool view_only) {
    for (const size_t i : {kOutput, kTpotP50, kTtftP50, kPrefixHit, kSlosMet})
        if (figures[i].enough && (i == kSlosMet || !view_only)) return i;
    return std::nullopt;
}

}  // namespace

ChangeEffect ChangeEffects::compute(const std::vector<ChangeGroup>& groups, size_t index) const {
    ChangeEffect effect;
    effect.group = groups[index];
    effect.ranges = group_ranges(groups, index, store_.now_ns(), kLongestNs);
    // Of long ago sums are kept in pieces, none of which reaches over a change: only the outer ends move.
    ChangeSide before = change_side(store_, store_.snapped(effect.ranges.before)),
               after = change_side(store_, store_.snapped(effect.ranges.after));
    effect.figures = effect_figures(before, after, telemetry::kMissed);
    effect.before = before.stats;
    effect.after = after.stats;
    const int64_t possible = group_ranges(groups, index, INT64_MAX / 2, kLongestNs).after.end_ns;
    effect.settled = effect.ranges.after.end_ns >= possible;
    const presets::KnobSpec* spec = numbers_.spec(effect.group.knob);
    const bool view_only = spec && spec->effect == presets::KnobEffect::kView;
    effect.verdict = judge_change(store_, effect.ranges, effect.settled, view_only);
    // Decided by as much as there was at a look: what is shown by now may lie on the other side.
    if (effect.verdict && effect.figures[effect.verdict->figure].better != effect.verdict->better)
        effect.verdict.reset();
    effect.telling = effect.verdict ? effect.verdict->figure : calm_figure(effect.figures, view_only);
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

QString ChangeEffects::rule() {
    return QStringLiteral(
               "A check or a triangle stands where before and after are apart beyond chance, and by 5 % or "
               "more: 95 % for all %1 figures at three looks, when 10, 20 and 30 s are told on both sides, "
               "or all that ever will be. "
               "Rates by Welch's t over ten pieces of each side, latencies by order statistics, SLOs met by "
               "Newcombe's interval. Until then output is shown")
        .arg(kEffectFigures);
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
        line(kTtftP95) + QStringLiteral(", ") + line(kTpotP95), line(kOutput),
        QStringLiteral("%1 s before and after, n = %2 and %3")
            .arg(format_fixed(effect.before.seconds(), 0), format_count(int64_t(effect.before.finished)),
                 format_count(int64_t(effect.after.finished)))};
    return card;
}

}  // namespace pitwall::panels
