// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/batch/batch_presenter.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "panels/changes/change_groups.h"

namespace pitwall::panels {
namespace {

using telemetry::StepRow;

constexpr int kGutter = 76, kInset = 12, kTop = 10, kAxisHeight = 20, kStrip = 20, kStripGap = 8;
constexpr int kTimeNeeds = 150, kCachedNeeds = 110, kLanesNeed = 80;  // heights under which a band goes
constexpr double kLanesShare = .48, kWidestLane = 8, kThinnestLane = 3;

}  // namespace

void BatchPresenter::set_size(int width, int height, double scale) {
    dirty_ |= width != width_ || height != height_ || scale != scale_;
    width_ = width;
    height_ = height;
    scale_ = scale;
    lay_out_x();
}

void BatchPresenter::set_selection(RequestId request, std::optional<StepId> step) {
    dirty_ |= request != request_ || step != step_;
    // What is selected elsewhere comes into sight; what is let go lets the chart go on.
    const StepRow* row = step && step != step_ ? store_.find_step(*step) : nullptr;
    if (row) axis_.show(*row, store_.steps(), bands_.right - bands_.left);
    if (step_ && !step && request == kNoRequest) axis_.follow();
    request_ = request;
    step_ = step;
}

void BatchPresenter::set_hover(std::optional<StepId> step) { hover_ = step; }

void BatchPresenter::set_mode(BatchAxis::Mode mode) {
    axis_.set_mode(mode, store_.steps(), bands_.right - bands_.left);
    dirty_ = true;
}

int BatchPresenter::x_of(int64_t pixel) const {
    constexpr int64_t kFar = 1 << 20;
    return bands_.right - static_cast<int>(std::clamp(right_pixel_ - pixel, -kFar, kFar));
}

void BatchPresenter::lay_out_x() {
    bands_.left = px(kGutter);
    bands_.right = std::max(bands_.left + 1, width_ - px(kInset));
}

bool BatchPresenter::refresh() {
    if (!dirty_ && store_.events_applied() == events_seen_) return false;
    events_seen_ = store_.events_applied();
    dirty_ = false;
    lanes_.follow(store_);
    axis_.stay_within(store_.steps(), bands_.right - bands_.left);
    right_pixel_ = axis_.right(store_.steps());
    bars_.clear();
    build_columns();
    build_spans();
    lay_out_bands();
    build_scale();
    build_budgets();
    build_composition();
    build_lanes();
    build_markers();
    return true;
}

void BatchPresenter::lay_out_bands() {
    BatchBands& b = bands_;
    b.axis = height_ - px(6);
    b.top = px(kTop);
    b.cached_h = height_ >= px(kCachedNeeds) ? px(kStrip) : 0;
    b.time_h = height_ >= px(kTimeNeeds) ? px(kStrip) : 0;
    const int strips =
        px(3) + (b.cached_h ? b.cached_h + px(kStripGap) : 0) + (b.time_h ? b.time_h + px(kStripGap) : 0);
    const int rest = std::max(1, height_ - px(kAxisHeight) - b.top - strips);
    // A fixed share, so that nothing moves when requests come and go.
    b.lanes_h = height_ >= px(kLanesNeed) ? static_cast<int>(rest * kLanesShare) : 0;
    b.base = b.top + rest - b.lanes_h;
    b.cached_top = b.base + px(3);
    b.time_top = b.cached_top + (b.cached_h ? b.cached_h + px(kStripGap) : 0);
    b.lanes_top = b.time_top + (b.time_h ? b.time_h + px(kStripGap) : 0);
    const double wanted = double(b.lanes_h) / std::max(lanes_needed_, 1);
    lane_height_ = std::clamp(wanted, kThinnestLane * scale_, kWidestLane * scale_);
    lanes_shown_ = std::min(lanes_needed_, static_cast<int>(b.lanes_h / lane_height_ + 1e-6));
}

int BatchPresenter::lane_y(int lane) const {
    // The selected request is always shown: where it has no room it takes the last lane's.
    const BatchSpan* chosen = request_ == kNoRequest ? nullptr : span_of(request_);
    if (chosen && chosen->lane >= lanes_shown_ && lanes_shown_ > 0) {
        if (lane == lanes_shown_ - 1) return -1;
        if (lane == chosen->lane) lane = lanes_shown_ - 1;
    }
    if (lane < 0 || lane >= lanes_shown_) return -1;
    return bands_.lanes_top + static_cast<int>(lane * lane_height_);
}

void BatchPresenter::build_columns() {
    columns_.clear();
    const auto& steps = store_.steps();
    const int64_t left_pixel = right_pixel_ - (bands_.right - bands_.left);
    const auto first = std::partition_point(
        steps.begin(), steps.end(), [&](const StepRow& row) { return axis_.end_of(row) <= left_pixel; });
    int drawn_to = bands_.left;
    for (auto it = first; it != steps.end(); ++it) {
        const int x0 = std::max(x_of(axis_.begin_of(*it)), bands_.left),
                  x1 = std::min(x_of(axis_.end_of(*it)), bands_.right);
        if (x0 >= bands_.right) break;
        const auto index = static_cast<size_t>(it - steps.begin());
        if (x1 > drawn_to || columns_.empty()) {
            const int x = std::max(x0, drawn_to);
            columns_.push_back({x, std::max(1, x1 - x), index, 0, index, {}, {}, {}, 0, 0});
            drawn_to = x + columns_.back().w;
        }
        BatchColumn& column = columns_.back();
        if (column.count++ == 0) column.first_id = column.id = StepId{it->step.step_id};
        column.last_id = StepId{it->step.step_id};
        const auto total = [](const StepRow& row) {
            return uint64_t{row.step.prefill_tokens} + row.step.recompute_tokens + row.step.decode_tokens +
                   row.step.draft_tokens;
        };
        if (total(*it) > total(steps[column.fullest])) {
            column.fullest = index;
            column.id = column.last_id;
        }
        column.longest_ns = std::max(column.longest_ns, it->step.duration_ns);
        column.cached_tokens = std::max(column.cached_tokens, it->step.cached_tokens);
    }
}

void BatchPresenter::build_scale() {
    uint32_t budget = 0, fullest = 0;
    max_cached_ = 0;
    max_time_ns_ = 0;
    for (const BatchColumn& column : columns_) {
        const auto& s = store_.steps()[column.fullest].step;
        budget = std::max(budget, s.budget_tokens);
        fullest = std::max(fullest, s.prefill_tokens + s.recompute_tokens + s.decode_tokens + s.draft_tokens);
        max_cached_ = std::max(max_cached_, column.cached_tokens);
        max_time_ns_ = std::max(max_time_ns_, column.longest_ns);
    }
    top_tokens_ = std::max({budget, fullest, 1u});
    // A budget that nobody comes near would press all bars flat: the line then stands above the plot, and
    // says so.
    if (uint64_t{fullest} * 8 < budget) {
        uint32_t nice = 8;
        while (nice < fullest + fullest / 8) nice *= 2;
        top_tokens_ = nice;
    }
}

int BatchPresenter::y_of(double tokens) const {
    const double height = bands_.base - bands_.top;  // an eighth stays free for the label of the budget
    return bands_.base - static_cast<int>(std::lround(std::min(tokens, double(top_tokens_)) * height /
                                                      (top_tokens_ * 1.12)));
}

void BatchPresenter::build_budgets() {
    budgets_.clear();
    for (const BatchColumn& column : columns_) {
        const uint32_t tokens = store_.steps()[column.fullest].step.budget_tokens;
        if (budgets_.empty() || budgets_.back().tokens != tokens)
            budgets_.push_back({column.x, column.x, tokens > top_tokens_ ? -1 : y_of(tokens), tokens});
        budgets_.back().x1 = column.x + column.w;
    }
    for (const BatchBudget& b : budgets_) {
        const int y = b.y < 0 ? y_of(top_tokens_) : b.y;
        bars_.push_back({b.x0, y, b.x1 - b.x0, bands_.base - y, BatchRole::kUnused});
    }
}

void BatchPresenter::build_composition() {
    for (const BatchColumn& c : columns_) {
        const auto& s = store_.steps()[c.fullest].step;
        const int w = c.w >= 4 ? c.w - 1 : c.w;
        double below = 0;
        const auto stack = [&](BatchRole role, uint32_t tokens) {
            if (!tokens) return;
            const int bottom = y_of(below),
                      top = std::min(y_of(below + tokens), bottom - 1);  // never too small to see
            bars_.push_back({c.x, top, w, bottom - top, role});
            below += tokens;
        };
        stack(BatchRole::kDecode, s.decode_tokens);
        stack(BatchRole::kDraft, s.draft_tokens);
        stack(BatchRole::kRecompute, s.recompute_tokens);
        stack(BatchRole::kPrefill, s.prefill_tokens);
        const auto strip = [&](BatchRole role, double share, int height, int y, bool hangs) {
            const int h = std::max(1, static_cast<int>(std::lround(share * height)));
            bars_.push_back({c.x, hangs ? y : y + height - h, w, h, role});
        };
        if (bands_.cached_h && c.cached_tokens)
            strip(BatchRole::kCached, double(c.cached_tokens) / max_cached_, bands_.cached_h,
                  bands_.cached_top, true);
        if (bands_.time_h && c.longest_ns > 0)
            strip(BatchRole::kTime, double(c.longest_ns) / double(max_time_ns_), bands_.time_h,
                  bands_.time_top, false);
    }
}

void BatchPresenter::build_markers() {
    markers_.clear();
    if (columns_.empty()) return;
    const auto& steps = store_.steps();
    const int64_t from = steps[columns_.front().first].start_ns;
    for (const ChangeGroup& change : group_changes(store_.knob_changes())) {
        if (change.begin_ns < from) continue;
        const auto governed = std::partition_point(
            steps.begin(), steps.end(), [&](const StepRow& row) { return row.start_ns < change.begin_ns; });
        // A change that governs no step yet stands at the edge: it must show at once.
        const int x = governed == steps.end() ? bands_.right : x_of(axis_.begin_of(*governed));
        if (x >= bands_.left && x <= bands_.right) markers_.push_back({x, change.number});
    }
}

}  // namespace pitwall::panels
