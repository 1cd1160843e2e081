// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <optional>
#include <vector>

#include "panels/common/paint.h"
#include "panels/kv_precision/kv_formats.h"
#include "panels/throughput/caption.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// The KV pool's bytes over time, held, cached and free, in the format in force; and the probe's samples. GUI thread.
class KvMemoryPresenter {
  public:
    /// Means over the steps of a piece of the axis; where it has none, what the last step before it left.
    struct Point {
        int64_t begin_ns = 0, end_ns = 0;
        uint64_t steps = 0;
        double held_bytes = 0, cached_bytes = 0, free_bytes = 0;
        double kl = 0;  ///< mean over the samples in it, whatever their format; NaN without any
        uint64_t samples = 0;
        bool gap = false;      ///< events were left out here
        bool told = false;     ///< it has steps
        bool carried = false;  ///< it has none, and a step before it told
        bool known() const { return told || carried; }
    };
    static constexpr size_t kPoints = 60;

    explicit KvMemoryPresenter(const telemetry::Store& store) : store_(store) {}
    void update(telemetry::TimeRange window, std::optional<int64_t> cursor_ns);
    void read(std::optional<int64_t> cursor_ns);

    const std::vector<Point>& points() const { return points_; }
    const std::vector<KvFormatSpan>& formats() const { return formats_; }
    int64_t point_ns() const { return point_ns_; }
    double most_bytes() const { return most_bytes_; }
    double most_kl() const { return most_kl_; }
    /// What the axis counts in, chosen by the largest point.
    double unit_bytes() const;
    QString unit() const;
    Caption memory_caption() const { return memory_caption_; }
    Caption probe_caption() const { return probe_caption_; }
    bool empty() const { return store_.steps().empty(); }
    HoverCard card_at(int64_t t_ns, const QString& moment) const;
    QString csv() const;
    static constexpr double kCachedOpacity = .55, kFreeOpacity = .22;

  private:
    const Point* point_at(int64_t t_ns) const;
    void add_gaps();
    void carry_on();
    const telemetry::StepRow* step_before(int64_t t_ns) const;
    void add_samples();

    const telemetry::Store& store_;
    std::vector<Point> points_;
    std::vector<KvFormatSpan> formats_;
    int64_t point_ns_ = 2'000'000'000;
    double most_bytes_ = 0, most_kl_ = 0;
    Caption memory_caption_, probe_caption_;
};

}  // namespace pitwall::panels
