// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "panels/common/panel.h"

namespace pitwall::app {

/// Whether anybody can see it: shown, in a window that is not an icon, not behind a tab (Qt moves such docks out of the
/// window). Not visibleRegion(), which is empty as well under a child that paints all of its parent, a chart say.
bool in_sight(const QWidget& widget);

/// Refreshes visible panels that are out of date, each at most at its own rate, and at most `kBudgetNs` of
/// them in one tick: the rest follow in the next one, so that input never waits for drawing. A hidden panel
/// costs nothing.
class PanelRefresher {
  public:
    static constexpr int64_t kBudgetNs = 8'000'000;
    static constexpr int kBoostHz = 30;

    explicit PanelRefresher(std::function<int64_t()> now) : now_ns_(std::move(now)) {}

    void add(panels::Panel* panel);
    void mark_dirty();   ///< something came over the bus
    void mark_urgent();  ///< a knob, the selection or the range changed: at the next tick
    void set_boost(bool boost) { boost_ = boost; }  ///< while one drags or scrubs
    /// Meanwhile only what is urgent is refreshed, and all while one drags: that is waited for.
    void set_saving(bool saving) { saving_ = saving; }
    /// Gives how many were refreshed.
    int tick();
    uint64_t refreshes() const { return refreshes_; }
    uint64_t refreshes_of(const panels::Panel* panel) const;

  private:
    struct Entry {
        panels::Panel* panel;
        int64_t last_ns = INT64_MIN / 2;
        uint64_t count = 0;
        bool dirty = true, urgent = true;
    };
    int64_t overdue_ns(const Entry& entry, int64_t now) const;

    std::function<int64_t()> now_ns_;
    std::vector<Entry> entries_;
    bool boost_ = false, saving_ = false;
    uint64_t refreshes_ = 0;
};

}  // namespace pitwall::app
