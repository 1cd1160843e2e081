// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/kv_precision/kv_precision_presenter.h"

#include <algorithm>
#include <cmath>

#include "telemetry/names.h"

namespace pitwall::panels {

using telemetry::Interval;
using telemetry::KvDtype;

namespace {

QString words(KvDtype dtype) { return to_qstring(telemetry::name(dtype)); }

ValueRow row_of(const char* name, QString note, const char* definition) {
    ValueRow row;
    row.name = QString::fromUtf8(name);
    row.note = std::move(note);
    row.definition = QString::fromUtf8(definition);
    return row;
}

ValueCell cell(const QString& number, const char* unit = "", const char* tag = "") {
    return {{number, QString::fromUtf8(unit)}, QLatin1String(tag)};
}

/// "39.7 ±1.6"; without the half width where there is none.
QString with_half(const Interval& of, double unit) {
    if (of.n == 0) return kNoValue;
    const QString value = format_three(of.value / unit);
    return of.known() ? value + QStringLiteral(" \u00b1") + format_three((of.high - of.value) / unit) : value;
}

/// What a keyframe told last before `t_ns`; null where none did.
const telemetry::PoolShape* shape_before(const telemetry::Store& store, int64_t t_ns) {
    const telemetry::PoolShape* found = nullptr;
    for (const telemetry::PoolShape& shape : store.pool_shapes())
        if (shape.t_ns < t_ns) found = &shape;
    return found;
}

}  // namespace

QString format_nats(double nats) {
    if (!std::isfinite(nats)) return kNoValue;
    if (nats == 0) return QStringLiteral("0");
    return std::abs(nats) >= 1e-3
               ? QString::number(nats, 'g', 3)
               : QString::number(nats, 'e', 1).replace(QStringLiteral("e-0"), QStringLiteral("e-"));
}

void KvPrecisionPresenter::update(telemetry::TimeRange range, const QString& range_label) {
    formats_ = kv_formats(store_);
    effect_ = kv_effect(store_, effects_);
    describe_format();
    describe_quality(range);
    describe_effect();
    scope_ = formats_.empty()
                 ? range_label
                 : QStringLiteral("%1, probe over %2").arg(words(formats_.back().dtype), range_label);
}

void KvPrecisionPresenter::describe_format() {
    format_.clear();
    ValueRow now = row_of("Format", {}, "kv_cache_dtype in force, and since when");
    now.strong = true;
    now.cells = {cell(kNoValue)};
    if (!formats_.empty()) {
        const KvFormatSpan& span = formats_.back();
        now.cells = {cell(words(span.dtype))};
        now.swatch = kv_format_token(span.dtype);
        now.note = span.change == 0 ? QStringLiteral("from the start")
                                    : QStringLiteral("since %1, change %2")
                                          .arg(format_clock_short(span.begin_ns))
                                          .arg(span.change);
    }
    format_.push_back(std::move(now));
    describe_sizes();
    ValueRow pause =
        row_of("Pause of the change", {},
               "Measured: how long the engine stood while it converted the blocks that hold data");
    const bool changed = !formats_.empty() && formats_.back().change != 0;
    const Quantity took =
        changed ? format_duration(double(formats_.back().pause_ns)) : Quantity{kNoValue, {}};
    pause.cells = {{took, {}}};
    if (!changed) pause.note = QStringLiteral("it never changed");
    format_.push_back(std::move(pause));
}

/// Before the last change and after it, where there was one. The keyframe that comes with a change lies within its pause.
void KvPrecisionPresenter::describe_sizes() {
    const bool changed = !formats_.empty() && formats_.back().change != 0;
    const telemetry::PoolShape* before =
        changed ? shape_before(store_, formats_.back().begin_ns - formats_.back().pause_ns) : nullptr;
    const uint64_t blocks_now = empty() ? 0 : store_.steps().back().pool_blocks();
    const telemetry::PoolShape after{0, uint32_t(std::min<uint64_t>(blocks_now, UINT32_MAX)),
                                     store_.bytes_per_block()};
    const uint32_t block_tokens = std::max(1u, store_.block_tokens());
    const auto add = [&](const char* name, const char* unit, const char* definition, auto&& number) {
        ValueRow row = row_of(name, {}, definition);
        if (before) row.cells.push_back(cell(number(*before), "", "before"));
        const bool known = after.bytes_per_block > 0 && !empty();
        row.cells.push_back(cell(known ? number(after) : kNoValue, unit, before ? "now" : ""));
        format_.push_back(std::move(row));
    };
    using Shape = telemetry::PoolShape;
    add("Blocks", "blocks", "Of the pool: as the keyframe before the change told, and after the newest step",
        [](const Shape& s) { return format_count(s.num_blocks); });
    add("Tokens that fit", "tok", "Token slots of the whole pool",
        [&](const Shape& s) { return format_count(int64_t{s.num_blocks} * block_tokens); });
    add("Bytes a token", "B",
        "Bytes of a block, scales included / its token slots: K and V of one token over all layers",
        [&](const Shape& s) { return format_bytes(double(s.bytes_per_block) / block_tokens).number; });
}

// ------------------------------------------------------------------------------------------------ quality

KvPrecisionPresenter::NoProbe KvPrecisionPresenter::why_no_probe() const {
    if (probe_.samples() > 0) return NoProbe::kThereAre;
    if (formats_.empty() || formats_.back().dtype == KvDtype::kF16) return NoProbe::kReference;
    return store_.knob_value("kv_quality_probe", 0) == 0 ? NoProbe::kOff : NoProbe::kNotYet;
}

void KvPrecisionPresenter::describe_quality(telemetry::TimeRange range) {
    quality_.clear();
    probe_ = formats_.empty() ? KvProbeFigures{} : kv_probe_figures(store_, range, formats_.back().dtype);
    no_probe_ = why_no_probe();
    if (no_probe_ == NoProbe::kThereAre) return describe_probe(range);
    ValueRow row = row_of("No samples", {}, "");
    row.cells = {cell(kNoValue)};
    switch (no_probe_) {
        case NoProbe::kReference:
            row.note = QStringLiteral("f16 is what others are compared with");
            row.definition = QStringLiteral("Choose another kv_cache_dtype to see what it costs");
            break;
        case NoProbe::kOff:
            row.note = QStringLiteral("kv_quality_probe is off");
            row.definition = QStringLiteral(
                "Turn the knob kv_quality_probe on: it computes pieces of texts twice, "
                "in idle time and a small share of the rest");
            break;
        default:
            row.note = QStringLiteral("none in this range yet");
            row.definition = QStringLiteral(
                "The probe takes each piece of a running or lately finished request's text "
                "once, within its share of the time; a longer range may hold some");
    }
    quality_.push_back(std::move(row));
}

void KvPrecisionPresenter::describe_probe(telemetry::TimeRange range) {
    const KvProbeFigures& p = probe_;
    const auto interval = [&](const Interval& of, double scale, auto&& text) {
        return of.known() ? QStringLiteral("%1 to %2").arg(text(of.low * scale), text(of.high * scale))
                          : kNoValue;
    };
    ValueRow samples =
        row_of("Samples", QStringLiteral("against %1").arg(words(p.reference)),
               "Pieces of the texts of running and lately finished requests that were computed "
               "in both formats, in the range; each piece counts once");
    samples.cells = {cell(format_count(int64_t(p.samples())))};
    ValueRow mean =
        row_of("Mean KL", {},
               "Of the next token's distribution, the reference's from the format's, in nats: mean over "
               "samples with its 95 % t interval; each sample is the mean of its positions and counts once");
    mean.strong = true;
    mean.note = interval(p.mean_kl, 1, format_nats);
    mean.cells = {cell(format_nats(p.mean_kl.value), "nats")};
    ValueRow worst = row_of("Worst KL", {}, "Of all positions of all samples");
    worst.cells = {cell(format_nats(p.worst_kl), "nats")};
    ValueRow flips = row_of("Top-1 flips", {},
                            "Positions at which the most probable token is another, of all compared, "
                            "with the 95 % Wilson interval");
    const auto percent = [](double share) { return format_three(share); };
    flips.note = QStringLiteral("%1 of %2, %3 %")
                     .arg(format_count(int64_t(p.flips)), format_count(int64_t(p.positions)),
                          interval(p.flip_share, 100, percent));
    flips.cells = {cell(p.positions ? format_three(p.flip_share.value * 100) : kNoValue, "%")};
    ValueRow text = row_of("Tokens a sample", {},
                           "The piece of text, in tokens, from its request's prompt and answer; "
                           "the distribution after each 4th token from the 8th on is compared");
    text.cells = {
        cell(p.least_tokens == p.most_tokens
                 ? format_count(p.most_tokens)
                 : QStringLiteral("%1 to %2").arg(format_count(p.least_tokens), format_count(p.most_tokens)),
             "tok")};
    ValueRow cost = row_of("Cost", format_duration(double(p.cost_ns)).text(),
                           "Time that the engine spent on samples / the range");
    const double length = double(range.end_ns - range.begin_ns);
    cost.cells = {
        cell(length > 0 ? format_three(100 * double(p.cost_ns) / length) : kNoValue, "% of the time")};
    quality_ = {std::move(samples), std::move(mean), std::move(worst),
                std::move(flips),   std::move(text), std::move(cost)};
}

// ------------------------------------------------------------------------------------------------ before and after

QString KvPrecisionPresenter::effect_caption() const {
    if (!effect_) return QStringLiteral("Before and after the last change");
    const double seconds = double(effect_->after.range.end_ns - effect_->after.range.begin_ns) / 1e9;
    return QStringLiteral("%1 s before and after change %2, each \u00b1 half its 95 % interval")
        .arg(format_fixed(std::max(0.0, seconds), 0))
        .arg(effect_->change);
}

void KvPrecisionPresenter::add_effect(const char* name, const Interval& before, const Interval& after,
                                      double unit, const char* unit_name, const char* definition) {
    ValueRow row = row_of(name, QStringLiteral("n = %1 and %2").arg(before.n).arg(after.n), definition);
    row.cells = {cell(with_half(before, unit), "", "before"),
                 cell(with_half(after, unit), unit_name, "after")};
    row.definition += apart(before, after) ? QStringLiteral("\nThe intervals do not overlap")
                                           : QStringLiteral("\nThe intervals overlap: no clear change");
    row.strong = apart(before, after);
    effect_rows_.push_back(std::move(row));
}

void KvPrecisionPresenter::describe_effect() {
    effect_rows_.clear();
    pays_.clear();
    if (!effect_) {
        ValueRow row = row_of("No change yet", QStringLiteral("turn kv_cache_dtype"),
                              "Turn the knob kv_cache_dtype under load, and what it did stands here");
        row.cells = {cell(kNoValue)};
        effect_rows_.push_back(std::move(row));
        return;
    }
    const KvEffectSide &b = effect_->before, &a = effect_->after;
    add_effect("Output", b.output_per_s, a.output_per_s, 1, "tok/s",
               "Output tokens a second, mean and t interval over ten equal pieces of the range");
    add_effect("TTFT, mean", b.ttft_ns, a.ttft_ns, 1e6, "ms",
               "First token - arrival, of first tokens in the range; t interval");
    add_effect(
        "TPOT, mean", b.tpot_ns, a.tpot_ns, 1e6, "ms",
        "(last - first token) / (output tokens - 1), of requests that finished in the range; t interval");
    add_effect("Decode step, mean", b.decode_step_ns, a.decode_step_ns, 1e6, "ms",
               "Execution time of steps that only decoded, without drafts; t interval, as if steps were "
               "independent");
    describe_pays();
}

void KvPrecisionPresenter::describe_pays() {
    const BreakEven& pays = effect_->pays;
    ValueRow row = row_of("Pays from", {}, "");
    row.strong = true;
    const QString seen =
        QStringLiteral("%1 to %2 tok")
            .arg(format_count(int64_t(pays.least_context)), format_count(int64_t(pays.most_context)));
    switch (pays.answer) {
        case BreakEven::Answer::kFrom:
            row.cells = {cell(format_count(int64_t(std::ceil(pays.context_tokens))), "tok a sequence")};
            break;
        case BreakEven::Answer::kEverywhere:
            row.cells = {cell(QStringLiteral("all that was seen"))};
            break;
        case BreakEven::Answer::kNotSeen:
            row.cells = {cell(QStringLiteral("not within what was seen"))};
            break;
        case BreakEven::Answer::kNoFit:
            row.cells = {cell(QStringLiteral("the fit does not carry it"))};
    }
    if (pays.answer != BreakEven::Answer::kNoFit)
        row.note = QStringLiteral("%1 sequences, seen %2").arg(format_three(pays.sequences), seen);
    row.definition = QStringLiteral(
        "Context a sequence from which a decode step is shorter than before the change, at as many sequences "
        "as ran "
        "after it.\nLeast squares: execution time of decode steps on sequences and on their context tokens, "
        "before and "
        "after. Said only where both have n of 30 and r\u00b2 of 0.5 or more, and the difference at the "
        "longest context "
        "is beyond its 95 % interval");
    pays_.push_back(std::move(row));
    for (const auto& [name, side] :
         {std::pair{"Fit before", &effect_->before}, std::pair{"Fit after", &effect_->after}}) {
        ValueRow fit =
            row_of(name, {}, "Execution time = base + per sequence + per context token, by least squares");
        fit.cells = {cell(kNoValue)};
        fit.note =
            QStringLiteral("n = %1, contexts or sequences did not move enough").arg(side->decode_step_ns.n);
        if (side->fit) {
            fit.cells = {cell(format_three(side->fit->token_ns), "ns a token")};
            fit.note =
                QStringLiteral("n = %1, r\u00b2 %2").arg(side->fit->n).arg(format_fixed(side->fit->r2, 2));
        }
        pays_.push_back(std::move(fit));
    }
}

QString KvPrecisionPresenter::csv() const {
    return QStringLiteral("kv_precision,value,unit\n") + csv_lines(format_) + csv_lines(quality_) +
           csv_lines(effect_rows_) + csv_lines(pays_);
}

}  // namespace pitwall::panels
