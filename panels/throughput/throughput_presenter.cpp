// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/throughput/throughput_presenter.h"

#include <algorithm>
#include <cmath>

#include "panels/knobs/knob_text.h"

namespace pitwall::panels {

using presets::KnobId;
using telemetry::TimeRange;

namespace {
constexpr double kSecond = 1e9;
/// max_num_seqs farther above the requests than this would press them flat.
constexpr double kLimitInSight = 4;
}  // namespace

void ThroughputPresenter::update(TimeRange window, std::optional<int64_t> cursor_ns) {
    const std::vector<telemetry::Bucket> buckets =
        telemetry::buckets(store_, window, kPoints, true, {.evictions = false});
    points_.assign(buckets.size(), {});
    for (size_t i = 0; i < buckets.size(); ++i) {
        points_[i].begin_ns = buckets[i].begin_ns;
        points_[i].end_ns = buckets[i].end_ns;
        points_[i].told = worth_a_point(buckets[i].begin_ns, buckets[i].end_ns, store_.now_ns());
    }
    point_ns_ = buckets.front().end_ns - buckets.front().begin_ns;
    add_queue(buckets);
    add_rates(buckets);
    add_limits(window);
    for (const telemetry::MarkRow& mark : store_.marks())
        if (mark.mark == telemetry::MarkKind::kGap)
            for (Point& point : points_) point.gap |= mark.t_ns >= point.begin_ns && mark.t_ns < point.end_ns;
    // Nothing is known of what came before the history, which is not the same as nothing.
    for (Point& point : points_) point.gap |= point.begin_ns < store_.history_begin_ns();
    read(cursor_ns);
}

void ThroughputPresenter::add_rates(const std::vector<telemetry::Bucket>& buckets) {
    most_ = 0;
    for (size_t i = 0; i < buckets.size(); ++i) {
        if (!points_[i].told) continue;
        // Two pieces back to back: the newest is not over, and its fraction alone would jump at every frame.
        const telemetry::Bucket& newest = buckets[i];
        const bool known = i > 0 && buckets[i - 1].begin_ns >= store_.history_begin_ns();
        const telemetry::Bucket* before = known ? &buckets[i - 1] : nullptr;
        const auto sum = [&](auto of) { return double(of(newest)) + (before ? double(of(*before)) : 0); };
        const uint64_t prefill = points_[i].prefill_tokens + (before ? points_[i - 1].prefill_tokens : 0);
        const int64_t begin = before ? before->begin_ns : newest.begin_ns;
        const double seconds =
            double(std::clamp<int64_t>(store_.now_ns() - begin, point_ns_ / 4, newest.end_ns - begin)) /
            kSecond;
        const bool tokens = unit_ == Unit::kTokens;
        const double lower =
            sum([tokens](const telemetry::Bucket& b) { return tokens ? b.output_tokens : b.finished; });
        const double upper =
            tokens ? double(prefill) : sum([](const telemetry::Bucket& b) { return b.arrived; });
        points_[i].lower = lower / seconds;
        points_[i].upper = upper / seconds;
        most_ = std::max(most_, stacked() ? points_[i].lower + points_[i].upper
                                          : std::max(points_[i].lower, points_[i].upper));
    }
}

void ThroughputPresenter::add_queue(const std::vector<telemetry::Bucket>& buckets) {
    most_requests_ = 0;
    for (size_t i = 0; i < buckets.size(); ++i) {
        const telemetry::StepSums& steps = buckets[i].steps;
        points_[i].most_running = steps.most_running;
        points_[i].most_waiting = steps.most_waiting;
        points_[i].steps = steps.steps;
        points_[i].prefill_tokens = steps.prefill_tokens;
        most_requests_ = std::max(most_requests_, points_[i].most_running + points_[i].most_waiting);
    }
}

void ThroughputPresenter::add_limits(TimeRange window) {
    const KnobNumbers numbers(store_);
    const uint16_t number = numbers.number(KnobId::kMaxNumSeqs);
    limits_.clear();
    double before = numbers.value(KnobId::kMaxNumSeqs);
    for (const telemetry::KnobChange& change : store_.knob_changes()) {
        if (change.event.knob != number) continue;
        if (limits_.empty()) before = change.event.old_value;
        limits_.push_back({change.t_ns, change.event.effective_value});
    }
    limits_.insert(limits_.begin(), {window.begin_ns, before});
    // What holds at the window's begin is the last change before it.
    size_t first = 0;
    while (first + 1 < limits_.size() && limits_[first + 1].t_ns <= window.begin_ns) ++first;
    limits_.erase(limits_.begin(), limits_.begin() + std::ptrdiff_t(first));
    limits_.front().t_ns = window.begin_ns;
    limits_.push_back({window.end_ns, limits_.back().seqs});
}

bool ThroughputPresenter::limit_shown() const {
    return !limits_.empty() && limits_.back().seqs <= kLimitInSight * std::max(4u, most_requests_);
}

double ThroughputPresenter::queue_top() const {
    const double requests = std::max(1.0, double(most_requests_));
    return limit_shown() ? std::max(requests, limits_.back().seqs) : requests;
}

const ThroughputPresenter::Point* ThroughputPresenter::point_at(int64_t t_ns) const {
    if (points_.empty() || t_ns < points_.front().begin_ns) return nullptr;
    return &points_[std::min(points_.size() - 1,
                             size_t((t_ns - points_.front().begin_ns) / std::max<int64_t>(1, point_ns_)))];
}

const ThroughputPresenter::Point* ThroughputPresenter::newest_told() const {
    const auto found =
        std::find_if(points_.rbegin(), points_.rend(), [](const Point& point) { return point.told; });
    return found == points_.rend() ? nullptr : &*found;
}

void ThroughputPresenter::read(std::optional<int64_t> cursor_ns) {
    const Point* point = cursor_ns ? point_at(*cursor_ns) : newest_told();
    const Point none;
    if (!point) point = &none;
    const auto rate = [](double value) { return format_rate(value, {}).number; };
    const bool tokens = unit_ == Unit::kTokens;
    rate_caption_ = {};
    rate_caption_.parts = {
        {.text = tokens ? QStringLiteral("Tokens per second: ") : QStringLiteral("Requests per second: ")},
        {.text = (tokens ? QStringLiteral("output ") : QStringLiteral("finished ")) + rate(point->lower),
         .token = "text.primary",
         .swatch = "work.decode"},
        {.text = (tokens ? QStringLiteral("prefill ") : QStringLiteral("arrived ")) + rate(point->upper),
         .token = "text.primary",
         .swatch = tokens ? "work.prefill" : "text.secondary"}};
    queue_caption_ = {};
    queue_caption_.parts = {{.text = QStringLiteral("Requests after a step: ")},
                            {.text = QStringLiteral("most running ") + format_count(point->most_running),
                             .token = "text.primary",
                             .swatch = "work.decode",
                             .swatch_opacity = 0.6},
                            {.text = QStringLiteral("most waiting ") + format_count(point->most_waiting),
                             .token = "text.primary",
                             .swatch = "text.secondary"}};
    if (!limits_.empty())
        queue_caption_.aside = limit_shown()
                                   ? QStringLiteral("max_num_seqs")
                                   : QStringLiteral("max_num_seqs ") + format_fixed(limits_.back().seqs, 0);
}

HoverCard ThroughputPresenter::card_at(int64_t t_ns, const QString& moment) const {
    const Point* point = point_at(t_ns);
    if (!point) return {};
    HoverCard card;
    card.title = moment;
    card.aside = QStringLiteral("over %1").arg(seconds_text(2 * point_ns_));
    if (unit_ == Unit::kTokens)
        card.lines.push_back(QStringLiteral("output %1, prefill %2")
                                 .arg(format_rate(point->lower, QStringLiteral("tok/s")).text(),
                                      format_rate(point->upper, QStringLiteral("tok/s")).text()));
    else
        card.lines.push_back(QStringLiteral("finished %1, arrived %2")
                                 .arg(format_rate(point->lower, QStringLiteral("req/s")).text(),
                                      format_rate(point->upper, QStringLiteral("req/s")).text()));
    card.lines.push_back(QStringLiteral("most running %1, most waiting %2, %3 steps")
                             .arg(point->most_running)
                             .arg(point->most_waiting)
                             .arg(point->steps));
    return card;
}

QString ThroughputPresenter::csv() const {
    const bool tokens = unit_ == Unit::kTokens;
    QString text =
        tokens ? QStringLiteral(
                     "time_s,output_tokens_per_s,prefill_tokens_per_s,most_running,most_waiting,steps\n")
               : QStringLiteral("time_s,finished_per_s,arrived_per_s,most_running,most_waiting,steps\n");
    for (const Point& point : points_)
        text += QStringLiteral("%1,%2,%3,%4,%5,%6\n")
                    .arg(double(point.end_ns) / kSecond, 0, 'f', 3)
                    .arg(point.lower, 0, 'f', 3)
                    .arg(point.upper, 0, 'f', 3)
                    .arg(point.most_running)
                    .arg(point.most_waiting)
                    .arg(point.steps);
    return text;
}

}  // namespace pitwall::panels
