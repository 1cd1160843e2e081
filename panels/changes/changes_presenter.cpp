// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/changes/changes_presenter.h"

namespace pitwall::panels {

bool ChangesPresenter::update() {
    effects_.update();
    std::vector<ChangeRowView> rows;
    rows.reserve(effects_.all().size());
    for (const ChangeEffect& effect : effects_.all()) rows.push_back(make_row(effect));
    const bool moved = rows != rows_;
    rows_ = std::move(rows);
    return moved;
}

ChangeRowView ChangesPresenter::make_row(const ChangeEffect& effect) const {
    ChangeRowView row;
    row.number = effect.group.number;
    row.knob = effects_.knob_name(effect.group);
    row.values = effects_.values(effect.group);
    row.time = format_clock_short(effect.group.begin_ns);
    row.t_ns = effect.group.end_ns;
    if (const presets::KnobSpec* spec = effects_.numbers().spec(effect.group.knob))
        row.note = bound_text(*spec, effect.group.bound, effect.group.new_value);
    if (row.note.isEmpty() && effect.group.pause_ns > 0)
        row.note = QStringLiteral("held the engine for %1")
                       .arg(format_duration(double(effect.group.pause_ns)).text());
    if (!effect.telling) {
        row.figure =
            effect.settled ? QStringLiteral("too few requests to compare") : QStringLiteral("measuring");
        row.verdict_word = row.figure;
        return row;
    }
    const EffectFigure& figure = effect.figures[*effect.telling];
    row.figure = figure.name;
    row.before_after = figure.before.number + QStringLiteral(" \u2192 ") + figure.after.number;
    row.unit = figure.after.unit;
    row.verdict_word =
        effect.settled ? QStringLiteral("no clear change") : QStringLiteral("no clear change yet");
    if (!effect.verdict) return row;
    const bool better = effect.verdict->better;
    row.verdict = better ? ChangeRowView::Verdict::kBetter : ChangeRowView::Verdict::kWorse;
    row.verdict_word = better ? QStringLiteral("better") : QStringLiteral("worse");
    return row;
}

ChangesPresenter::Undo ChangesPresenter::undo(uint32_t number) const {
    const ChangeEffect* effect = effects_.find(number);
    const presets::KnobSpec* spec = effect ? effects_.numbers().spec(effect->group.knob) : nullptr;
    if (!spec) return {};
    return {to_qstring(spec->name),
            QString::fromStdString(presets::format_value(*spec, effect->group.old_value))};
}

QString ChangesPresenter::csv() const {
    QString text = QStringLiteral(
        "number,time_s,knob,change,figure,before,after,unit,verdict,seconds,n_before,n_after\n");
    for (size_t i = 0; i < rows_.size(); ++i) {
        const ChangeRowView& row = rows_[i];
        const ChangeEffect& effect = effects_.all()[i];
        const EffectFigure none;
        const EffectFigure& figure = effect.telling ? effect.figures[*effect.telling] : none;
        text += QStringLiteral("%1,%2,%3,%4,%5,%6,%7,%8,%9,")
                    .arg(row.number)
                    .arg(double(effect.group.begin_ns) / 1e9, 0, 'f', 3)
                    .arg(row.knob, csv_quoted(row.values), figure.name, csv_quoted(figure.before.number),
                         csv_quoted(figure.after.number), figure.after.unit, row.verdict_word);
        text += QStringLiteral("%1,%2,%3\n")
                    .arg(effect.before.seconds(), 0, 'f', 1)
                    .arg(effect.before.finished)
                    .arg(effect.after.finished);
    }
    return text;
}

}  // namespace pitwall::panels
