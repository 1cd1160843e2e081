// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "panels/batch/batch_axis.h"
#include "panels/batch/batch_lanes.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// What a rectangle of the chart stands for; the widget gives it its colour.
enum class BatchRole : uint8_t {
    kDecode,
    kDraft,
    kRecompute,
    kPrefill,
    kUnused,
    kCached,
    kTime,
    kLaneDecode,  ///< a line in the request's own colour
    kLaneIdle,    ///< running, but not in these steps
    kLanePrefill,
    kLaneRecompute,
    kCount
};
struct BatchBar {
    int x, y, w, h;
    BatchRole role;
    RequestId request = kNoRequest;
};

/// One column of the chart: a step, or several where a pixel has to hold them. The figures drawn for several
/// are those of the fullest one, the longest time and the most cached tokens: a mean would hide the spike.
struct BatchColumn {
    int x = 0, w = 0;
    size_t first = 0, count = 0;  ///< of Store::steps()
    size_t fullest = 0;           ///< its index
    StepId first_id{}, last_id{},
        id{};  ///< of the first, the last and the fullest: they outlive a trimmed store
    int64_t longest_ns = 0;
    uint32_t cached_tokens = 0;
};

/// Horizontal bands from top to bottom, in panel pixels; a band of height 0 is not drawn for lack of room.
struct BatchBands {
    int left = 0, right = 0;  ///< of the plot
    int top = 0, base = 0;    ///< composition: tokens grow from base upwards
    int cached_top = 0, cached_h = 0, time_top = 0, time_h = 0, lanes_top = 0, lanes_h = 0;
    int axis = 0;  ///< baseline of the axis labels
};

/// Where a request is seen in the lanes.
struct BatchSpan {
    RequestId request;
    int lane, x0, x1;
};
struct BatchLabel {
    int x, y;
    QString text;
};
struct BatchMarker {
    int x;
    uint32_t number;
};  ///< of a knob change
/// A stretch of steps under one token budget; y is the height of its line.
struct BatchBudget {
    int x0, x1, y;
    uint32_t tokens;
};
struct BatchReading {
    BatchRole role;
    QString name, value;
};
struct BatchCard {
    QString title, aside;
    std::vector<QString> lines;
    RequestId swatch = kNoRequest;
};

/// Everything the batch panel shows, worked out from the store; knows no widget.
class BatchPresenter {
  public:
    explicit BatchPresenter(const telemetry::Store& store) : store_(store) {}

    void set_size(int width, int height, double scale);
    void set_selection(RequestId request, std::optional<StepId> step);
    void set_hover(std::optional<StepId> step);  ///< the read-out tells of it
    void set_mode(BatchAxis::Mode mode);
    bool refresh();  ///< true where anything that is drawn changed

    bool empty() const { return store_.steps().empty(); }
    const BatchAxis& axis() const { return axis_; }
    const BatchBands& bands() const { return bands_; }
    const std::vector<BatchColumn>& columns() const { return columns_; }
    const std::vector<BatchBar>& bars() const { return bars_; }
    const std::vector<BatchSpan>& spans() const { return spans_; }
    const std::vector<BatchBudget>& budgets() const { return budgets_; }
    const std::vector<BatchMarker>& markers() const { return markers_; }
    double lane_height() const { return lane_height_; }
    int lanes_shown() const { return lanes_shown_; }
    int lanes_needed() const { return lanes_needed_; }
    int lane_y(int lane) const;                          ///< its upper edge; -1 where it is not shown
    uint32_t top_tokens() const { return top_tokens_; }  ///< that the composition's height stands for
    int y_of(double tokens) const;

    void zoom(int levels, int x);
    void pan(int pixels);
    void follow();
    std::optional<StepId> step_at(int x) const;
    RequestId request_at(int x, int y) const;
    const BatchColumn* column_of(StepId step) const;
    const BatchSpan* span_of(RequestId request) const;
    /// What the arrow keys lead to; they also bring it into sight.
    std::optional<StepId> moved_step(int steps);
    RequestId moved_request(int lanes) const;

    std::vector<BatchLabel> axis_labels() const;
    QString max_cached_text() const;
    QString max_time_text() const;
    QString running_text() const;
    QString budget_text() const;
    std::vector<BatchReading> reading() const;
    QString reading_title() const;  ///< "step 19,217, tokens"
    BatchCard card(StepId step, RequestId request) const;
    QString scope() const;
    QString csv() const;

  private:
    int px(double at_scale_1) const { return static_cast<int>(std::lround(at_scale_1 * scale_)); }
    int x_of(int64_t pixel) const;
    void lay_out_x();
    void lay_out_bands();
    void build_columns();
    void build_spans();
    void build_scale();
    void build_composition();
    void build_budgets();
    void build_lanes();
    void build_markers();
    void add_lane(const BatchSpan& span, const std::vector<uint8_t>& work);
    const telemetry::StepRow* step(std::optional<StepId> id) const;
    const telemetry::StepRow* read_step() const;

    const telemetry::Store& store_;
    BatchAxis axis_;
    BatchLanes lanes_;
    BatchBands bands_;
    std::vector<BatchColumn> columns_;
    std::vector<BatchBar> bars_;
    std::vector<BatchSpan> spans_;
    std::vector<BatchBudget> budgets_;
    std::vector<BatchMarker> markers_;
    int width_ = 1, height_ = 1, lanes_needed_ = 0, lanes_shown_ = 0;
    double scale_ = 1, lane_height_ = 0;
    uint32_t top_tokens_ = 1, max_cached_ = 0;
    int64_t max_time_ns_ = 0, right_pixel_ = 0;
    RequestId request_ = kNoRequest;
    std::optional<StepId> step_, hover_;
    uint64_t events_seen_ = 0;
    bool dirty_ = true;
};

}  // namespace pitwall::panels
