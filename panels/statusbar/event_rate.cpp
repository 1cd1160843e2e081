// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/statusbar/event_rate.h"

#include <limits>

namespace pitwall::panels {

void EventRate::read(int64_t session_ns, uint64_t events) {
    if (!readings_.empty() && (events < readings_.back().events || session_ns < readings_.back().at_ns))
        clear();
    if (!readings_.empty() && session_ns == readings_.back().at_ns) return;
    readings_.push_back({session_ns, events});
    while (readings_.size() > 2 && session_ns - readings_.front().at_ns > kWindowNs) readings_.pop_front();
}

double EventRate::per_s() const {
    if (readings_.size() < 2) return std::numeric_limits<double>::quiet_NaN();
    const Reading &first = readings_.front(), &last = readings_.back();
    return static_cast<double>(last.events - first.events) * 1e9 /
           static_cast<double>(last.at_ns - first.at_ns);
}

}  // namespace pitwall::panels
