// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/statusbar/event_rate.h"

namespace pitwall::panels {

bool EventRate::read(int64_t now_ns, uint64_t events) {
    if (!readings_.empty() && events < readings_.back().events) clear();
    if (!readings_.empty() && now_ns - readings_.back().at_ns < kReadingNs) return false;
    readings_.push_back({now_ns, events});
    while (now_ns - readings_.front().at_ns > kWindowNs) readings_.pop_front();
    return true;
}

double EventRate::per_s() const {
    if (readings_.size() < 2) return 0;
    const Reading &first = readings_.front(), &last = readings_.back();
    return static_cast<double>(last.events - first.events) * 1e9 /
           static_cast<double>(last.at_ns - first.at_ns);
}

}  // namespace pitwall::panels
