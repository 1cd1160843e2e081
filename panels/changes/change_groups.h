// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "panels/common/plot.h"
#include "telemetry/stats/range_stats.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

/// What a hand did in one go. A dragged slider is up to twenty changes a second; people count it as one.
struct ChangeGroup {
    uint32_t number = 0;  ///< of its last change, so that it is the number the range control speaks of
    uint32_t first_number = 0;
    uint16_t knob = 0;
    int64_t begin_ns = 0, end_ns = 0;  ///< apart where it was dragged or is draining
    double old_value = 0;              ///< before the first
    double new_value = 0;              ///< effective after the last
    telemetry::KnobBound bound = telemetry::KnobBound::kNone;
    telemetry::KnobOrigin origin = telemetry::KnobOrigin::kUser;
    int64_t pause_ns = 0;  ///< in sum
    bool operator==(const ChangeGroup&) const = default;
};

/// Changes of one knob at most this far apart are one group.
inline constexpr int64_t kChangeGroupGapNs = 1'000'000'000;

/// In the order of time, without start values. What the engine did to a knob on its own (a drain that ended)
/// belongs to the change that caused it, where one did: the loss of a draft model stands for itself.
std::vector<ChangeGroup> group_changes(std::span<const telemetry::KnobChange> changes);

struct EqualRanges {
    telemetry::TimeRange before, after;
};
/// Equally long ranges before and after a group, at most `longest_ns`, that no other group reaches into. `index` is into
/// `groups`.
EqualRanges group_ranges(std::span<const ChangeGroup> groups, size_t index, int64_t now_ns,
                         int64_t longest_ns);

/// Marks for the charts, one a group: a band as wide as the drag, the drain or the pause took. Keys in
/// session seconds.
std::vector<ChangeMark> group_marks(std::span<const ChangeGroup> groups, telemetry::TimeRange window);

}  // namespace pitwall::panels
