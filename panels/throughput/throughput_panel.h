// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "panels/throughput/throughput_presenter.h"
#include "panels/throughput/time_chart_panel.h"

class QCPGraph;

namespace pitwall::panels {

class BarLayer;

/// Tokens (or requests) a second; the queue below.
class ThroughputPanel : public TimeChartPanel {
    Q_OBJECT
  public:
    explicit ThroughputPanel(PanelContext context, QWidget* parent = nullptr);
    QString id() const override { return QStringLiteral("throughput"); }
    QString title() const override { return QStringLiteral("Throughput and queue"); }
    QString scope() const override { return presenter_.scope(); }
    QStringList shorter_scopes() const override { return {presenter_.short_scope()}; }
    QString csv() const override { return presenter_.csv(); }
    QWidget* title_control() override { return unit_; }
    const ThroughputPresenter& presenter() const { return presenter_; }

  protected:
    void present(telemetry::TimeRange window, std::optional<int64_t> cursor_ns) override;
    void read(std::optional<int64_t> cursor_ns) override;
    HoverCard card_at(int64_t t_ns) const override;
    bool empty() const override { return presenter_.empty(); }
    int64_t point_ns() const override { return presenter_.point_ns(); }

  private:
    void show_rates(telemetry::TimeRange window);
    void show_queue(telemetry::TimeRange window);

    ThroughputPresenter presenter_;
    SegmentedControl* unit_;
    QCPGraph* upper_;
    QCPGraph* lower_;
    QCPGraph* limit_;
    BarLayer* queue_;
    telemetry::TimeRange window_{};
};

}  // namespace pitwall::panels
