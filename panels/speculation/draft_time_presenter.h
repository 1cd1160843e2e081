// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <optional>
#include <vector>

#include "panels/common/paint.h"
#include "panels/throughput/caption.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// Drafts over time, accepted and wasted, and what share of the work was wasted. GUI thread.
class DraftTimePresenter {
  public:
    struct Point {
        int64_t begin_ns = 0, end_ns = 0;
        uint64_t drafted = 0, accepted = 0, steps = 0;
        double accepted_per_s = 0, wasted_per_s = 0;
        double wasted_share = 0;  ///< of execution and drafting; NaN without steps
        bool gap = false, told = true;
    };
    static constexpr size_t kPoints = 60;

    explicit DraftTimePresenter(const telemetry::Store& store) : store_(store) {}
    void update(telemetry::TimeRange window, std::optional<int64_t> cursor_ns);
    void read(std::optional<int64_t> cursor_ns);
    const std::vector<Point>& points() const { return points_; }
    int64_t point_ns() const { return point_ns_; }
    double most_per_s() const { return most_per_s_; }
    double most_wasted_share() const { return most_wasted_; }
    Caption token_caption() const { return token_caption_; }
    Caption waste_caption() const { return waste_caption_; }
    bool empty() const { return store_.steps().empty(); }
    HoverCard card_at(int64_t t_ns, const QString& moment) const;
    QString csv() const;

  private:
    const Point* point_at(int64_t t_ns) const;

    const telemetry::Store& store_;
    std::vector<Point> points_;
    int64_t point_ns_ = 2'000'000'000;
    double most_per_s_ = 0, most_wasted_ = 0;
    Caption token_caption_, waste_caption_;
};

}  // namespace pitwall::panels
