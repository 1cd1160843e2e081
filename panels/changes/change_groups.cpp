// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/changes/change_groups.h"

#include <algorithm>

namespace pitwall::panels {

namespace {

/// The group that a change carries on, or null.
ChangeGroup* carried_on(std::vector<ChangeGroup>& groups, const telemetry::KnobChange& change) {
    if (groups.empty()) return nullptr;
    if (change.event.origin == telemetry::KnobOrigin::kEngine) {
        const auto same = std::find_if(groups.rbegin(), groups.rend(),
                                       [&](const ChangeGroup& g) { return g.knob == change.event.knob; });
        return same == groups.rend() ? nullptr : &*same;
    }
    ChangeGroup& last = groups.back();
    const bool one_go = last.knob == change.event.knob && change.t_ns - last.end_ns <= kChangeGroupGapNs;
    return one_go ? &last : nullptr;
}

}  // namespace

std::vector<ChangeGroup> group_changes(std::span<const telemetry::KnobChange> changes) {
    std::vector<ChangeGroup> groups;
    for (const telemetry::KnobChange& change : changes) {
        const telemetry::KnobEvent& event = change.event;
        if (event.origin == telemetry::KnobOrigin::kStart) continue;
        ChangeGroup* group = carried_on(groups, change);
        if (!group) {
            groups.push_back({change.number, event.knob, change.t_ns, change.t_ns, event.old_value,
                              event.effective_value, event.bound, event.origin, event.pause_ns});
            continue;
        }
        if (event.origin != telemetry::KnobOrigin::kEngine) group->number = change.number;
        group->end_ns = change.t_ns;
        group->new_value = event.effective_value;
        group->bound = event.bound;
        group->pause_ns += event.pause_ns;
    }
    return groups;
}

}  // namespace pitwall::panels
