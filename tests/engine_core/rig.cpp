// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine_core/rig.h"

#include <ostream>

namespace pitwall::engine::test {

std::ostream& operator<<(std::ostream& out, const Stretch& stretch) {
    static constexpr const char* kNames[] = {"WaitCapacity",  "WaitBudget", "WaitPolicy", "Paused",    "NotInStep", "Recorder", "PrefillOwn", "PrefillOthers",
                                             "Decode",        "Speculation", "Preempted", "KvMove",    "Sampling",  "Scheduling", "Delivery"};
    static_assert(std::size(kNames) == static_cast<size_t>(Cause::kCount));
    return out << "{" << kNames[static_cast<size_t>(stretch.cause)] << ", " << stretch.start_ns << ", " << stretch.length_ns << "}";
}

std::vector<Stretch> stretches(Rig& rig, RequestId request) {
    std::vector<Stretch> found;
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

void expect_causes_tile(const std::vector<Event>& events) {
    struct Account {
        int64_t until_ns = -1;
        bool ended = false;
    };
    std::map<RequestId, Account> accounts;
    size_t ends = 0;
    for (const Event& e : events) {
        if (e.kind == EventKind::kRequest && e.request.phase == RequestPhase::kArrived) accounts[e.request.request].until_ns = e.request.arrival_ns;
        if (e.kind == EventKind::kCause) {
            Account& account = accounts[e.cause.request];
            ASSERT_FALSE(account.ended) << "request " << raw(e.cause.request) << " has a cause after its end";
            ASSERT_EQ(e.t_ns, account.until_ns) << "request " << raw(e.cause.request);
            ASSERT_GE(e.cause.duration_ns, 0);
            account.until_ns += e.cause.duration_ns;
        }
        if (e.kind == EventKind::kRequest && e.request.reason != FinishReason::kNone) {
            Account& account = accounts[e.request.request];
            ASSERT_FALSE(account.ended) << "request " << raw(e.request.request) << " ended twice";
            ASSERT_EQ(account.until_ns, e.t_ns) << "request " << raw(e.request.request) << ": causes do not reach its end";
            account.ended = true;
            ++ends;
        }
    }
    for (const auto& [id, account] : accounts) EXPECT_TRUE(account.ended) << "request " << raw(id) << " has no end";
    EXPECT_EQ(ends, accounts.size());
}

}  // namespace pitwall::engine::test
