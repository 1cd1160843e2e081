// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "panels/speculation/draft_time_presenter.h"
#include "panels/throughput/time_chart_panel.h"

namespace pitwall::panels {

class BarLayer;

/// Accepted and wasted drafts over time, and the wasted share of the work. A page of the panel, not a panel of the
/// window.
class DraftTimeChart : public TimeChartPanel {
    Q_OBJECT
  public:
    explicit DraftTimeChart(PanelContext context, QWidget* parent = nullptr);
    QString id() const override { return QStringLiteral("draft_time"); }
    QString title() const override { return QStringLiteral("Drafts over time"); }
    QString csv() const override { return presenter_.csv(); }
    const DraftTimePresenter& presenter() const { return presenter_; }

  protected:
    void present(telemetry::TimeRange window, std::optional<int64_t> cursor_ns) override;
    void read(std::optional<int64_t> cursor_ns) override;
    HoverCard card_at(int64_t t_ns) const override;
    bool empty() const override { return presenter_.empty(); }
    int64_t point_ns() const override { return presenter_.point_ns(); }

  private:
    DraftTimePresenter presenter_;
    BarLayer *tokens_, *waste_;
    telemetry::TimeRange window_{};
};

}  // namespace pitwall::panels
