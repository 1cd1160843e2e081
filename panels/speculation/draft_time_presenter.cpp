// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/speculation/draft_time_presenter.h"

#include <algorithm>
#include <cmath>

#include "telemetry/stats/range_stats.h"

namespace pitwall::panels {

void DraftTimePresenter::update(telemetry::TimeRange window, std::optional<int64_t> cursor_ns) {
    const auto buckets = telemetry::buckets(store_, window, kPoints, true,
                                            {.tokens = false, .requests = false, .evictions = false});
    points_.assign(buckets.size(), {});
    point_ns_ = std::max<int64_t>(1, buckets.front().end_ns - buckets.front().begin_ns);
    most_per_s_ = most_wasted_ = 0;
    for (size_t i = 0; i < buckets.size(); ++i) {
        Point& point = points_[i];
        const telemetry::StepSums& steps = buckets[i].steps;
        const telemetry::DraftSums drafts = steps.all_drafts();
        point.begin_ns = buckets[i].begin_ns;
        point.end_ns = buckets[i].end_ns;
        point.told = worth_a_point(point.begin_ns, point.end_ns, store_.now_ns());
        point.gap = point.begin_ns < store_.history_begin_ns();
        point.steps = steps.steps;
        point.drafted = drafts.drafted_tokens();
        point.accepted = drafts.accepted_tokens();
        // The newest piece is not over.
        const double seconds =
            double(std::clamp<int64_t>(store_.now_ns() - point.begin_ns, point_ns_ / 4 + 1, point_ns_)) / 1e9;
        point.accepted_per_s = double(point.accepted) / seconds;
        point.wasted_per_s = double(point.drafted - point.accepted) / seconds;
        point.wasted_share = steps.wasted_share();
        if (!point.told) continue;
        most_per_s_ = std::max(most_per_s_, point.accepted_per_s + point.wasted_per_s);
        if (std::isfinite(point.wasted_share)) most_wasted_ = std::max(most_wasted_, point.wasted_share);
    }
    for (const telemetry::MarkRow& mark : store_.marks())
        if (mark.mark == telemetry::MarkKind::kGap)
            for (Point& point : points_) point.gap |= mark.t_ns >= point.begin_ns && mark.t_ns < point.end_ns;
    read(cursor_ns);
}

const DraftTimePresenter::Point* DraftTimePresenter::point_at(int64_t t_ns) const {
    if (points_.empty() || t_ns < points_.front().begin_ns) return nullptr;
    const auto index = size_t((t_ns - points_.front().begin_ns) / point_ns_);
    return &points_[std::min(index, points_.size() - 1)];
}

void DraftTimePresenter::read(std::optional<int64_t> cursor_ns) {
    const Point none;
    const Point* point = cursor_ns ? point_at(*cursor_ns) : nullptr;
    for (auto p = points_.rbegin(); !point && !cursor_ns && p != points_.rend(); ++p)
        if (p->told) point = &*p;
    if (!point) point = &none;
    const auto rate = [](double value) { return format_rate(value, {}).number; };
    token_caption_ = {};
    token_caption_.parts = {{.text = QStringLiteral("Drafted tokens per second: ")},
                            {.text = QStringLiteral("accepted ") + rate(point->accepted_per_s),
                             .token = "text.primary",
                             .swatch = "work.draft_accepted"},
                            {.text = QStringLiteral("wasted ") + rate(point->wasted_per_s),
                             .token = "text.primary",
                             .swatch = "work.draft_wasted"}};
    waste_caption_ = {};
    waste_caption_.parts = {{.text = QStringLiteral("Wasted work, % of execution and drafting")}};
    waste_caption_.value = {
        std::isfinite(point->wasted_share) ? format_fixed(point->wasted_share * 100, 1) : kNoValue,
        QStringLiteral("%")};
}

HoverCard DraftTimePresenter::card_at(int64_t t_ns, const QString& moment) const {
    const Point* point = point_at(t_ns);
    if (!point) return {};
    HoverCard card;
    card.title = moment;
    card.aside = QStringLiteral("over %1").arg(seconds_text(point_ns_));
    card.lines.push_back(
        QStringLiteral("%1 of %2 drafts accepted")
            .arg(format_count(int64_t(point->accepted)), format_count(int64_t(point->drafted))));
    card.lines.push_back(QStringLiteral("%1 of execution and drafting wasted, %2 steps")
                             .arg(format_share(point->wasted_share), format_count(int64_t(point->steps))));
    return card;
}

QString DraftTimePresenter::csv() const {
    QString text = QStringLiteral("time_s,drafted_tokens,accepted_tokens,wasted_work,steps\n");
    for (const Point& point : points_)
        text += QStringLiteral("%1,%2,%3,%4,%5\n")
                    .arg(double(point.end_ns) / 1e9, 0, 'f', 3)
                    .arg(point.drafted)
                    .arg(point.accepted)
                    .arg(std::isfinite(point.wasted_share) ? QString::number(point.wasted_share, 'f', 5)
                                                           : QString())
                    .arg(point.steps);
    return text;
}

}  // namespace pitwall::panels
