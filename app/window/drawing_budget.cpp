// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/drawing_budget.h"

#include <algorithm>
#include <ctime>

namespace pitwall::app {

int64_t thread_cpu_ns() {
    timespec used{};
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) != 0) return 0;
    return int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
}

void DrawingBudget::spend(int64_t used_ns, int64_t now_ns) {
    const auto most_ns = kBurstNs + static_cast<int64_t>(share_ * kLongestWaitNs);
    const auto earned_ns = static_cast<int64_t>(share_ * static_cast<double>(now_ns - last_ns_));
    if (!exhausted()) {  // panels were drawn in what is paid for now
        free_ns_ = now_ns;
        const auto earned_after_ns = static_cast<int64_t>(2 * static_cast<double>(used_ns) / share_);
        wait_ns_ = std::clamp(earned_after_ns, kShortestWaitNs, kLongestWaitNs);
    }
    last_ns_ = now_ns;
    debt_ns_ = std::clamp<int64_t>(debt_ns_ + used_ns - earned_ns, 0, most_ns);
}

}  // namespace pitwall::app
