// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <array>
#include <optional>
#include <vector>

#include "panels/common/paint.h"
#include "panels/throughput/caption.h"
#include "telemetry/stats/range_stats.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// The prefix cache over time: what share of prompt tokens (or of whole prompt blocks) it gave, why the rest was
/// missed, and what it threw out. Plain numbers and texts; GUI thread.
class PrefixCachePresenter {
  public:
    enum class Unit { kTokens, kBlocks };
    /// One point of the axis.
    struct Point {
        int64_t begin_ns = 0, end_ns = 0;
        double hit_rate =
            0;  ///< of what was admitted in the last kSmoothNs before end_ns, 0 to 1; NaN for nothing
        uint64_t hits = 0, asked = 0;  ///< tokens or blocks of the same
        std::array<uint32_t, static_cast<size_t>(telemetry::MissReason::kCount)>
            misses{};  ///< requests, of the same
        double evictions_per_s = 0;
        bool gap = false;  ///< events were left out here
        bool told = true;  ///< false for the newest while less than half of it is over
    };
    /// Few prompts a second make a rate of single points meaningless: each looks back so far.
    static constexpr int64_t kSmoothNs = 12'000'000'000;
    static constexpr size_t kPoints = 60;

    explicit PrefixCachePresenter(const telemetry::Store& store) : store_(store) {}
    void set_unit(Unit unit) { unit_ = unit; }
    Unit unit() const { return unit_; }
    /// `window` is the axis, `range` the statistics range of the title.
    void update(telemetry::TimeRange window, telemetry::TimeRange range, const QString& range_label,
                std::optional<int64_t> cursor_ns);
    /// What the captions read out, from the points there are: nothing is counted again.
    void read(std::optional<int64_t> cursor_ns);

    const std::vector<Point>& points() const { return points_; }
    int64_t point_ns() const { return point_ns_; }
    double most_evictions_per_s() const { return most_evictions_; }
    Caption hit_caption() const { return hit_caption_; }
    Caption eviction_caption() const { return eviction_caption_; }
    QString scope() const { return scope_; }
    bool empty() const { return store_.steps().empty(); }
    HoverCard card_at(int64_t t_ns, const QString& moment) const;
    QString csv() const;

  private:
    const Point* point_at(int64_t t_ns) const;
    void add_requests(telemetry::TimeRange range);
    void add_to_points(const telemetry::RequestRow& row);
    void add_evictions(const std::vector<telemetry::Bucket>& buckets);

    const telemetry::Store& store_;
    Unit unit_ = Unit::kTokens;
    std::vector<Point> points_;
    int64_t point_ns_ = 2'000'000'000;
    double most_evictions_ = 0;
    uint64_t range_hits_ = 0, range_asked_ = 0, range_admitted_ = 0;  ///< of the statistics range
    Caption hit_caption_, eviction_caption_;
    QString scope_;
};

/// Tokens or whole blocks that a request asked for and got.
struct PrefixHit {
    uint64_t hits = 0, asked = 0;
};
PrefixHit prefix_hit(const telemetry::RequestRow& row, PrefixCachePresenter::Unit unit,
                     uint32_t block_tokens);

}  // namespace pitwall::panels
