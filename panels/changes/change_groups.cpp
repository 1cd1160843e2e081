// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/changes/change_groups.h"

#include <algorithm>

namespace pitwall::panels {

namespace {

using telemetry::KnobBound;
using telemetry::KnobOrigin;

/// What the engine could not keep up, a draft model say: nobody's change caused it.
bool is_loss(const telemetry::KnobEvent& event) {
    return event.origin == KnobOrigin::kEngine && event.bound == KnobBound::kUnavailable;
}

/// The group that something of the engine's own carries on, or null: a drain or a shrink goes on however late, and what it
/// turns to and fro while it replays a numeric history is one go.
ChangeGroup* carried_on_by_engine(std::vector<ChangeGroup>& groups, const telemetry::KnobChange& change) {
    const auto same = std::find_if(groups.rbegin(), groups.rend(),
                                   [&](const ChangeGroup& g) { return g.knob == change.event.knob; });
    if (same == groups.rend() || is_loss(change.event)) return nullptr;
    const bool unfinished = same->bound == KnobBound::kDraining || same->bound == KnobBound::kInFlight;
    const bool one_go =
        same->origin == KnobOrigin::kEngine && change.t_ns - same->end_ns <= kChangeGroupGapNs;
    return unfinished || one_go ? &*same : nullptr;
}

/// The group that a change carries on, or null.
ChangeGroup* carried_on(std::vector<ChangeGroup>& groups, const telemetry::KnobChange& change) {
    if (groups.empty()) return nullptr;
    if (change.event.origin == KnobOrigin::kEngine) return carried_on_by_engine(groups, change);
    ChangeGroup& last = groups.back();
    const bool one_go = last.origin != KnobOrigin::kEngine && last.knob == change.event.knob &&
                        change.t_ns - last.end_ns <= kChangeGroupGapNs;
    return one_go ? &last : nullptr;
}

/// The pool keeps its bytes when its blocks get another format: the engine then turns num_kv_blocks right before that
/// change, in one step with it. It is no change of its own, nor the end of a drain of an older one.
bool comes_with_the_next(std::span<const telemetry::KnobChange> changes, size_t index) {
    if (changes[index].event.origin != KnobOrigin::kEngine || index + 1 == changes.size()) return false;
    const telemetry::KnobEvent &event = changes[index].event, &next = changes[index + 1].event;
    return !is_loss(event) && next.origin != KnobOrigin::kEngine && next.knob != event.knob &&
           event.pause_ns == 0 && next.step_id == event.step_id;
}

}  // namespace

std::vector<ChangeGroup> group_changes(std::span<const telemetry::KnobChange> changes) {
    std::vector<ChangeGroup> groups;
    for (size_t i = 0; i < changes.size(); ++i) {
        const telemetry::KnobChange& change = changes[i];
        const telemetry::KnobEvent& event = change.event;
        if (event.origin == KnobOrigin::kStart || comes_with_the_next(changes, i)) continue;
        ChangeGroup* group = carried_on(groups, change);
        if (!group) {
            groups.push_back({change.number, change.number, event.knob, change.t_ns, change.t_ns,
                              event.old_value, event.effective_value, event.bound, event.origin,
                              event.pause_ns});
            continue;
        }
        if (event.origin != KnobOrigin::kEngine) group->number = change.number;
        group->end_ns = change.t_ns;
        group->new_value = event.effective_value;
        group->bound = event.bound;
        group->pause_ns += event.pause_ns;
    }
    return groups;
}

EqualRanges group_ranges(std::span<const ChangeGroup> groups, size_t index, int64_t now_ns,
                         int64_t longest_ns) {
    const ChangeGroup& group = groups[index];
    int64_t begin = 0, end = now_ns;
    for (const ChangeGroup& other : groups) {
        // What came in the same moment (a preset) is judged with it, not against it.
        if (other.end_ns < group.begin_ns - kChangeGroupGapNs) begin = std::max(begin, other.end_ns);
        if (other.begin_ns > group.end_ns + kChangeGroupGapNs) end = std::min(end, other.begin_ns);
    }
    const int64_t length =
        std::max<int64_t>(0, std::min({longest_ns, group.begin_ns - begin, end - group.end_ns}));
    return {{group.begin_ns - length, group.begin_ns}, {group.end_ns, group.end_ns + length}};
}

std::vector<ChangeMark> group_marks(std::span<const ChangeGroup> groups, telemetry::TimeRange window) {
    std::vector<ChangeMark> marks;
    for (const ChangeGroup& group : groups) {
        if (group.end_ns < window.begin_ns || group.begin_ns >= window.end_ns) continue;
        const int64_t took = std::max(group.end_ns - group.begin_ns, group.pause_ns);
        marks.push_back({double(group.begin_ns) / 1e9, double(took) / 1e9, group.number});
    }
    return marks;
}

}  // namespace pitwall::panels
