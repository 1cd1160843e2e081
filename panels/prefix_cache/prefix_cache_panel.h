// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "panels/prefix_cache/prefix_cache_presenter.h"
#include "panels/throughput/time_chart_panel.h"

class QCPGraph;

namespace pitwall::panels {

class BarLayer;

/// Hit rate over time, evictions below.
class PrefixCachePanel : public TimeChartPanel {
    Q_OBJECT
  public:
    explicit PrefixCachePanel(PanelContext context, QWidget* parent = nullptr);
    QString id() const override { return QStringLiteral("prefix_cache"); }
    QString title() const override { return QStringLiteral("Prefix cache"); }
    QString scope() const override { return presenter_.scope(); }
    QString csv() const override { return presenter_.csv(); }
    QWidget* title_control() override { return unit_; }
    const PrefixCachePresenter& presenter() const { return presenter_; }

  protected:
    void present(telemetry::TimeRange window, std::optional<int64_t> cursor_ns) override;
    void read(std::optional<int64_t> cursor_ns) override;
    HoverCard card_at(int64_t t_ns) const override;
    bool empty() const override { return presenter_.empty(); }
    int64_t point_ns() const override { return presenter_.point_ns(); }

  private:
    PrefixCachePresenter presenter_;
    SegmentedControl* unit_;
    QCPGraph* line_;
    BarLayer* evictions_;
    telemetry::TimeRange window_{};
};

}  // namespace pitwall::panels
