// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "panels/common/format.h"
#include "panels/common/panel.h"

namespace pitwall::panels {

/// What the status bar shows that is not in the store.
struct StatusFacts {
    QString model, device;
    double events_per_s = 0;
    int64_t recorder_lag_ns = 0;
    bool recording = false;
    QString message;  ///< a refusal, "Saved batch.csv"; stands at the right
    bool message_bad = false;
};

/// One cell: words, then a figure.
struct StatusCell {
    QString words;
    Quantity figure;
    bool warn = false;
    QString panel_id;  ///< that a click opens
    QString tip;
};

/// The cells from the left, from the last 10 s of the store.
std::vector<StatusCell> status_cells(const telemetry::Store& store, const StatusFacts& facts);

class StatusBar : public Panel {
    Q_OBJECT
  public:
    explicit StatusBar(PanelContext context, QWidget* parent = nullptr);
    QString id() const override { return QStringLiteral("statusbar"); }
    QString title() const override { return QStringLiteral("Status"); }
    int refresh_hz() const override { return 2; }
    void refresh() override;
    void set_facts(const StatusFacts& facts);
    const StatusFacts& facts() const { return facts_; }
    const std::vector<StatusCell>& cells() const { return cells_; }
    QSize sizeHint() const override;

  signals:
    void panel_wanted(const QString& panel_id);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    bool event(QEvent* event) override;

  private:
    double paint_cell(QPainter& painter, const StatusCell& cell, double x) const;
    double cell_width(const StatusCell& cell) const;
    const StatusCell* cell_at(QPointF position) const;

    StatusFacts facts_;
    std::vector<StatusCell> cells_;
    std::vector<QRectF> places_;
};

}  // namespace pitwall::panels
