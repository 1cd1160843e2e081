// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <optional>
#include <vector>

#include "panels/common/paint.h"
#include "panels/throughput/caption.h"
#include "telemetry/stats/range_stats.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// Output and prefill, or requests, a second; who runs and who waits. Plain numbers and texts; GUI thread.
class ThroughputPresenter {
  public:
    enum class Unit { kTokens, kRequests };
    struct Point {
        int64_t begin_ns = 0, end_ns = 0;
        double lower = 0,
               upper = 0;  ///< output and prefill tok/s, or finished and arrived req/s, over two points
        /// The most after any step in it, each for itself: neither a full batch nor a queue may hide between two points.
        uint32_t most_running = 0, most_waiting = 0;
        uint64_t steps = 0, prefill_tokens = 0;
        bool gap = false;  ///< events were left out here
        bool told = true;  ///< false for the newest while less than half of it is over
    };
    /// max_num_seqs from that moment on.
    struct Limit {
        int64_t t_ns = 0;
        double seqs = 0;
    };
    static constexpr size_t kPoints = 60;

    explicit ThroughputPresenter(const telemetry::Store& store) : store_(store) {}
    void set_unit(Unit unit) { unit_ = unit; }
    Unit unit() const { return unit_; }
    void update(telemetry::TimeRange window, std::optional<int64_t> cursor_ns);
    /// What the captions read out, from the points there are: nothing is counted again.
    void read(std::optional<int64_t> cursor_ns);

    const std::vector<Point>& points() const { return points_; }
    const std::vector<Limit>& limits() const { return limits_; }
    int64_t point_ns() const { return point_ns_; }
    /// Tokens are stacked (prefill on output), requests are two lines.
    bool stacked() const { return unit_ == Unit::kTokens; }
    double most() const { return most_; }                      ///< of the upper chart
    uint32_t most_requests() const { return most_requests_; }  ///< most running and most waiting together
    /// Where the queue's axis ends: with max_num_seqs where that is near enough to be seen beside the requests.
    double queue_top() const;
    bool limit_shown() const;
    Caption rate_caption() const { return rate_caption_; }
    Caption queue_caption() const { return queue_caption_; }
    QString scope() const { return QStringLiteral("each point over %1").arg(seconds_text(2 * point_ns_)); }
    QString short_scope() const { return QStringLiteral("%1 a point").arg(seconds_text(2 * point_ns_)); }
    bool empty() const { return store_.steps().empty(); }
    HoverCard card_at(int64_t t_ns, const QString& moment) const;
    QString csv() const;

  private:
    const Point* point_at(int64_t t_ns) const;
    const Point* newest_told() const;
    void add_rates(const std::vector<telemetry::Bucket>& buckets);
    void add_queue(const std::vector<telemetry::Bucket>& buckets);
    void add_limits(telemetry::TimeRange window);

    const telemetry::Store& store_;
    Unit unit_ = Unit::kTokens;
    std::vector<Point> points_;
    std::vector<Limit> limits_;
    int64_t point_ns_ = 2'000'000'000;
    double most_ = 0;
    uint32_t most_requests_ = 0;
    Caption rate_caption_, queue_caption_;
};

}  // namespace pitwall::panels
