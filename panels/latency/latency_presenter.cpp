// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/latency/latency_presenter.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "panels/changes/change_groups.h"
#include "panels/common/format.h"
#include "telemetry/stats/quantile.h"

namespace pitwall::panels {

using telemetry::RequestRow;
using telemetry::TimeRange;

namespace {

constexpr size_t kSureOfP99 = 100;   ///< samples under which the 99th percentile is a guess
constexpr size_t kLeastOutline = 5;  ///< requests before a change that make a shape
constexpr int64_t kMostBeforeNs = 60'000'000'000;
constexpr double kDefaultTopNs = 1e9;  ///< with neither objective nor samples

/// The least of 1, 2, 4, 8 x 10^n at or above `value`.
double round_up(double value) {
    if (!(value > 0) || !std::isfinite(value)) return 1;
    const double power = std::pow(10, std::floor(std::log10(value)));
    for (const double factor : {1.0, 2.0, 4.0, 8.0})
        if (value <= factor * power * (1 + 1e-9)) return factor * power;
    return 10 * power;
}

const char* metric_name(size_t which) { return which == LatencyPresenter::kTtft ? "TTFT" : "TPOT"; }

/// Decimals that a value of this size needs on an axis.
QString axis_number(double value) {
    return format_fixed(value, value == std::floor(value) ? 0 : value * 10 == std::floor(value * 10) ? 1 : 2);
}

}  // namespace

double histogram_top(double slo, double p75, double p99, double present) {
    const double home = slo > 0 ? round_up(1.3 * slo) : 0;
    if (!(p99 > 0)) return home > 0 ? home : present;
    const double small = round_up(1.5 * p99), large = round_up(1.5 * p75);
    // Twice as far to come back as to leave, or a sample more would swing the axis.
    if (home <= 0) return present > 0 && p99 < present && p99 > present / 10 ? present : small;
    const bool away_low = present > 0 && present<home, away_high = present> home;
    if (p99 < home / (away_low ? 5 : 10))
        return away_low && p99 < present && p99 > present / 8 ? present : small;
    if (p75 > home * (away_high ? 0.7 : 1.0))
        return away_high && p75 < present && p75 > present / 4 ? present : large;
    return home;
}

size_t histogram_bins(double top) {
    const double power = std::pow(10, std::floor(std::log10(top) + 1e-9));
    const int lead = int(std::lround(top / power));
    return lead == 1 ? 25 : lead == 2 ? 40 : 32;
}

size_t LatencyHistogram::bin_of(double value) const {
    if (counts.empty() || !(value > 0)) return 0;
    return std::min(counts.size() - 1, size_t(std::min(value / bin_width, 1e9)));
}

// A TTFT belongs to the moment of its first token, a TPOT to the request's end: the rule of telemetry::range_stats().
LatencyPresenter::Samples LatencyPresenter::collect(TimeRange range, const telemetry::Slo& slo) const {
    Samples samples;
    store_.for_requests(range, [&](const RequestRow& row) {
        const telemetry::RequestTimes times = telemetry::times_of(row);
        if (row.first_token_ns >= 0 && range.contains(row.first_token_ns))
            if (const auto value = telemetry::ttft_ns(times))
                samples[kTtft].push_back({row.id, *value, !telemetry::meets_ttft(times, slo)});
        if (row.end_ns >= 0 && range.contains(row.end_ns) && row.ended())
            if (const auto value = telemetry::tpot_ns(times, formula_))
                samples[kTpot].push_back({row.id, *value, !telemetry::meets_tpot(times, slo)});
    });
    return samples;
}

void LatencyPresenter::collect_before(TimeRange range) {
    const bool known = range.begin_ns == before_range_.begin_ns && range.end_ns == before_range_.end_ns &&
                       formula_ == before_formula_ && store_.generation() == before_generation_;
    if (known) return;
    before_ = collect(range, {});
    before_range_ = range;
    before_formula_ = formula_;
    before_generation_ = store_.generation();
}

void LatencyPresenter::update(TimeRange range, const QString& range_label, RequestId selected) {
    telemetry::Slo slo = telemetry::slo_of(store_);
    slo.ttft_ns = held_slo_ns_[kTtft].value_or(slo.ttft_ns);
    slo.tpot_ns = held_slo_ns_[kTpot].value_or(slo.tpot_ns);
    range_label_ = range_label;
    const auto groups = group_changes(store_.knob_changes());
    TimeRange before_range{};
    if (!groups.empty()) {
        const size_t last = groups.size() - 1;
        const int64_t longest = std::min(kMostBeforeNs, range.end_ns - range.begin_ns);
        before_range = group_ranges(groups, last, groups[last].end_ns + longest, longest).before;
    }
    samples_ = collect(range, slo);
    collect_before(before_range);
    for (const Which which : {kTtft, kTpot}) build(which, slo, before_[which]);
    select(selected);
    scope_ = QStringLiteral("%1, n = %2").arg(range_label, format_count(int64_t(histograms_[kTtft].n)));
    const bool outlined = !histograms_[kTtft].outline.empty() || !histograms_[kTpot].outline.empty();
    outline_change_ = outlined ? groups.back().number : 0;
}

void LatencyPresenter::build(Which which, const telemetry::Slo& slo, const std::vector<Sample>& before) {
    LatencyHistogram& histogram = histograms_[which];
    const double slo_ns = which == kTtft ? slo.ttft_ns : slo.tpot_ns;
    const std::vector<Sample>& samples = samples_[which];
    std::vector<double> sorted;
    sorted.reserve(samples.size());
    for (const Sample& sample : samples) sorted.push_back(sample.ns);
    std::sort(sorted.begin(), sorted.end());

    histogram.name = QLatin1String(metric_name(which));
    histogram.n = samples.size();
    histogram.missed =
        size_t(std::count_if(samples.begin(), samples.end(), [](const Sample& s) { return s.missed; }));
    histogram.samples = QStringLiteral("n = %1").arg(format_count(int64_t(histogram.n)));
    choose_axis(which, slo_ns, sorted);
    const size_t bins = histogram_bins(top_ns_[which]);
    std::vector<double> values = sorted;
    for (double& value : values) value /= histogram.unit_ns;
    const telemetry::Histogram binned = telemetry::histogram(values, histogram.bin_width, bins + 1);
    histogram.counts.assign(binned.counts.begin(), binned.counts.end());
    add_outline(histogram, before);
    histogram.highest = 0;
    for (const auto* heights : {&histogram.counts, &histogram.outline})
        for (const double height : *heights) histogram.highest = std::max(histogram.highest, height);
    add_lines(which, slo_ns, sorted);
}

void LatencyPresenter::choose_axis(Which which, double slo_ns, const std::vector<double>& sorted) {
    LatencyHistogram& histogram = histograms_[which];
    if (!held_slo_ns_[which] || top_ns_[which] <= 0) {
        // An objective that moved takes the axis with it at once.
        const bool moved = axis_slo_ns_[which] != slo_ns;
        axis_slo_ns_[which] = slo_ns;
        const double p75 = telemetry::quantile(sorted, 0.75), p99 = telemetry::quantile(sorted, 0.99);
        const double top = histogram_top(slo_ns, p75, p99, moved ? 0 : top_ns_[which]);
        top_ns_[which] = top > 0 ? top : kDefaultTopNs;
    }
    const double top = top_ns_[which];
    // As the read-outs beside it say their figures: 5.83 s, 3.10 ms.
    const bool seconds = top >= 2e9, microseconds = top < 2e6;
    histogram.unit_ns = seconds ? 1e9 : microseconds ? 1e3 : 1e6;
    histogram.unit = seconds        ? QStringLiteral("s")
                     : microseconds ? QStringLiteral("\u00b5s")
                                    : QStringLiteral("ms");
    histogram.last_edge = top / histogram.unit_ns;
    histogram.bin_width = histogram.last_edge / double(histogram_bins(top));
    histogram.ticks.clear();
    for (int i = 0; i <= 4; ++i) {
        const double value = histogram.last_edge * i / 4;
        const QString text = axis_number(value);
        histogram.ticks.push_back(
            i < 4 ? HistogramTick{value, text, false}
                  : HistogramTick{value, QStringLiteral("\u2265 %1 %2").arg(text, histogram.unit), true});
    }
}

void LatencyPresenter::add_outline(LatencyHistogram& histogram, const std::vector<Sample>& before) const {
    histogram.outline.clear();
    if (before.size() < kLeastOutline || histogram.n == 0) return;
    histogram.outline.assign(histogram.counts.size(), 0);
    const double share = double(histogram.n) / double(before.size());
    for (const Sample& sample : before)
        histogram.outline[histogram.bin_of(sample.ns / histogram.unit_ns)] += share;
}

void LatencyPresenter::add_lines(Which which, double slo_ns, const std::vector<double>& sorted) {
    LatencyHistogram& histogram = histograms_[which];
    histogram.percentiles.clear();
    // A line past the axis stands in the last bin.
    const double farthest = histogram.last_edge + 0.8 * histogram.bin_width;
    for (const double q : {0.50, 0.95, 0.99}) {
        if (sorted.empty()) break;
        const double ns = telemetry::quantile(sorted, q);
        const bool faint = q > 0.98 && sorted.size() < kSureOfP99;
        QString text = QStringLiteral("p%1 %2").arg(std::lround(q * 100)).arg(format_duration(ns).text());
        if (faint) text += QStringLiteral(", ") + histogram.samples;
        histogram.percentiles.push_back({std::min(ns / histogram.unit_ns, farthest), text, faint});
    }
    histogram.slo = {};
    if (slo_ns > 0) {
        const double ms = slo_ns / 1e6;
        const QString missed = histogram.n
                                   ? QStringLiteral("%1 missed")
                                         .arg(format_share(double(histogram.missed) / double(histogram.n)))
                                   : QString();
        const QString text = slo_ns >= 1e9
                                 ? axis_number(std::round(slo_ns / 1e7) / 100) + QStringLiteral(" s")
                                 : QStringLiteral("%1 ms").arg(axis_number(std::round(ms * 100) / 100));
        histogram.slo = {slo_ns / histogram.unit_ns, QStringLiteral("SLO ") + text, missed};
    }
}

void LatencyPresenter::select(RequestId request) {
    const RequestRow* row = store_.find_request(request);
    for (const Which which : {kTtft, kTpot}) {
        LatencyHistogram& histogram = histograms_[which];
        histogram.selected.reset();
        if (!row) continue;
        const telemetry::RequestTimes times = telemetry::times_of(*row);
        std::optional<double> value =
            which == kTtft ? telemetry::ttft_ns(times) : telemetry::tpot_ns(times, formula_);
        if (!value && which == kTpot && row->tpot_ns() > 0) value = row->tpot_ns();  // it runs: so far
        if (value) histogram.selected = *value / histogram.unit_ns;
    }
}

QString LatencyPresenter::figures(Which which) const {
    const LatencyHistogram& histogram = histograms_[which];
    QStringList parts;
    for (const PercentileLine& line : histogram.percentiles) parts << line.text;
    return histogram.name + u' ' + (parts.isEmpty() ? kNoValue : parts.join(QStringLiteral(", ")));
}

RequestId LatencyPresenter::request_in_bin(Which which, size_t bin, RequestId after) const {
    const LatencyHistogram& histogram = histograms_[which];
    RequestId newest = kNoRequest, next = kNoRequest;
    bool seen = false;
    std::vector<RequestId> in_bin;
    for (const Sample& sample : samples_[which])
        if (histogram.bin_of(sample.ns / histogram.unit_ns) == bin) in_bin.push_back(sample.request);
    std::sort(in_bin.begin(), in_bin.end(), std::greater<>());
    for (const RequestId request : in_bin) {
        if (newest == kNoRequest) newest = request;
        if (seen && next == kNoRequest) next = request;
        seen = seen || request == after;
    }
    return seen && next != kNoRequest ? next : newest;
}

QString LatencyPresenter::bin_text(Which which, size_t bin) const {
    const LatencyHistogram& histogram = histograms_[which];
    if (bin >= histogram.counts.size()) return {};
    const QString from = axis_number(double(bin) * histogram.bin_width),
                  count = format_count(int64_t(histogram.counts[bin]));
    const QString share = QStringLiteral("%1 of %2 requests").arg(count, format_count(int64_t(histogram.n)));
    if (bin + 1 == histogram.counts.size())
        return QStringLiteral("\u2265 %1 %2: %3").arg(from, histogram.unit, share);
    return QStringLiteral("%1 to %2 %3: %4")
        .arg(from, axis_number(double(bin + 1) * histogram.bin_width), histogram.unit, share);
}

QString LatencyPresenter::slo_knob_text(Which which, double value) const {
    const double ms = std::max(0.01, value * histograms_[which].unit_ns / 1e6);
    const double raster = std::pow(10, std::floor(std::log10(ms)) - 1) / 2;  // 400, 405; 30.0, 30.5
    const double snapped = std::max(0.01, std::round(ms / raster) * raster);
    return QString::number(snapped, 'g', 6);
}

QString LatencyPresenter::csv() const {
    QString text = QStringLiteral("metric,definition,range,n,p50_ms,p95_ms,p99_ms,slo_ms,missed\n");
    for (const Which which : {kTtft, kTpot}) {
        const LatencyHistogram& histogram = histograms_[which];
        std::vector<double> ms;
        for (const Sample& sample : samples_[which]) ms.push_back(sample.ns / 1e6);
        const telemetry::Percentiles p = telemetry::percentiles(ms);
        text += QStringLiteral("%1,%2,%3,%4,%5,%6,%7,%8,%9\n")
                    .arg(histogram.name, QString::fromUtf8(telemetry::name(formula_).data()), range_label_)
                    .arg(histogram.n)
                    .arg(p.p50, 0, 'f', 3)
                    .arg(p.p95, 0, 'f', 3)
                    .arg(p.p99, 0, 'f', 3)
                    .arg(histogram.slo.value * histogram.unit_ns / 1e6)
                    .arg(histogram.missed);
    }
    text += QStringLiteral("\nmetric,bin_from_%1,requests,before\n").arg(QStringLiteral("ms"));
    for (const Which which : {kTtft, kTpot}) {
        const LatencyHistogram& histogram = histograms_[which];
        for (size_t i = 0; i < histogram.counts.size(); ++i)
            text += QStringLiteral("%1,%2,%3,%4\n")
                        .arg(histogram.name)
                        .arg(double(i) * histogram.bin_width * histogram.unit_ns / 1e6)
                        .arg(histogram.counts[i])
                        .arg(histogram.outline.empty() ? 0 : histogram.outline[i]);
    }
    return text;
}

}  // namespace pitwall::panels
