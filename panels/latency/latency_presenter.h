// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <array>
#include <optional>
#include <vector>

#include "panels/common/plot.h"
#include "telemetry/stats/metrics.h"
#include "telemetry/stats/range_stats.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// A tick label of a histogram: the last one reads "\u2265 800 ms" and ends at the right edge.
struct HistogramTick {
    double value = 0;
    QString text;
    bool last = false;
};

/// One histogram as it is drawn. Values are in the axis' unit.
struct LatencyHistogram {
    QString name;     ///< "TTFT"
    QString samples;  ///< "n = 238"
    QString unit;     ///< "ms"
    double unit_ns = 1e6;
    double bin_width = 1, last_edge = 1;  ///< the last bin begins at last_edge
    std::vector<double> counts, outline;  ///< outline: before the change, scaled to the same n; may be empty
    double highest = 0;                   ///< of both
    std::vector<PercentileLine> percentiles;
    SloLine slo;
    std::vector<HistogramTick> ticks;
    std::optional<double> selected;  ///< where the selected request lies
    size_t n = 0, missed = 0;
    double right_edge() const { return last_edge + bin_width; }
    size_t bin_of(double value) const;
};

/// TTFT and TPOT of a range: exact percentiles, fixed bins, the share past the objective, and what it was before the
/// last change. Plain numbers and texts; GUI thread.
class LatencyPresenter {
  public:
    enum Which : size_t { kTtft, kTpot };
    explicit LatencyPresenter(const telemetry::Store& store) : store_(store) {}

    void set_formula(telemetry::Formula formula) { formula_ = formula; }
    telemetry::Formula formula() const { return formula_; }
    /// While its line is dragged the objective is where the hand is and the axis stands still.
    void hold_slo(Which which, std::optional<double> slo_ns) { held_slo_ns_[which] = slo_ns; }

    void update(telemetry::TimeRange range, const QString& range_label, RequestId selected);
    /// Where that request lies, in the histograms there are.
    void select(RequestId request);
    const LatencyHistogram& histogram(Which which) const { return histograms_[which]; }
    bool empty() const { return histograms_[kTtft].n == 0 && histograms_[kTpot].n == 0; }
    QString scope() const { return scope_; }
    uint32_t outline_change() const {
        return outline_change_;
    }  ///< the change that the outlines are before; 0: none
    /// The figures alone, for a panel too low to draw in: "TTFT p50 96.0 ms, p95 470 ms, p99 880 ms".
    QString figures(Which which) const;
    /// A request of that bin: the newest, or the one before `after` when that is in the bin already.
    RequestId request_in_bin(Which which, size_t bin, RequestId after) const;
    QString bin_text(Which which, size_t bin) const;  ///< "400 ms to 425 ms: 3 of 238 requests"
    /// "400", as the knob takes it, for a line dragged to `value` (axis unit): three figures are what a hand can set.
    QString slo_knob_text(Which which, double value) const;
    QString csv() const;

  private:
    struct Sample {
        RequestId request;
        double ns;
        bool missed;
    };
    using Samples = std::array<std::vector<Sample>, 2>;
    Samples collect(telemetry::TimeRange range, const telemetry::Slo& slo) const;
    void collect_before(telemetry::TimeRange range);
    void build(Which which, const telemetry::Slo& slo, const std::vector<Sample>& before);
    void choose_axis(Which which, double slo_ns, const std::vector<double>& sorted_ns);
    void add_lines(Which which, double slo_ns, const std::vector<double>& sorted_ns);
    void add_outline(LatencyHistogram& histogram, const std::vector<Sample>& before) const;

    const telemetry::Store& store_;
    telemetry::Formula formula_ = telemetry::Formula::kVllm;
    std::array<std::optional<double>, 2> held_slo_ns_;
    std::array<LatencyHistogram, 2> histograms_;
    Samples samples_;
    Samples before_;  ///< of the outlines: what was before a change does not change any more
    telemetry::TimeRange before_range_{};
    telemetry::Formula before_formula_ = telemetry::Formula::kCount;
    uint64_t before_generation_ = 0;
    std::array<double, 2> top_ns_{};  ///< where the axis ends; moves only when it must
    std::array<double, 2> axis_slo_ns_{};
    QString scope_, range_label_;
    uint32_t outline_change_ = 0;
};

/// Where a histogram's axis ends: a round value past the objective, so that the line stays in view. Only where nearly
/// all samples are far to the left or right of that does it follow them, and `present` holds it until they moved well
/// away. 1, 2, 4 or 8 x 10^n. Times in any one unit.
double histogram_top(double slo, double p75, double p99, double present);
/// Bins left of that top: 25, 40 or 32, whose width is round.
size_t histogram_bins(double top);

}  // namespace pitwall::panels
