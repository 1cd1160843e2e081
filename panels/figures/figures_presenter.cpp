// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/figures/figures_presenter.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "panels/knobs/knob_text.h"
#include "presets/knob.h"

namespace pitwall::panels {

namespace {

using telemetry::RequestTimes;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kTrailing = 12 * kSecond;  ///< a sparkline's percentile looks back that far

QString samples_text(const QString& range, uint64_t n) {
    return QStringLiteral("%1, n = %2").arg(range, format_count(int64_t(n)));
}

struct Sample {
    int64_t t_ns;
    double value;
};

/// Calls `out(samples of the last kTrailing before the end of the bucket, the end)` bucket by bucket. Sorts by time.
template <class Fn>
void trailing(std::vector<Sample>& samples, telemetry::TimeRange range, int buckets, Fn&& out) {
    std::sort(samples.begin(), samples.end(),
              [](const Sample& a, const Sample& b) { return a.t_ns < b.t_ns; });
    const int64_t step = (range.end_ns - range.begin_ns) / buckets;
    auto first = samples.cbegin(), last = samples.cbegin();
    for (int i = 1; i <= buckets; ++i) {
        const int64_t end = range.begin_ns + step * i;
        while (last != samples.cend() && last->t_ns <= end) ++last;
        while (first != last && first->t_ns <= end - kTrailing) ++first;
        out(std::span(first, last), end);
    }
}

std::vector<double> trailing_p95(std::vector<Sample>& samples, telemetry::TimeRange range, int buckets) {
    std::vector<double> out, window;
    trailing(samples, range, buckets, [&](std::span<const Sample> some, int64_t /*end_ns*/) {
        window.clear();
        for (const Sample& sample : some) window.push_back(sample.value);
        std::sort(window.begin(), window.end());
        out.push_back(telemetry::quantile(window, 0.95));
    });
    return out;
}

/// Nothing before `known_ns`, from when on the store knows: a rate over time of which nothing is known is too low.
std::vector<double> trailing_rate(std::vector<Sample>& samples, telemetry::TimeRange range, int buckets,
                                  int64_t known_ns) {
    std::vector<double> out;
    const int64_t step = (range.end_ns - range.begin_ns) / buckets;
    trailing(samples, range, buckets, [&](std::span<const Sample> some, int64_t end_ns) {
        const int64_t covered = std::min(kTrailing, std::max(step, end_ns - known_ns));
        out.push_back(end_ns <= known_ns ? kNan : double(some.size()) * 1e9 / double(covered));
    });
    return out;
}

/// From when on the store knows what happened; a session begins at 0.
int64_t known_from(const telemetry::Store& store) { return std::max<int64_t>(0, store.history_begin_ns()); }

int64_t knob_value(const telemetry::Store& store, presets::KnobId id) {
    return static_cast<int64_t>(KnobNumbers(store).value(id));
}

FigureTile make(const char* id, const char* label, const char* color, const char* panel, QString definition) {
    FigureTile tile;
    tile.id = QLatin1String(id);
    tile.label = QLatin1String(label);
    tile.color_token = color;
    tile.panel_id = QLatin1String(panel);
    tile.definition = std::move(definition);
    return tile;
}

QString definition_of(telemetry::Metric metric) {
    const auto text = telemetry::definition(metric, telemetry::Formula::kPitwall);
    return QString::fromUtf8(text.data(), qsizetype(text.size()));
}

std::vector<FigureTile> seven_tiles() {
    return {
        make("goodput", "Goodput", "text.secondary", "latency", definition_of(telemetry::Metric::kGoodput)),
        make("ttft_p95", "TTFT p95", "work.prefill", "latency", definition_of(telemetry::Metric::kTtft)),
        make("tpot_p95", "TPOT p95", "work.decode", "latency", definition_of(telemetry::Metric::kTpot)),
        make("output", "Output", "work.decode", "throughput", QStringLiteral("tokens handed out / duration")),
        make("running", "Running, last step", "work.decode", "batch",
             QStringLiteral(
                 "running requests as the newest step left them; the table of requests counts them now")),
        make("kv_held", "KV held, last step", "block.held", "kv_block_map",
             QStringLiteral("blocks with an owner / pool as the newest step left them; cached blocks are "
                            "counted apart; the map counts them now")),
        make("prefix_hit", "Prefix hit", "work.cached", "prefix_cache",
             QStringLiteral("prompt tokens from the cache / prompt tokens of admitted requests")),
    };
}

}  // namespace

FigureTile& FiguresPresenter::tile(const char* id) {
    const auto it = std::find_if(tiles_.begin(), tiles_.end(),
                                 [&](const FigureTile& t) { return t.id == QLatin1String(id); });
    Q_ASSERT(it != tiles_.end());
    return *it;
}

void FiguresPresenter::update(const telemetry::Store& store, telemetry::TimeRange range,
                              const QString& range_label, bool sparks) {
    if (tiles_.empty()) tiles_ = seven_tiles();
    range_label_ = range_label;
    const telemetry::RangeStats stats = telemetry::range_stats(store, range);
    add_goodput(stats);
    add_latency(stats, true);
    add_latency(stats, false);
    add_engine(store, stats);
    update_newest(store);
    const int64_t since = store.now_ns() - sparks_ns_;
    if (!sparks || (sparks_ns_ >= 0 && since >= 0 && since < kSecond)) return;
    update_sparks(store, stats.slo);
    sparks_ns_ = store.now_ns();
}

void FiguresPresenter::add_goodput(const telemetry::RangeStats& stats) {
    FigureTile& goodput = tile("goodput");
    const uint64_t judged = stats.finished + stats.failed;
    goodput.value = judged == 0 ? Quantity{kNoValue, QStringLiteral("req/s")}
                                : format_rate(stats.goodput_per_s(), QStringLiteral("req/s"));
    const double rate = stats.seconds() > 0 ? double(judged) / stats.seconds() : 0;
    goodput.sub = judged == 0 ? QStringLiteral("no request ended yet")
                              : QStringLiteral("%1 of %2 met SLOs")
                                    .arg(format_share(stats.good_fraction()),
                                         format_rate(rate, QStringLiteral("req/s")).text());
    goodput.samples = samples_text(range_label_, judged);
}

void FiguresPresenter::add_latency(const telemetry::RangeStats& stats, bool ttft) {
    FigureTile& latency = tile(ttft ? "ttft_p95" : "tpot_p95");
    const telemetry::Percentiles& percentiles = ttft ? stats.ttft_ns : stats.tpot_ns;
    const double slo = ttft ? stats.slo.ttft_ns : stats.slo.tpot_ns;
    latency.samples = samples_text(range_label_, percentiles.n);
    latency.verdict.reset();
    latency.limit.reset();
    if (slo > 0) latency.limit = slo / 1e6;
    const Quantity limit = format_duration(slo);
    const QString limit_text = QStringLiteral("SLO %1").arg(
        slo < 1e9
            ? format_fixed(slo / 1e6, slo >= 1e7 || std::fmod(slo, 1e6) == 0 ? 0 : 2) + QStringLiteral(" ms")
            : limit.text());
    if (percentiles.n == 0) {
        latency.value = {kNoValue, QStringLiteral("ms")};
        latency.sub = slo > 0 ? limit_text : QStringLiteral("no samples yet");
        return;
    }
    latency.value = format_duration(percentiles.p95);
    if (slo <= 0) {
        latency.sub = QStringLiteral("no SLO set");
        return;
    }
    const bool met = percentiles.p95 <= slo;
    latency.verdict = met ? Verdict::kOk : Verdict::kWarn;
    latency.sub = limit_text + (met ? QStringLiteral(", met") : QStringLiteral(", missed"));
}

void FiguresPresenter::add_engine(const telemetry::Store& store, const telemetry::RangeStats& stats) {
    const bool any = !store.steps().empty();
    FigureTile& output = tile("output");
    output.value = any ? format_rate(stats.output_tokens_per_s(), QStringLiteral("tok/s"))
                       : Quantity{kNoValue, QStringLiteral("tok/s")};
    output.sub = any ? QStringLiteral("prefill %1")
                           .arg(format_rate(stats.prefill_tokens_per_s(), QStringLiteral("tok/s")).text())
                     : QStringLiteral("no step yet");
    output.samples = samples_text(range_label_, stats.steps.steps) + QStringLiteral(" steps");

    FigureTile& hit = tile("prefix_hit");
    const double rate = stats.hit_rate();
    hit.value = {std::isnan(rate) ? kNoValue : format_fixed(rate * 100, 1), QStringLiteral("%")};
    const double evictions = stats.seconds() > 0 ? double(stats.evicted_blocks) / stats.seconds() : 0;
    hit.sub = QStringLiteral("of prompt tokens, %1 evictions/s")
                  .arg(format_fixed(evictions, evictions > 0 && evictions < 10 ? 1 : 0));
    hit.samples = samples_text(range_label_, stats.admissions);
}

bool FiguresPresenter::update_newest(const telemetry::Store& store) {
    if (tiles_.empty()) tiles_ = seven_tiles();
    const bool any = !store.steps().empty();
    FigureTile& running = tile("running");
    FigureTile& held = tile("kv_held");
    const auto words = [&] {
        return QStringList{running.value.text(), running.sub, held.value.text(), held.sub};
    };
    const QStringList before = words();
    running.of_newest_step = held.of_newest_step = true;
    running.samples = held.samples = QStringLiteral("newest step");
    running.value = {
        any ? format_count(store.steps().back().step.running) : kNoValue,
        QStringLiteral("of %1 seqs").arg(format_count(knob_value(store, presets::KnobId::kMaxNumSeqs)))};
    running.sub =
        any ? QStringLiteral("%1 waiting").arg(format_count(store.steps().back().step.waiting)) : QString();
    held.value = {kNoValue, QStringLiteral("%")};
    held.sub.clear();
    if (any) {
        const telemetry::StepEvent& step = store.steps().back().step;
        const double pool = double(step.blocks_held) + step.blocks_cached + step.blocks_free;
        if (pool > 0) held.value.number = format_fixed(100.0 * step.blocks_held / pool, 1);
        const double room = double(step.blocks_held) * store.block_tokens();
        held.sub =
            QStringLiteral("slots filled %1").arg(format_share(room > 0 ? step.slots_filled / room : kNan));
    }
    return words() != before;
}

void FiguresPresenter::update_sparks(const telemetry::Store& store, const telemetry::Slo& slo) {
    const telemetry::TimeRange range{store.now_ns() - kSparkSeconds * kSecond, store.now_ns()};
    std::vector<Sample> ttft, tpot, good;
    store.for_requests({range.begin_ns - kTrailing, range.end_ns + 1}, [&](const telemetry::RequestRow& row) {
        const RequestTimes times = telemetry::times_of(row);
        if (const auto value = telemetry::ttft_ns(times)) ttft.push_back({row.first_token_ns, *value / 1e6});
        if (const auto value = telemetry::tpot_ns(times)) tpot.push_back({row.end_ns, *value / 1e6});
        if (telemetry::is_good(times, slo)) good.push_back({row.end_ns, 1});
    });
    tile("ttft_p95").spark = trailing_p95(ttft, range, kSparkBuckets);
    tile("tpot_p95").spark = trailing_p95(tpot, range, kSparkBuckets);
    tile("goodput").spark = trailing_rate(good, range, kSparkBuckets, known_from(store));
    update_step_sparks(store, range);
}

void FiguresPresenter::update_step_sparks(const telemetry::Store& store, telemetry::TimeRange range) {
    std::vector<double> output, running, held, hit;
    for (const telemetry::Bucket& bucket : telemetry::buckets(store, range, kSparkBuckets)) {
        const bool any = bucket.steps.steps > 0;
        // The first piece of a history is as long as what is known of it.
        const double seconds = double(bucket.end_ns - std::max(bucket.begin_ns, known_from(store))) / 1e9;
        output.push_back(
            seconds <= 0 ? kNan : double(bucket.output_tokens) / std::max(seconds, bucket.seconds() / 4));
        running.push_back(any ? bucket.steps.mean(bucket.steps.running) : kNan);
        held.push_back(any ? 100 * bucket.steps.mean(bucket.steps.occupancy) : kNan);
        hit.push_back(100 * bucket.hit_rate());
    }
    for (size_t i = 1; i < hit.size(); ++i)
        if (std::isnan(hit[i])) hit[i] = hit[i - 1];  // nothing was admitted: the rate stays what it was
    tile("output").spark = std::move(output);
    tile("running").spark = std::move(running);
    tile("kv_held").spark = std::move(held);
    tile("prefix_hit").spark = std::move(hit);
}

QString FiguresPresenter::csv() const {
    QString text = QStringLiteral("figure,value,unit,range,note\n");
    for (const FigureTile& t : tiles_)
        text += QStringLiteral("\"%1\",\"%2\",\"%3\",\"%4\",\"%5\"\n")
                    .arg(t.label, t.value.number, t.value.unit, t.samples, t.sub);
    return text;
}

std::vector<const FigureTile*> shown_tiles(const std::vector<FigureTile>& tiles, double width_at_scale_1) {
    std::vector<const FigureTile*> shown;
    for (const FigureTile& tile : tiles)
        if (width_at_scale_1 >= 1500 || (tile.id != u"running" && tile.id != u"prefix_hit"))
            shown.push_back(&tile);
    return shown;
}

}  // namespace pitwall::panels
