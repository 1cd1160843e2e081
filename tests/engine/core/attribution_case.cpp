// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/core/attribution_case.h"

#include <ostream>

namespace pitwall::engine::test {

std::ostream& operator<<(std::ostream& out, const Stretch& stretch) {
    static constexpr const char* kNames[] = {"WaitCapacity", "WaitBudget",  "WaitPolicy", "Paused",
                                             "NotInStep",    "Recorder",    "PrefillOwn", "PrefillOthers",
                                             "Decode",       "Speculation", "Preempted",  "KvMove",
                                             "Sampling",     "Scheduling",  "Delivery",   "Restart"};
    static_assert(std::size(kNames) == static_cast<size_t>(Cause::kCount));
    return out << "{" << kNames[static_cast<size_t>(stretch.cause)] << ", " << stretch.start_ns << ", "
               << stretch.length_ns << "}";
}

Stretches stretches(Rig& rig, RequestId request) {
    Stretches found;
    for (const Event& e : rig.of(EventKind::kCause)) {
        if (e.cause.request != request) continue;
        // Keyframes cut a stretch in two; that is no change of cause.
        if (!found.empty() && found.back().cause == e.cause.cause)
            found.back().length_ns += e.cause.duration_ns;
        else
            found.push_back({e.cause.cause, e.t_ns, e.cause.duration_ns});
    }
    return found;
}

}  // namespace pitwall::engine::test
