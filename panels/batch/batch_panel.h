// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>

#include "panels/batch/batch_chart.h"
#include "panels/common/panel.h"
#include "panels/common/refresh_gate.h"
#include "panels/common/widgets.h"

namespace pitwall::panels {

/// The right of the title: the figures of the step under the pointer, else of the selected step, else of the newest, and
/// the switch of the axis. Swatches make the read-out the legend as well. It leaves room for the panel's name and scope:
/// of what does not fit the parts that were not computed go first.
class BatchTitle : public QWidget {
    Q_OBJECT
  public:
    BatchTitle(Theme* theme, const BatchPresenter& presenter, QWidget* parent);
    SegmentedControl* modes() { return modes_; }
    void update_reading();
    QSize sizeHint() const override;

  protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

  private:
    Theme* theme_;
    const BatchPresenter& presenter_;
    SegmentedControl* modes_;
};

/// What each step computed and for whom.
class BatchPanel : public Panel {
    Q_OBJECT
  public:
    explicit BatchPanel(PanelContext context, QWidget* parent = nullptr);

    QString id() const override { return QStringLiteral("batch"); }
    QString title() const override { return QStringLiteral("Batch"); }
    QString scope() const override { return scope_; }
    int refresh_hz() const override { return 10; }
    void refresh() override;
    void go_live() override {
        presenter_.follow();
        words_.force();
    }
    QString csv() const override { return presenter_.csv(); }
    QWidget* title_control() override { return title_; }

    BatchPresenter& presenter() { return presenter_; }
    BatchChart* chart() { return chart_; }

  protected:
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;

  private:
    void refresh_now();
    void show_words();

    BatchPresenter presenter_;
    BatchChart* chart_;
    BatchTitle* title_;
    EmptyState* empty_;
    QString scope_;
    RefreshGate words_;  ///< nobody reads as fast as the chart moves
    QTimer last_words_;
};

}  // namespace pitwall::panels
