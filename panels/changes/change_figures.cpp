// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/changes/change_figures.h"

#include <algorithm>
#include <cmath>

#include "telemetry/stats/intervals.h"

namespace pitwall::panels {

using telemetry::Bucket;
using telemetry::Interval;
using telemetry::RangeStats;

namespace {

constexpr size_t kEnough = 8;  ///< requests or steps on each side
constexpr size_t kLeastPieces = 5;

/// The logarithm of a ratio, where a rate of nothing counts as one small step: 128 to 0 evictions is news.
double log_ratio(double before, double after, double least) {
    if (!std::isfinite(before) || !std::isfinite(after)) return 0;
    return std::log((std::max(after, 0.0) + least) / (std::max(before, 0.0) + least));
}

bool without_zero(const Interval& difference) { return difference.low > 0 || difference.high < 0; }

EffectFigure duration_figure(const char* name, const std::vector<double>& before,
                             const std::vector<double>& after, double q, double missed) {
    const Interval b = telemetry::quantile_interval(before, q, missed / 2),
                   a = telemetry::quantile_interval(after, q, missed / 2);
    EffectFigure figure;
    figure.name = QLatin1String(name);
    const TimeUnit unit = time_unit_for(std::isfinite(a.value) ? std::max(b.value, a.value) : b.value);
    figure.before = format_duration(b.value, unit);
    figure.after = format_duration(a.value, unit);
    figure.change = log_ratio(b.value, a.value, 1);
    figure.better = figure.change < 0;
    figure.enough = std::min(b.n, a.n) >= kEnough;
    figure.apart = figure.enough && telemetry::apart(b, a);
    return figure;
}

using RatesOf = std::vector<double> (*)(std::span<const Bucket>);

std::vector<double> eviction_rates(std::span<const Bucket> pieces) {
    std::vector<double> rates;
    for (const Bucket& piece : pieces) rates.push_back(double(piece.evicted_blocks) / piece.seconds());
    return rates;
}

/// Of the pieces in which anything was admitted.
std::vector<double> hit_rates(std::span<const Bucket> pieces) {
    std::vector<double> rates;
    for (const Bucket& piece : pieces)
        if (piece.prompt_tokens > 0) rates.push_back(piece.hit_rate());
    return rates;
}

/// Where the mean over pieces moved as `change` did, which weighs them: few pieces may say anything.
bool pieces_apart(const ChangeSide& before, const ChangeSide& after, RatesOf rates_of, double missed,
                  double change) {
    const std::vector<double> b = rates_of(before.pieces), a = rates_of(after.pieces);
    if (std::min(b.size(), a.size()) < kLeastPieces) return false;
    const Interval difference = telemetry::mean_difference(b, a, missed);
    return without_zero(difference) && (difference.value > 0) == (change > 0);
}

EffectFigure rate_figure(const char* name, double before, double after, const char* unit, bool more_is_better,
                         double least) {
    EffectFigure figure;
    figure.name = QLatin1String(name);
    figure.before = format_rate(before, QLatin1String(unit));
    figure.after = format_rate(after, QLatin1String(unit));
    figure.change = log_ratio(before, after, least);
    figure.better = (figure.change > 0) == more_is_better;
    return figure;
}

EffectFigure share_figure(const char* name, double before, double after) {
    EffectFigure figure;
    figure.name = QLatin1String(name);
    figure.before = {format_fixed(before * 100, 1), QStringLiteral("%")};
    figure.after = {format_fixed(after * 100, 1), QStringLiteral("%")};
    figure.change = log_ratio(before, after, 0.1);
    figure.better = figure.change > 0;
    figure.enough = std::isfinite(before) && std::isfinite(after);
    return figure;
}

EffectFigure output_figure(const ChangeSide& b, const ChangeSide& a, double missed) {
    EffectFigure figure =
        rate_figure("output", b.stats.output_tokens_per_s(), a.stats.output_tokens_per_s(), "tok/s", true, 1);
    figure.enough = std::min(b.stats.steps.steps, a.stats.steps.steps) >= kEnough && b.stats.seconds() >= 2;
    figure.apart = figure.enough && pieces_apart(b, a, telemetry::output_rates, missed, figure.change);
    return figure;
}

EffectFigure eviction_figure(const ChangeSide& b, const ChangeSide& a, double missed) {
    const auto per_s = [](const RangeStats& stats) {
        return stats.seconds() > 0 ? double(stats.evicted_blocks) / stats.seconds() : 0;
    };
    EffectFigure figure = rate_figure("evictions", per_s(b.stats), per_s(a.stats), "blocks/s", false, 4);
    figure.enough = std::min(b.stats.steps.steps, a.stats.steps.steps) >= kEnough && b.stats.seconds() >= 2;
    figure.apart = figure.enough && pieces_apart(b, a, eviction_rates, missed, figure.change);
    return figure;
}

EffectFigure hit_figure(const ChangeSide& b, const ChangeSide& a, double missed) {
    EffectFigure figure = share_figure("prefix hit", b.stats.hit_rate(), a.stats.hit_rate());
    figure.enough &= std::min(b.stats.admissions, a.stats.admissions) >= kEnough;
    figure.apart = figure.enough && pieces_apart(b, a, hit_rates, missed, figure.change);
    return figure;
}

EffectFigure slo_figure(const RangeStats& b, const RangeStats& a, double missed) {
    EffectFigure figure = share_figure("SLOs met", b.good_fraction(), a.good_fraction());
    figure.enough &= std::min(b.finished, a.finished) >= kEnough;
    const Interval difference =
        telemetry::share_difference(telemetry::wilson_interval(b.good, b.finished + b.failed, missed),
                                    telemetry::wilson_interval(a.good, a.finished + a.failed, missed));
    figure.apart = figure.enough && without_zero(difference);
    return figure;
}

}  // namespace

ChangeSide change_side(const telemetry::Store& store, telemetry::TimeRange range) {
    ChangeSide side;
    side.stats = telemetry::range_stats(store, range);
    telemetry::LatencySamples samples = telemetry::latency_samples(store, range);
    std::ranges::sort(samples.ttft_ns);
    std::ranges::sort(samples.tpot_ns);
    side.ttft_ns = std::move(samples.ttft_ns);
    side.tpot_ns = std::move(samples.tpot_ns);
    side.pieces = telemetry::rate_pieces(store, range);
    return side;
}

std::vector<EffectFigure> effect_figures(const ChangeSide& b, const ChangeSide& a, double missed) {
    return {
        duration_figure("TTFT p95", b.ttft_ns, a.ttft_ns, 0.95, missed),
        duration_figure("TPOT p95", b.tpot_ns, a.tpot_ns, 0.95, missed),
        output_figure(b, a, missed),
        duration_figure("TTFT p50", b.ttft_ns, a.ttft_ns, 0.5, missed),
        duration_figure("TPOT p50", b.tpot_ns, a.tpot_ns, 0.5, missed),
        eviction_figure(b, a, missed),
        hit_figure(b, a, missed),
        slo_figure(b.stats, a.stats, missed),
    };
}

}  // namespace pitwall::panels
