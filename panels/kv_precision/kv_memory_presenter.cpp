// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/kv_precision/kv_memory_presenter.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "panels/kv_precision/kv_precision_presenter.h"
#include "panels/kv_precision/probe_pieces.h"
#include "telemetry/names.h"
#include "telemetry/stats/range_stats.h"

namespace pitwall::panels {

namespace {
constexpr double kMiB = 1 << 20, kGiB = 1 << 30;
constexpr double kGiBFrom = 10 * kGiB;

/// From sums over `n` steps.
void set_bytes(KvMemoryPresenter::Point& point, double held, double cached, double pool, double n) {
    point.held_bytes = held / n;
    point.cached_bytes = cached / n;
    point.free_bytes = std::max(0.0, (pool - held - cached) / n);
}
}  // namespace

double KvMemoryPresenter::unit_bytes() const { return most_bytes_ >= kGiBFrom ? kGiB : kMiB; }
QString KvMemoryPresenter::unit() const {
    return most_bytes_ >= kGiBFrom ? QStringLiteral("GiB") : QStringLiteral("MiB");
}

void KvMemoryPresenter::update(telemetry::TimeRange window, std::optional<int64_t> cursor_ns) {
    const auto buckets = telemetry::buckets(store_, window, kPoints, true,
                                            {.tokens = false, .requests = false, .evictions = false});
    formats_ = kv_formats(store_);
    points_.assign(buckets.size(), {});
    for (size_t i = 0; i < buckets.size(); ++i) {
        Point& point = points_[i];
        const telemetry::StepSums& steps = buckets[i].steps;
        point.begin_ns = buckets[i].begin_ns;
        point.end_ns = buckets[i].end_ns;
        point.steps = steps.steps_with_kv_bytes;
        point.told = point.steps > 0;
        if (point.told)
            set_bytes(point, steps.kv_held_bytes, steps.kv_cached_bytes, steps.kv_pool_bytes,
                      double(point.steps));
    }
    point_ns_ = std::max<int64_t>(1, buckets.front().end_ns - buckets.front().begin_ns);
    add_gaps();
    carry_on();
    most_bytes_ = 0;
    for (const Point& point : points_)
        most_bytes_ = std::max(most_bytes_, point.held_bytes + point.cached_bytes + point.free_bytes);
    add_samples();
    read(cursor_ns);
}

void KvMemoryPresenter::add_gaps() {
    for (Point& point : points_) point.gap = point.begin_ns < store_.history_begin_ns();
    for (const telemetry::MarkRow& mark : store_.marks())
        if (mark.mark == telemetry::MarkKind::kGap)
            for (Point& point : points_) point.gap |= mark.t_ns >= point.begin_ns && mark.t_ns < point.end_ns;
}

/// A pool does not vanish while nobody computes.
void KvMemoryPresenter::carry_on() {
    const Point* last = nullptr;
    for (Point& point : points_) {
        if (point.told) last = &point;
        if (point.gap) last = nullptr;
        if (point.told || point.gap || point.begin_ns >= store_.now_ns()) continue;
        if (const telemetry::StepRow* step = step_before(point.begin_ns)) {
            const double block = step->bytes_per_block;
            set_bytes(point, step->step.blocks_held * block, step->step.blocks_cached * block,
                      double(step->pool_blocks()) * block, 1);
            point.carried = true;
        } else if (last) {  // of long ago: its last step is folded into its mean
            point.held_bytes = last->held_bytes, point.cached_bytes = last->cached_bytes,
            point.free_bytes = last->free_bytes;
            point.carried = true;
        }
    }
}

/// The last one, where its bytes are known and nothing was left out since.
const telemetry::StepRow* KvMemoryPresenter::step_before(int64_t t_ns) const {
    const auto& steps = store_.steps();
    const auto next = std::lower_bound(
        steps.begin(), steps.end(), t_ns,
        [](const telemetry::StepRow& row, int64_t before_ns) { return row.start_ns < before_ns; });
    if (next == steps.begin() || std::prev(next)->bytes_per_block == 0) return nullptr;
    const telemetry::StepRow& step = *std::prev(next);
    for (const telemetry::MarkRow& mark : store_.marks())
        if (mark.mark == telemetry::MarkKind::kGap && mark.t_ns >= step.start_ns && mark.t_ns < t_ns)
            return nullptr;
    return &step;
}

void KvMemoryPresenter::add_samples() {
    most_kl_ = 0;
    ProbePieces pieces(store_);
    for (const telemetry::ProbeRow& row : store_.probes()) {
        if (row.t_ns < points_.front().begin_ns || row.t_ns >= points_.back().end_ns) continue;
        if (!std::isfinite(row.probe.mean_kl) || !pieces.add(row)) continue;
        const auto index = size_t((row.t_ns - points_.front().begin_ns) / point_ns_);
        Point& point = points_[std::min(index, points_.size() - 1)];
        point.kl += row.probe.mean_kl;
        ++point.samples;
    }
    for (Point& point : points_) {
        point.kl = point.samples ? point.kl / double(point.samples) : std::nan("");
        if (point.samples) most_kl_ = std::max(most_kl_, point.kl);
    }
}

const KvMemoryPresenter::Point* KvMemoryPresenter::point_at(int64_t t_ns) const {
    if (points_.empty() || t_ns < points_.front().begin_ns) return nullptr;
    const auto index = size_t((t_ns - points_.front().begin_ns) / point_ns_);
    return &points_[std::min(index, points_.size() - 1)];
}

void KvMemoryPresenter::read(std::optional<int64_t> cursor_ns) {
    const Point none;
    const Point* point = cursor_ns ? point_at(*cursor_ns) : nullptr;
    for (auto p = points_.rbegin(); !point && !cursor_ns && p != points_.rend(); ++p)
        if (p->known()) point = &*p;
    if (!point) point = &none;
    const KvFormatSpan* format = kv_format_at(formats_, cursor_ns.value_or(store_.now_ns()));
    const char* token = format ? kv_format_token(format->dtype) : "block.held";
    const QString name = format ? to_qstring(telemetry::name(format->dtype)) + u' ' : QString();
    const auto part = [&](const char* what, double bytes, double opacity) {
        return CaptionPart{.text = QLatin1String(what) + format_fixed(bytes / unit_bytes(), 1),
                           .token = "text.primary",
                           .swatch = token,
                           .swatch_opacity = opacity};
    };
    memory_caption_ = {};
    memory_caption_.parts = {{.text = QStringLiteral("KV pool, %1: %2").arg(unit(), name)},
                             part("held ", point->held_bytes, 1),
                             part("cached ", point->cached_bytes, kCachedOpacity),
                             part("free ", point->free_bytes, kFreeOpacity)};
    probe_caption_ = {};
    probe_caption_.parts = {{.text = QStringLiteral("Mean KL of the probe's samples, nats")}};
    probe_caption_.value =
        point->samples ? Quantity{format_nats(point->kl), QStringLiteral("nats")} : Quantity{};
    if (most_kl_ == 0 && probe_caption_.value.number.isEmpty())
        probe_caption_.aside = QStringLiteral("no sample");
}

HoverCard KvMemoryPresenter::card_at(int64_t t_ns, const QString& moment) const {
    const Point* point = point_at(t_ns);
    if (!point) return {};
    HoverCard card;
    card.title = moment;
    const KvFormatSpan* format = kv_format_at(formats_, t_ns);
    if (format) card.aside = to_qstring(telemetry::name(format->dtype));
    card.lines.push_back(QStringLiteral("held %1, cached %2, free %3")
                             .arg(format_memory(point->held_bytes).text(),
                                  format_memory(point->cached_bytes).text(),
                                  format_memory(point->free_bytes).text()));
    QString last = point->carried
                       ? QStringLiteral("no step here: as the last one left it")
                       : QStringLiteral("mean over %1 steps").arg(format_count(int64_t(point->steps)));
    if (point->samples)
        last += QStringLiteral("; KL %1 nats, n = %2").arg(format_nats(point->kl)).arg(point->samples);
    card.lines.push_back(std::move(last));
    return card;
}

QString KvMemoryPresenter::csv() const {
    QString text =
        QStringLiteral("time_s,format,held_bytes,cached_bytes,free_bytes,steps,mean_kl_nats,samples\n");
    for (const Point& point : points_) {
        const KvFormatSpan* format = kv_format_at(formats_, point.end_ns);
        text += QStringLiteral("%1,%2,%3,%4,%5,%6,%7,%8\n")
                    .arg(double(point.end_ns) / 1e9, 0, 'f', 3)
                    .arg(format ? to_qstring(telemetry::name(format->dtype)) : QString())
                    .arg(point.held_bytes, 0, 'f', 0)
                    .arg(point.cached_bytes, 0, 'f', 0)
                    .arg(point.free_bytes, 0, 'f', 0)
                    .arg(point.steps)
                    .arg(point.samples ? QString::number(point.kl, 'g', 6) : QString())
                    .arg(point.samples);
    }
    return text;
}

}  // namespace pitwall::panels
