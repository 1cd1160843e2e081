// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/panel_refresher.h"

#include <algorithm>

namespace pitwall::app {

bool in_sight(const QWidget& widget) {
    const QWidget* window = widget.window();
    if (!widget.isVisible() || window->isMinimized()) return false;
    return window->rect().intersects(QRect(widget.mapTo(window, QPoint(0, 0)), widget.size()));
}

void PanelRefresher::add(panels::Panel* panel) { entries_.push_back({panel}); }

void PanelRefresher::mark_dirty() {
    for (Entry& entry : entries_) entry.dirty = true;
}

void PanelRefresher::mark_urgent() {
    for (Entry& entry : entries_) entry.dirty = entry.urgent = true;
}

/// Negative while it is not its turn yet.
int64_t PanelRefresher::overdue_ns(const Entry& entry, int64_t now) const {
    if (entry.urgent) return INT64_MAX / 2;
    const int hz = boost_ ? std::max(kBoostHz, entry.panel->refresh_hz()) : entry.panel->refresh_hz();
    // Half a frame of slack: a tick that comes a little early must not push a 30 Hz panel down to 20.
    return now - entry.last_ns - 1'000'000'000 / std::max(1, hz) + 8'000'000;
}

int PanelRefresher::tick() {
    const int64_t begin = now_ns_();
    std::vector<std::pair<int64_t, Entry*>> due;
    for (Entry& entry : entries_) {
        if (!entry.dirty || (saving_ && !boost_ && !entry.urgent)) continue;
        if (!in_sight(*entry.panel)) continue;
        const int64_t overdue = overdue_ns(entry, begin);
        if (overdue >= 0) due.emplace_back(overdue, &entry);
    }
    std::stable_sort(due.begin(), due.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    int done = 0;
    for (auto& [overdue, entry] : due) {
        if (done > 0 && now_ns_() - begin > kBudgetNs) break;
        entry->dirty = entry->urgent = false;
        entry->last_ns = begin;
        ++entry->count;
        entry->panel->refresh();
        ++done;
    }
    refreshes_ += static_cast<uint64_t>(done);
    return done;
}

uint64_t PanelRefresher::refreshes_of(const panels::Panel* panel) const {
    for (const Entry& entry : entries_)
        if (entry.panel == panel) return entry.count;
    return 0;
}

}  // namespace pitwall::app
