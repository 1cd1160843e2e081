// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <optional>
#include <vector>

#include "panels/common/format.h"
#include "panels/common/paint.h"
#include "telemetry/stats/range_stats.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// One tile of the strip: a figure of the range, what it is to be compared with, and its last 120 s.
struct FigureTile {
    QString id;     ///< "goodput", "ttft_p95"
    QString label;  ///< "TTFT p95"
    Quantity value;
    QString sub;                     ///< "SLO 400 ms, missed"
    std::optional<Verdict> verdict;  ///< stands before `sub`
    const char* color_token = "text.secondary";
    std::vector<double> spark;    ///< kSparkBuckets values, NaN where there is none
    std::optional<double> limit;  ///< drawn dashed through the sparkline, in its unit
    QString panel_id;             ///< the panel that a click opens
    QString definition;           ///< hover: how it is computed
    QString samples;              ///< hover: "last 60 s, n = 238"
    bool of_newest_step = false;  ///< not of the range: moves with every step
};

/// The figures strip, from the store alone. No widget.
class FiguresPresenter {
  public:
    static constexpr int kSparkSeconds = 120;
    static constexpr int kSparkBuckets = 60;

    /// `sparks`: whether anybody sees them; they are worked out anew once a second.
    void update(const telemetry::Store& store, telemetry::TimeRange range, const QString& range_label,
                bool sparks = true);
    /// Those of the newest step alone, which cost little. True where one reads otherwise now.
    bool update_newest(const telemetry::Store& store);
    /// In the order of importance from the left; a narrow window leaves out some (see figure_count()).
    const std::vector<FigureTile>& tiles() const { return tiles_; }
    QString csv() const;

  private:
    void add_latency(const telemetry::RangeStats& stats, bool ttft);
    void add_goodput(const telemetry::RangeStats& stats);
    void add_engine(const telemetry::Store& store, const telemetry::RangeStats& stats);
    void update_sparks(const telemetry::Store& store, const telemetry::Slo& slo);
    void update_step_sparks(const telemetry::Store& store, telemetry::TimeRange range);
    FigureTile& tile(const char* id);

    std::vector<FigureTile> tiles_;
    QString range_label_;
    int64_t sparks_ns_ = -1;  ///< when the sparklines were worked out; -1: not yet
};

/// Which tiles fit: all seven from 1500 px (at scale 1) on, else the five without prefix hit and running.
std::vector<const FigureTile*> shown_tiles(const std::vector<FigureTile>& tiles, double width_at_scale_1);

}  // namespace pitwall::panels
