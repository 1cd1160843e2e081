// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "telemetry/store/store.h"

namespace pitwall::panels {

/// What a hand did in one go. A dragged slider is up to twenty changes a second; people count it as one.
struct ChangeGroup {
    uint32_t number = 0;  ///< of its last change, so that it is the number the range control speaks of
    uint16_t knob = 0;
    int64_t begin_ns = 0, end_ns = 0;  ///< apart where it was dragged or is draining
    double old_value = 0;              ///< before the first
    double new_value = 0;              ///< effective after the last
    telemetry::KnobBound bound = telemetry::KnobBound::kNone;
    telemetry::KnobOrigin origin = telemetry::KnobOrigin::kUser;
    int64_t pause_ns = 0;  ///< in sum
};

/// Changes of one knob at most this far apart are one group.
inline constexpr int64_t kChangeGroupGapNs = 1'000'000'000;

/// In the order of time, without start values. What the engine did to a knob on its own (a drain that ended)
/// belongs to the change that caused it.
std::vector<ChangeGroup> group_changes(std::span<const telemetry::KnobChange> changes);

}  // namespace pitwall::panels
