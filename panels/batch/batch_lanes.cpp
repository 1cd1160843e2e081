// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/batch/batch_lanes.h"

#include <algorithm>

namespace pitwall::panels {

using telemetry::RequestRow;
using telemetry::StepRow;
using telemetry::Store;

void BatchLanes::follow(const Store& store) {
    const auto& steps = store.steps();
    const bool went_back = store.events_applied() < events_seen_ ||
                           (!steps.empty() && steps.back().step.step_id + 1 < next_step_);
    events_seen_ = store.events_applied();
    if (went_back) *this = BatchLanes{};
    events_seen_ = store.events_applied();
    auto next = std::lower_bound(steps.begin(), steps.end(), next_step_,
                                 [](const StepRow& row, uint64_t id) { return row.step.step_id < id; });
    for (; next != steps.end(); ++next) take(store, *next);
    if (!steps.empty()) next_step_ = steps.back().step.step_id + 1;
    forget_trimmed(store);
}

int BatchLanes::lane_of(RequestId request) const {
    const auto it = lane_of_.find(request);
    return it == lane_of_.end() ? -1 : it->second;
}

void BatchLanes::take(const Store& store, const StepRow& step) {
    const uint64_t id = step.step.step_id;
    const auto sits = [&](RequestId request, int lane) {
        return seats_[static_cast<size_t>(lane)].request == request;
    };
    for (const auto& member : step.members)
        if (const int lane = lane_of(member.request); lane >= 0 && sits(member.request, lane))
            seats_[static_cast<size_t>(lane)].last_step = id;
    release(store, step);
    for (const auto& member : step.members)
        if (const int lane = lane_of(member.request); lane < 0 || !sits(member.request, lane))
            seat(member.request, id);
}

/// Frees the lanes of those who had ended when this step began.
void BatchLanes::release(const Store& store, const StepRow& step) {
    for (Seat& seat : seats_) {
        if (seat.request == kNoRequest || seat.last_step == step.step.step_id) continue;
        const RequestRow* row = store.find_request(seat.request);
        if (!row || (row->ended() && row->end_ns <= step.start_ns)) seat = Seat{};
    }
}

void BatchLanes::seat(RequestId request, uint64_t step) {
    size_t lane = 0;
    while (lane < seats_.size() && seats_[lane].request != kNoRequest) ++lane;
    if (lane == seats_.size()) seats_.emplace_back();
    seats_[lane] = {request, step};
    lane_of_[request] = static_cast<int>(lane);
}

/// A console left open for a week does not grow.
void BatchLanes::forget_trimmed(const Store& store) {
    if (lane_of_.size() < 2 * store.requests().size() + 1024) return;
    std::erase_if(lane_of_, [&](const auto& entry) { return !store.find_request(entry.first); });
}

}  // namespace pitwall::panels
