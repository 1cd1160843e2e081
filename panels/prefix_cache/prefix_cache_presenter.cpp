// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/prefix_cache/prefix_cache_presenter.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace pitwall::panels {

using telemetry::MissReason;
using telemetry::TimeRange;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kRecentNs = 2 * kSecond;  ///< over which "evictions now" is counted
constexpr std::array<const char*, static_cast<size_t>(MissReason::kCount)> kReasons = {
    "all found", "never seen", "evicted", "cache off", "too short"};

double share(uint64_t part, uint64_t whole) { return whole ? double(part) / double(whole) : kNaN; }

double recent_evictions_per_s(const telemetry::Store& store) {
    uint64_t blocks = 0;
    const auto& rows = store.evictions();
    for (auto row = rows.rbegin(); row != rows.rend() && row->t_ns > store.now_ns() - kRecentNs; ++row)
        blocks += row->blocks;
    return double(blocks) / (double(kRecentNs) / double(kSecond));
}

}  // namespace

PrefixHit prefix_hit(const telemetry::RequestRow& row, PrefixCachePresenter::Unit unit,
                     uint32_t block_tokens) {
    if (unit == PrefixCachePresenter::Unit::kTokens) return {row.cached_tokens, row.prompt_tokens};
    const uint32_t block = std::max(1u, block_tokens);
    return {row.cached_tokens / block,
            row.prompt_tokens / block};  // a block that is not full is never cached
}

void PrefixCachePresenter::update(TimeRange window, TimeRange range, const QString& range_label,
                                  std::optional<int64_t> cursor_ns) {
    const std::vector<telemetry::Bucket> buckets = telemetry::buckets(
        store_, window, kPoints, true, {.steps = false, .tokens = false, .requests = false});
    points_.assign(buckets.size(), {});
    for (size_t i = 0; i < buckets.size(); ++i) {
        points_[i].begin_ns = buckets[i].begin_ns;
        points_[i].end_ns =
            std::min(buckets[i].end_ns, std::max(store_.now_ns() + 1, buckets[i].begin_ns + 1));
        points_[i].told = worth_a_point(buckets[i].begin_ns, buckets[i].end_ns, store_.now_ns());
    }
    point_ns_ = buckets.front().end_ns - buckets.front().begin_ns;
    add_requests(range);
    add_evictions(buckets);
    for (const telemetry::MarkRow& mark : store_.marks())
        if (mark.mark == telemetry::MarkKind::kGap)
            for (Point& point : points_) point.gap |= mark.t_ns >= point.begin_ns && mark.t_ns < point.end_ns;
    // Nothing is known of what came before the history, which is not the same as nothing.
    for (Point& point : points_) point.gap |= point.begin_ns < store_.history_begin_ns();
    scope_ = QStringLiteral("%1, n = %2").arg(range_label, format_count(int64_t(range_admitted_)));
    read(cursor_ns);
}

void PrefixCachePresenter::add_requests(TimeRange range) {
    const int64_t back = std::max(kSmoothNs, point_ns_);
    range_hits_ = range_asked_ = range_admitted_ = 0;
    const TimeRange seen{std::min(range.begin_ns, points_.front().begin_ns - back),
                         std::max(range.end_ns, points_.back().end_ns)};
    store_.for_requests(seen, [&](const telemetry::RequestRow& row) {
        if (row.scheduled_ns < 0) return;
        add_to_points(row);
        if (!range.contains(row.scheduled_ns)) return;
        const PrefixHit hit = prefix_hit(row, unit_, store_.block_tokens());
        range_hits_ += hit.hits;
        range_asked_ += hit.asked;
        ++range_admitted_;
    });
    for (Point& point : points_) point.hit_rate = share(point.hits, point.asked);
}

/// To every point whose look-back reaches the moment of its admission.
void PrefixCachePresenter::add_to_points(const telemetry::RequestRow& row) {
    const int64_t first = points_.front().begin_ns, back = std::max(kSmoothNs, point_ns_);
    const auto points = int64_t(points_.size());
    if (row.scheduled_ns < first - back) return;
    const PrefixHit hit = prefix_hit(row, unit_, store_.block_tokens());
    const int64_t offset = row.scheduled_ns - first;
    const int64_t from = offset >= 0 ? offset / point_ns_ : 0;
    const int64_t to = std::min(points - 1, (offset + back - 1) / point_ns_);
    for (int64_t i = from; i <= to; ++i) {
        Point& point = points_[size_t(i)];
        if (row.scheduled_ns >= point.end_ns || row.scheduled_ns < point.end_ns - back) continue;
        point.hits += hit.hits;
        point.asked += hit.asked;
        ++point.misses[static_cast<size_t>(row.miss)];
    }
}

