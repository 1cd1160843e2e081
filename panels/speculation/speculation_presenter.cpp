// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/speculation/speculation_presenter.h"

#include <algorithm>
#include <cmath>

#include "panels/knobs/knob_text.h"
#include "presets/knob.h"
#include "telemetry/names.h"

namespace pitwall::panels {

using telemetry::DraftMethod;
using telemetry::DraftSums;

namespace {

double share(double part, double whole) { return whole > 0 ? part / whole : std::nan(""); }
QString percent(double of) { return std::isfinite(of) ? format_fixed(of * 100, 1) : kNoValue; }
QString counted(uint64_t n) { return format_count(int64_t(n)); }
QString between(const telemetry::Interval& of) {
    return QStringLiteral("%1 to %2 %").arg(percent(of.low), percent(of.high));
}

QString acceptance_text(const BatchCost& cost) {
    if (!cost.measured.known())
        return QStringLiteral("acceptance is told from %1 drafts on").arg(BatchCost::kLeastDrafts);
    return QStringLiteral("%1 % accepted, 95 % Wilson interval %2")
        .arg(percent(cost.measured.value), between(cost.measured));
}

QString needed_text(const BatchCost& cost) {
    if (cost.steps < BatchCost::kLeastSteps)
        return QStringLiteral("What is needed is told from %1 steps on").arg(BatchCost::kLeastSteps);
    if (!cost.needed.known())
        return QStringLiteral(
                   "Its steps do not tell what is needed: they are of too few different numbers of rows, or "
                   "it "
                   "is not known to \u00b1%1 % at 95 %")
            .arg(percent(BatchCost::kWidest));
    return QStringLiteral(
               "%1 % needed, 95 % t interval %2: a step takes %3, and %4 more for each row (r\u00b2 %5)")
        .arg(percent(cost.needed.value), between(cost.needed), format_duration(cost.plain_ns).text(),
             format_duration(std::max(0.0, cost.row_ns)).text(), format_fixed(cost.r2, 2));
}

ValueRow row_of(const char* name, const QString& number, const char* unit, QString note,
                const char* definition) {
    ValueRow row;
    row.name = QString::fromUtf8(name);
    row.cells = {{{number, QString::fromUtf8(unit)}, {}}};
    row.note = std::move(note);
    row.definition = QString::fromUtf8(definition);
    return row;
}

}  // namespace

void SpeculationPresenter::update(telemetry::TimeRange range, const QString& range_label) {
    steps_ = telemetry::range_stats(store_, range).steps;
    drafts_ = steps_.all_drafts();
    costs_ = batch_costs(store_, range);
    describe_positions();
    describe_gained();
    describe_methods(range);
    describe_spent(range);
    describe_batches();
    scope_ = QStringLiteral("%1, n = %2 drafts").arg(range_label, counted(drafts_.drafted_tokens()));
}

SpeculationPresenter::Empty SpeculationPresenter::why_empty() const {
    if (drafts_.sequences > 0) return Empty::kThereAre;
    const double method = store_.knob_value("speculative_method", 0);  // of a damaged recording it may be any
    if (method == 0) return Empty::kOff;
    if (store_.steps().empty()) return Empty::kNoStep;
    if (method != static_cast<double>(DraftMethod::kDraft)) return Empty::kNoDraft;
    const bool loaded = store_.device() && store_.device()->draft_bytes > 0;
    if (!loaded) return Empty::kLoading;
    return steps_.decode_tokens > 0 ? Empty::kNotWorth : Empty::kReading;
}

/// What of it the recording does not tell is left open.
QString SpeculationPresenter::why_not_worth() const {
    QString elsewhere = QStringLiteral("was chosen later, or the step's token budget left no room for them");
    if (store_.knob_value("speculative_adaptive", 1) == 0) return elsewhere;
    const telemetry::DeviceEvent& device = *store_.device();
    const bool as_large = device.weight_bytes > 0 && device.draft_bytes >= device.weight_bytes;
    return QStringLiteral("%1; or it %2. With speculative_adaptive off it drafts wherever there is room")
        .arg(as_large
                 ? QStringLiteral("is no smaller than the model itself, so that drafts cannot pay")
                 : QStringLiteral("drafts only where that pays by the times and the acceptance seen so far"),
             elsewhere);
}

QString SpeculationPresenter::draft_model() const { return to_qstring(store_.session("draft_model")); }

/// Where the engine gave one up, as nothing else says why the knob stands at none: it says so itself, a keyframe repeats
/// it. What somebody else asked for and could not have is no loss.
QString SpeculationPresenter::why_lost() const {
    using telemetry::KnobOrigin;
    const telemetry::KnobEvent& method = KnobNumbers(store_).state(presets::KnobId::kSpeculativeMethod).last;
    const bool told = method.origin == KnobOrigin::kEngine || method.origin == KnobOrigin::kStart;
    if (!told || method.bound != telemetry::KnobBound::kUnavailable) return {};
    return to_qstring(store_.session("draft_model_lost"));
}

QString SpeculationPresenter::empty_sentence() const {
    const QString why = why_lost();
    const QString lost =
        why.isEmpty() ? QString() : QStringLiteral("the draft model is lost (%1), ").arg(why);
    switch (why_empty()) {
        case Empty::kOff:
            return QStringLiteral(
                       "No drafts in this range: %1speculative_method is none; ngram and suffix would "
                       "make them, and a draft model (Engine > Draft model)")
                .arg(lost);
        case Empty::kNoStep:
            return QStringLiteral("No step yet. Drafts come once requests decode");
        case Empty::kNoDraft:
            return QStringLiteral(
                "No drafts in this range: no text repeated, or the budget left no room for them");
        case Empty::kLoading:
            return QStringLiteral("No drafts in this range: the draft model %1 is still being loaded")
                .arg(draft_model());
        case Empty::kReading:
            return QStringLiteral(
                       "No drafts in this range: no request decodes, and the draft model %1 drafts for those "
                       "that do: start the workload or send a prompt")
                .arg(draft_model());
        case Empty::kNotWorth:
            return QStringLiteral("No drafts in this range: the draft model %1 %2")
                .arg(draft_model(), why_not_worth());
        case Empty::kThereAre:
            break;
    }
    return {};
}

void SpeculationPresenter::describe_positions() {
    positions_.clear();
    for (size_t i = 0; i < DraftSums::kPositions && drafts_.drafted[i] > 0; ++i) {
        ShareBar bar;
        bar.label = QString::number(i + 1);
        bar.bar = share(double(drafts_.accepted[i]), double(drafts_.drafted[i]));
        bar.mark = share(double(drafts_.accepted[i]), double(drafts_.reached[i]));
        bar.tip = QStringLiteral(
                      "Draft %1 of a step: %2 % accepted, n = %3\n%4 % of those whose drafts before it were "
                      "all accepted, n = %5")
                      .arg(bar.label, percent(bar.bar), counted(drafts_.drafted[i]), percent(bar.mark),
                           counted(drafts_.reached[i]));
        positions_.push_back(std::move(bar));
    }
}

void SpeculationPresenter::describe_gained() {
    const uint64_t drafted = drafts_.drafted_tokens(), accepted = drafts_.accepted_tokens();
    const auto of_drafted = [&](uint64_t n) {
        return QStringLiteral("%1 %").arg(percent(share(double(n), double(drafted))));
    };
    gained_.clear();
    describe_loss();
    gained_.push_back(row_of(
        "Tokens a drafted step",
        drafts_.sequences ? format_fixed(1 + double(accepted) / double(drafts_.sequences), 2) : kNoValue,
        "tok", QStringLiteral("n = %1").arg(counted(drafts_.sequences)),
        "Of a sequence in a step that verified drafts of it: accepted ones, and the one that the "
        "sampler gives in any case"));
    gained_.back().strong = true;
    gained_.push_back(
        row_of("Drafted", counted(drafted), "tok", {}, "Tokens that were drafted and verified"));
    gained_.push_back(row_of("Accepted", counted(accepted), "tok", of_drafted(accepted),
                             "Drafts that the sampler picked too and that were handed out"));
    gained_.back().swatch = "work.draft_accepted";
    gained_.push_back(row_of("Wasted", counted(drafted - accepted), "tok", of_drafted(drafted - accepted),
                             "Drafts that were computed and came to nothing"));
    gained_.back().swatch = "work.draft_wasted";
}

/// Also while older drafts are in the range: its figures are those of a model that drafts no more.
void SpeculationPresenter::describe_loss() {
    const QString why = why_lost();
    if (why.isEmpty()) return;
    gained_.push_back(row_of("Draft model", QStringLiteral("lost"), "", why,
                             "The engine gave it up and turned speculative_method to none; choosing draft "
                             "again reads its weights again"));
    gained_.back().bad = true;
}

/// Where more than one drafted in the range, or a model did.
void SpeculationPresenter::describe_methods(telemetry::TimeRange range) {
    const auto used = std::count_if(steps_.drafts.begin(), steps_.drafts.end(),
                                    [](const DraftSums& method) { return method.sequences > 0; });
    for (size_t i = 0; i < steps_.drafts.size(); ++i) {
        const DraftSums& sums = steps_.drafts[i];
        const auto method = static_cast<DraftMethod>(i + 1);
        const bool model = method == DraftMethod::kDraft && !draft_model().isEmpty();
        if (sums.sequences == 0 || (used == 1 && !model)) continue;
        ValueRow row =
            row_of("", percent(share(double(sums.accepted_tokens()), double(sums.drafted_tokens()))),
                   "% accepted", QStringLiteral("n = %1").arg(counted(sums.drafted_tokens())),
                   "Accepted of the drafts of this method");
        row.name = to_qstring(telemetry::name(method));
        if (model) name_model(row, range);
        gained_.push_back(std::move(row));
    }
}

/// The session says which one was loaded last, and no more: where that was after the first of these drafts, they may be
/// those of several.
void SpeculationPresenter::name_model(ValueRow& row, telemetry::TimeRange range) const {
    const uint16_t knob = KnobNumbers(store_).number(presets::KnobId::kSpeculativeMethod);
    const int64_t since_ns = first_draft_ns(store_, range, DraftMethod::kDraft).value_or(range.begin_ns);
    const auto changes = store_.knob_changes();
    const bool again = std::any_of(changes.begin(), changes.end(), [&](const telemetry::KnobChange& change) {
        return change.t_ns > since_ns && change.event.knob == knob &&
               change.event.effective_value == static_cast<double>(DraftMethod::kDraft);
    });
    row.name += QStringLiteral(", ") + (again ? QStringLiteral("loaded more than once") : draft_model());
    if (again)
        row.definition +=
            QStringLiteral(". Since the first of them a draft model was loaded again, the same or another");
}

void SpeculationPresenter::describe_spent(telemetry::TimeRange range) {
    spent_.clear();
    spent_.push_back(row_of(
        "Wasted work", percent(steps_.wasted_share()), "%",
        format_duration(double(steps_.wasted_ns) + double(steps_.wasted_draft_ns)).text(),
        "Of the time that executing and drafting took in all steps of the range: of a step's execution "
        "the share of its tokens that were drafts which came to nothing, and that share of each "
        "sequence's drafts of what making them took. Requests book rejected drafts, and all drafting, "
        "as the cause speculation"));
    spent_.back().strong = true;
    spent_.push_back(
        row_of("Drafting", percent(share(double(drafts_.draft_ns), double(steps_.duration_ns))), "%",
               format_duration(double(drafts_.draft_ns)).text(),
               "Time that making the drafts took, of the duration of all steps in the range; "
               "what a draft model read in steps without drafts counts with the next that has some"));
    const StepGrowth growth = step_growth(store_, range);
    ValueRow step =
        row_of("Decode step", {}, "",
               QStringLiteral("n = %1 and %2").arg(counted(growth.plain_ns.n), counted(growth.drafted_ns.n)),
               "Mean time, execution and drafting, of steps that computed no prompt, without and with drafts "
               "in them; of steps that are kept one by one. What a draft model read in steps before, new "
               "prompts say, is in the time of those with drafts");
    ValueRow rows =
        row_of("Rows of such a step", {}, "", {}, "Mean tokens that it computed, drafts included");
    const auto ms = [](const telemetry::Interval& of) {
        return of.n ? format_three(of.value / 1e6) : kNoValue;
    };
    step.cells = {{{ms(growth.plain_ns), {}}, QStringLiteral("plain")},
                  {{ms(growth.drafted_ns), QStringLiteral("ms")}, QStringLiteral("with drafts")}};
    rows.cells = {
        {{growth.plain_ns.n ? format_three(growth.plain_rows) : kNoValue, {}}, QStringLiteral("plain")},
        {{growth.drafted_ns.n ? format_three(growth.drafted_rows) : kNoValue, QStringLiteral("tok")},
         QStringLiteral("with drafts")}};
    spent_.push_back(std::move(step));
    spent_.push_back(std::move(rows));
}

void SpeculationPresenter::describe_batches() {
    batches_.clear();
    verdicts_.clear();
    for (const BatchCost& cost : costs_) {
        const QString sequences =
            counted(cost.sequences) +
            (cost.sequences == 1 ? QStringLiteral(" sequence") : QStringLiteral(" sequences"));
        const QString said = acceptance_text(cost) + u'\n' + needed_text(cost);
        batches_.push_back({QString::number(cost.sequences),
                            QStringLiteral("%1: %2\nn = %3 steps, %4 drafts")
                                .arg(sequences, said, counted(cost.steps), counted(cost.drafted)),
                            cost.measured.value, cost.needed.value, cost.measured.low, cost.measured.high});
        ValueRow row;
        row.name = sequences;
        row.note = QStringLiteral("n = %1 steps, %2 drafts").arg(counted(cost.steps), counted(cost.drafted));
        if (cost.measured.known())
            row.note = QStringLiteral("%1, n = %2").arg(between(cost.measured), counted(cost.drafted));
        const auto share_cell = [](double share, const char* tag) {
            const QString unit = std::isfinite(share) ? QStringLiteral("%") : QString();
            return ValueCell{{percent(share), unit}, QLatin1String(tag)};
        };
        row.cells = {share_cell(cost.measured.value, "measured"), share_cell(cost.needed.value, "needed")};
        row.definition =
            said +
            QStringLiteral(
                ".\nNeeded: that share of one more draft for each sequence must be accepted for the "
                "step to make as many tokens a second as without it; time is execution and drafting, "
                "by least squares on the rows of steps with this many decoding sequences. What a draft "
                "model read in steps before counts with the step that drafts next, so that more seems "
                "needed while many new prompts come");
        row.bad = cost.too_little();
        verdicts_.push_back(std::move(row));
    }
}

QString SpeculationPresenter::csv() const {
    QString text = QStringLiteral("speculation,value,unit\n") + csv_lines(gained_) + csv_lines(spent_);
    text += QStringLiteral("position,drafted,accepted,reached\n");
    for (size_t i = 0; i < positions_.size(); ++i)
        text += QStringLiteral("%1,%2,%3,%4\n")
                    .arg(i + 1)
                    .arg(drafts_.drafted[i])
                    .arg(drafts_.accepted[i])
                    .arg(drafts_.reached[i]);
    text += QStringLiteral(
        "sequences,steps,drafted,accepted,accepted_low,accepted_high,step_ns,row_ns,r2,acceptance_needed,"
        "needed_low,needed_high\n");
    const auto number = [](double value, int decimals) {
        return std::isfinite(value) ? QString::number(value, 'f', decimals) : QString();
    };
    for (const BatchCost& cost : costs_) {
        const auto fitted = [&](double value, int decimals) {
            return cost.needed.known() ? number(value, decimals) : QString();
        };
        text += QStringLiteral("%1,%2,%3,%4,%5,%6,")
                    .arg(cost.sequences)
                    .arg(cost.steps)
                    .arg(cost.drafted)
                    .arg(cost.accepted)
                    .arg(number(cost.measured.low, 4), number(cost.measured.high, 4));
        text +=
            QStringLiteral("%1,%2,%3,%4,%5,%6\n")
                .arg(fitted(cost.plain_ns, 0), fitted(cost.row_ns, 0), fitted(cost.r2, 3),
                     number(cost.needed.value, 4), number(cost.needed.low, 4), number(cost.needed.high, 4));
    }
    return text;
}

}  // namespace pitwall::panels
