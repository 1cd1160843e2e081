// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <array>
#include <future>
#include <optional>

#include "panels/common/panel.h"
#include "panels/common/refresh_gate.h"
#include "panels/common/widgets.h"
#include "panels/knobs/knob_throttle.h"
#include "panels/knobs/menu_button.h"
#include "panels/latency/latency_presenter.h"
#include "panels/throughput/strip_chart.h"

class QCPGraph;
class QLabel;

namespace pitwall::panels {

class BarLayer;

/// TTFT over TPOT as histograms. Drag an objective's line to move it; click a bin for a request in it; Left and Right
/// walk the bins, Up and Down (or T, where there is room for one alone) change the histogram.
class LatencyPanel : public Panel {
    Q_OBJECT
  public:
    explicit LatencyPanel(PanelContext context, QWidget* parent = nullptr);
    ~LatencyPanel() override;
    QString id() const override { return QStringLiteral("latency"); }
    QString title() const override { return QStringLiteral("Latency"); }
    QString scope() const override { return presenter_.scope(); }
    int refresh_hz() const override { return 10; }  ///< to show a knob's mark soon; figures move at 4 Hz
    void refresh() override;
    QString csv() const override { return presenter_.csv(); }
    QWidget* title_control() override { return definitions_; }

    StripChart& chart() { return *chart_; }
    const LatencyPresenter& presenter() const { return presenter_; }

  protected:
    void resizeEvent(QResizeEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

  private:
    using Which = LatencyPresenter::Which;
    void fill_definitions();
    void recompute();
    void draw(Which which);
    void show_selected();
    Caption caption_of(Which which) const;
    void choose_layout();
    void mouse_moved(QPointF position);
    void mouse_pressed(QPointF position);
    void mouse_released();
    void drag_slo(QPointF position);
    void send_slo(double value);
    void watch_slo();
    void select_bin(size_t bin);
    void walk_bins(int direction);
    std::optional<Which> at(QPointF position) const;

    LatencyPresenter presenter_;
    RefreshGate gate_;
    StripChart* chart_;
    std::array<BarLayer*, 2> bars_{};
    std::array<QCPGraph*, 2> outlines_{};
    QLabel* figures_;
    MenuButton* definitions_;
    EmptyState* empty_;
    Which active_ = LatencyPresenter::kTtft;
    std::optional<Which> dragging_;
    std::optional<size_t> walked_bin_;
    KnobThrottle throttle_;
    QElapsedTimer clock_;
    QTimer
        slo_timer_;  ///< sends what the throttle held, and lets the hand's value go once the engine told its own
    std::array<int64_t, 2> slo_sent_ms_{};
    std::future<telemetry::Answer> slo_answer_;
    QString refusal_;  ///< why the objective did not move, for a while
    int64_t refused_ms_ = 0;
    QString shown_scope_;
};

}  // namespace pitwall::panels