void PrefixCachePresenter::add_evictions(const std::vector<telemetry::Bucket>& buckets) {
    most_evictions_ = 0;
    for (size_t i = 0; i < buckets.size(); ++i) {
        // The newest piece is not over: half a second at least, or two blocks make a spike.
        const int64_t lasted =
            std::clamp<int64_t>(store_.now_ns() - buckets[i].begin_ns, point_ns_ / 4, point_ns_);
        points_[i].evictions_per_s = double(buckets[i].evicted_blocks) * double(kSecond) / double(lasted);
        most_evictions_ = std::max(most_evictions_, points_[i].evictions_per_s);
    }
}

const PrefixCachePresenter::Point* PrefixCachePresenter::point_at(int64_t t_ns) const {
    if (points_.empty() || t_ns < points_.front().begin_ns) return nullptr;
    const auto index = size_t((t_ns - points_.front().begin_ns) / std::max<int64_t>(1, point_ns_));
    return &points_[std::min(index, points_.size() - 1)];
}

void PrefixCachePresenter::read(std::optional<int64_t> cursor_ns) {
    const bool tokens = unit_ == Unit::kTokens;
    double hit_rate = share(range_hits_, range_asked_), evictions = recent_evictions_per_s(store_);
    if (const Point* point = cursor_ns ? point_at(*cursor_ns) : nullptr) {
        hit_rate = point->hit_rate;
        evictions = point->evictions_per_s;
    }
    const QString what = tokens ? QStringLiteral("Hit rate, % of prompt tokens")
                                : QStringLiteral("Hit rate, % of whole prompt blocks");
    const Quantity rate = std::isnan(hit_rate)
                              ? Quantity{kNoValue, {}}
                              : Quantity{format_fixed(hit_rate * 100, 1), QStringLiteral("%")};
    hit_caption_ = {{{.text = what}}, rate, {}};
    eviction_caption_ = {{{.text = QStringLiteral("Evictions, blocks/s")}},
                         {format_fixed(evictions, 0), QStringLiteral("blocks/s")},
                         {}};
}

HoverCard PrefixCachePresenter::card_at(int64_t t_ns, const QString& moment) const {
    const Point* point = point_at(t_ns);
    if (!point) return {};
    HoverCard card;
    card.title = moment;
    card.aside = QStringLiteral("%1 before it").arg(seconds_text(std::max(kSmoothNs, point_ns_)));
    const QString unit = unit_ == Unit::kTokens ? QStringLiteral("tokens") : QStringLiteral("blocks");
    card.lines.push_back(
        QStringLiteral("%1 of %2 %3 from cache")
            .arg(format_count(int64_t(point->hits)), format_count(int64_t(point->asked)), unit));
    QStringList reasons;
    for (size_t i = 1; i < point->misses.size(); ++i)
        if (point->misses[i])
            reasons << QStringLiteral("%1 %2").arg(QLatin1String(kReasons[i])).arg(point->misses[i]);
    card.lines.push_back(reasons.isEmpty() ? QStringLiteral("no request missed")
                                           : QStringLiteral("missed: ") + reasons.join(QStringLiteral(", ")));
    return card;
}

QString PrefixCachePresenter::csv() const {
    const QString unit = unit_ == Unit::kTokens ? QStringLiteral("tokens") : QStringLiteral("blocks");
    QString text = QStringLiteral("time_s,hit_rate,hit_%1,asked_%1,evictions_blocks_per_s\n").arg(unit);
    for (const Point& point : points_)
        text += QStringLiteral("%1,%2,%3,%4,%5\n")
                    .arg(double(point.end_ns) / 1e9, 0, 'f', 3)
                    .arg(std::isnan(point.hit_rate) ? QString() : QString::number(point.hit_rate, 'f', 5))
                    .arg(point.hits)
                    .arg(point.asked)
                    .arg(point.evictions_per_s, 0, 'f', 3);
    return text;
}

}  // namespace pitwall::panels
