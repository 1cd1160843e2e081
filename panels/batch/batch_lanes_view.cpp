// SPDX-License-Identifier: GPL-3.0-or-later
//
// The lanes of the batch panel: who was in which step, and what a pointer or a key finds there.
#include <algorithm>
#include <array>
#include <unordered_map>

#include "panels/batch/batch_presenter.h"

namespace pitwall::panels {
namespace {

using telemetry::StepMemberRow;
using telemetry::StepRow;
using telemetry::WorkKind;

constexpr size_t kStepsReadPerColumn = 4;  // of the many that share a pixel when zoomed far out

/// What a lane shows where a request did several kinds of work: the one that a reader looks for.
int rank(WorkKind work) {
    switch (work) {
        case WorkKind::kPrefill:
            return 4;
        case WorkKind::kRecompute:
            return 3;
        case WorkKind::kDraft:
            return 2;
        default:
            return 1;
    }
}

template <class Visit>
void for_each_step(const BatchColumn& column, Visit visit) {
    if (column.count <= kStepsReadPerColumn) {
        for (size_t i = 0; i < column.count; ++i) visit(column.first + i);
        return;
    }
    visit(column.fullest);
    for (size_t i = 0; i < kStepsReadPerColumn; ++i)
        visit(column.first + i * (column.count - 1) / (kStepsReadPerColumn - 1));
}

}  // namespace

/// First and last column of each request in sight, in order of appearance.
void BatchPresenter::build_spans() {
    spans_.clear();
    lanes_needed_ = 0;
    std::unordered_map<RequestId, size_t> index;
    for (const BatchColumn& column : columns_) {
        for_each_step(column, [&](size_t i) {
            for (const StepMemberRow& member : store_.steps()[i].members) {
                const auto [it, fresh] = index.try_emplace(member.request, spans_.size());
                if (fresh) {
                    const int lane = lanes_.lane_of(member.request);
                    spans_.push_back({member.request, lane, column.x, column.x});
                    lanes_needed_ = std::max(lanes_needed_, lane + 1);
                }
                spans_[it->second].x1 = column.x + column.w;
            }
        });
    }
}

void BatchPresenter::build_lanes() {
    if (!bands_.lanes_h || columns_.empty()) return;
    std::unordered_map<RequestId, std::vector<uint8_t>> work;
    for (const BatchSpan& span : spans_)
        if (lane_y(span.lane) >= 0) work.try_emplace(span.request, columns_.size(), uint8_t{0});
    for (size_t c = 0; c < columns_.size(); ++c) {
        for_each_step(columns_[c], [&](size_t i) {
            for (const StepMemberRow& member : store_.steps()[i].members) {
                const auto it = work.find(member.request);
                if (it == work.end()) continue;
                it->second[c] = std::max(it->second[c], static_cast<uint8_t>(rank(member.work)));
            }
        });
    }
    for (const BatchSpan& span : spans_)
        if (const auto it = work.find(span.request); it != work.end()) add_lane(span, it->second);
}

/// One bar for each run of equal work, however many steps it takes.
void BatchPresenter::add_lane(const BatchSpan& span, const std::vector<uint8_t>& work) {
    static constexpr std::array kRoles = {BatchRole::kLaneIdle, BatchRole::kLaneDecode,
                                          BatchRole::kLaneDecode, BatchRole::kLaneRecompute,
                                          BatchRole::kLanePrefill};
    const int lane_top = lane_y(span.lane), lane_h = std::max(2, static_cast<int>(lane_height_));
    const int line = lane_height_ >= 5 * scale_ ? px(2) : 1;  // thin lanes still tell a prefill from a decode
    const std::array<int, 5> heights = {1, line, std::min(lane_h, 2 * line), std::max(2, lane_h - 1),
                                        std::max(2, lane_h - 1)};
    const auto inside = [&](size_t c) { return columns_[c].x >= span.x0 && columns_[c].x < span.x1; };
    for (size_t c = 0; c < columns_.size();) {
        if (!inside(c)) {
            ++c;
            continue;
        }
        size_t end = c + 1;
        while (end < columns_.size() && inside(end) && work[end] == work[c] &&
               columns_[end].x == columns_[end - 1].x + columns_[end - 1].w)
            ++end;
        const int h = heights[work[c]], x = columns_[c].x, x1 = columns_[end - 1].x + columns_[end - 1].w;
        bars_.push_back({x, lane_top + (lane_h - h) / 2, x1 - x, h, kRoles[work[c]], span.request});
        c = end;
    }
}

const BatchSpan* BatchPresenter::span_of(RequestId request) const {
    const auto it =
        std::find_if(spans_.begin(), spans_.end(), [&](const BatchSpan& s) { return s.request == request; });
    return it == spans_.end() ? nullptr : &*it;
}

const BatchColumn* BatchPresenter::column_of(StepId id) const {
    for (const BatchColumn& column : columns_)
        if (id >= column.first_id && id <= column.last_id) return &column;
    return nullptr;
}

std::optional<StepId> BatchPresenter::step_at(int x) const {
    for (const BatchColumn& column : columns_)
        if (x >= column.x && x < column.x + column.w) return column.id;
    return std::nullopt;
}

RequestId BatchPresenter::request_at(int x, int y) const {
    const int lane_h = std::max(2, static_cast<int>(lane_height_));
    constexpr int kSlack = 3;  // lanes are thin; a click beside the end of one still means it
    for (const BatchSpan& span : spans_) {
        const int top = lane_y(span.lane);
        if (top >= 0 && y >= top && y < top + lane_h && x >= span.x0 - kSlack && x < span.x1 + kSlack)
            return span.request;
    }
    return kNoRequest;
}

std::optional<StepId> BatchPresenter::moved_step(int by) {
    const auto& steps = store_.steps();
    if (steps.empty()) return std::nullopt;
    auto at = static_cast<int64_t>(steps.size()) - 1;
    if (const StepRow* from = step(step_)) {
        const auto it =
            std::lower_bound(steps.begin(), steps.end(), from->step.step_id,
                             [](const StepRow& row, uint64_t id) { return row.step.step_id < id; });
        at = std::clamp<int64_t>(it - steps.begin() + by, 0, static_cast<int64_t>(steps.size()) - 1);
    }
    const StepRow& to = steps[static_cast<size_t>(at)];
    axis_.show(to, steps, bands_.right - bands_.left);
    dirty_ = true;
    return StepId{to.step.step_id};
}

RequestId BatchPresenter::moved_request(int by) const {
    std::vector<const BatchSpan*> lanes;
    for (const BatchSpan& span : spans_)
        if (span.x1 >= bands_.right - 1 || span.request == request_) lanes.push_back(&span);
    if (lanes.empty())
        for (const BatchSpan& span : spans_) lanes.push_back(&span);
    if (lanes.empty()) return kNoRequest;
    std::sort(lanes.begin(), lanes.end(),
              [](const BatchSpan* a, const BatchSpan* b) { return a->lane < b->lane; });
    const auto chosen =
        std::find_if(lanes.begin(), lanes.end(), [&](const BatchSpan* s) { return s->request == request_; });
    if (chosen == lanes.end()) return (by > 0 ? lanes.front() : lanes.back())->request;
    const auto last = static_cast<std::ptrdiff_t>(lanes.size()) - 1;
    return lanes[static_cast<size_t>(std::clamp<std::ptrdiff_t>(chosen - lanes.begin() + by, 0, last))]
        ->request;
}

}  // namespace pitwall::panels
