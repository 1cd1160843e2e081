// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "panels/kv_precision/kv_memory_presenter.h"
#include "panels/throughput/time_chart_panel.h"

namespace pitwall::panels {

class BarLayer;

/// Memory by precision over time, and the probe's samples below. A page of the panel, not a panel of the window.
class KvMemoryChart : public TimeChartPanel {
    Q_OBJECT
  public:
    explicit KvMemoryChart(PanelContext context, QWidget* parent = nullptr);
    QString id() const override { return QStringLiteral("kv_memory"); }
    QString title() const override { return QStringLiteral("KV memory"); }
    QString csv() const override { return presenter_.csv(); }
    const KvMemoryPresenter& presenter() const { return presenter_; }

  protected:
    void present(telemetry::TimeRange window, std::optional<int64_t> cursor_ns) override;
    void read(std::optional<int64_t> cursor_ns) override;
    HoverCard card_at(int64_t t_ns) const override;
    bool empty() const override { return presenter_.empty(); }
    int64_t point_ns() const override { return presenter_.point_ns(); }

  private:
    void show_memory(const KvMemoryPresenter::Point& point, int64_t end_ns);

    KvMemoryPresenter presenter_;
    BarLayer *memory_, *samples_;
    telemetry::TimeRange window_{};
};

}  // namespace pitwall::panels
