// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "telemetry/store/store.h"

namespace pitwall::panels {

/// Which line of the lanes a request has. A request takes the lowest free lane in its first step and keeps it
/// until it ended, so that lanes do not jump while the chart scrolls.
class BatchLanes {
  public:
    /// Takes the steps it has not seen. Starts again where the store was cleared (a seek).
    void follow(const telemetry::Store& store);
    int lane_of(RequestId request) const;  ///< -1: never seen
    size_t known() const { return lane_of_.size(); }

  private:
    struct Seat {
        RequestId request = kNoRequest;
        uint64_t last_step = 0;
    };
    void take(const telemetry::Store& store, const telemetry::StepRow& step);
    void release(const telemetry::Store& store, const telemetry::StepRow& step);
    void seat(RequestId request, uint64_t step);
    void forget_trimmed(const telemetry::Store& store);

    std::vector<Seat> seats_;
    std::unordered_map<RequestId, int> lane_of_;
    uint64_t next_step_ = 0, events_seen_ = 0;
};

}  // namespace pitwall::panels
