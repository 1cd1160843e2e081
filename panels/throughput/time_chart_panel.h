// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "panels/changes/change_effect.h"
#include "panels/common/panel.h"
#include "panels/common/refresh_gate.h"
#include "panels/common/widgets.h"
#include "panels/throughput/strip_chart.h"

namespace pitwall::panels {

/// What the charts over time have in common: one window for all of them, knob changes as pins, a cursor whose moment
/// the captions read out (mouse, or Left and Right), and a click that selects the step of that moment.
class TimeChartPanel : public Panel {
    Q_OBJECT
  public:
    TimeChartPanel(PanelContext context, std::span<const StripGeometry> strips, QWidget* parent);
    ~TimeChartPanel() override;
    int refresh_hz() const override { return 10; }  ///< to show a knob's mark soon; figures move at 4 Hz
    void refresh() override;
    StripChart& chart() { return *chart_; }
    std::optional<int64_t> cursor_ns() const;

  protected:
    /// Brings presenter and plots up to date. `cursor_ns`: the moment to read out, nothing for the newest.
    virtual void present(telemetry::TimeRange window, std::optional<int64_t> cursor_ns) = 0;
    /// Captions for another cursor: the mouse passes many moments a second, and no data changes with it.
    virtual void read(std::optional<int64_t> cursor_ns) = 0;
    /// What the card at the cursor says beside the captions; an empty title for no card.
    virtual HoverCard card_at(int64_t t_ns) const = 0;
    virtual bool empty() const = 0;
    /// One step of the cursor by keyboard.
    virtual int64_t point_ns() const = 0;
    void recompute();
    void resizeEvent(QResizeEvent* event) override;

  private:
    void moved(QPointF position);
    void pressed(QPointF position);
    void stepped(int direction);
    void drop_cursor();
    void show_axis(telemetry::TimeRange window);
    void show_card(QPointF position);
    void show_cursor();
    const ChangeEffect* hovered_change(QPointF position);

    StripChart* chart_;
    EmptyState* empty_;
    RefreshGate gate_;
    ChangeEffects effects_;
    std::optional<ChangeEffect> hovered_;  ///< the change under the mouse, worked out at hovered_ns_
    int64_t hovered_ns_ = 0;
    telemetry::TimeRange window_{};
    std::optional<QPointF> mouse_;
    std::optional<int64_t> key_cursor_ns_;
    QString shown_scope_;
};

/// The window of all charts over time: the last 120 s, or the range where that is longer or was dragged.
telemetry::TimeRange chart_window(const RangeModel& range, const telemetry::Store& store);
/// The step in progress at that moment, or the last one before it; nothing before the first.
std::optional<StepId> step_at(const telemetry::Store& store, int64_t t_ns);
/// "\u221234 s" against now, or the clock's time in a window of the past.
QString moment_text(const telemetry::Store& store, telemetry::TimeRange window, int64_t t_ns);

}  // namespace pitwall::panels
