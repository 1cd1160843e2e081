// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QTimer>

#include "panels/common/panel.h"
#include "panels/common/refresh_gate.h"
#include "panels/knobs/knob_row.h"
#include "panels/knobs/menu_button.h"
#include "panels/workload/workload_presenter.h"

class QPushButton;

namespace pitwall::panels {

class WorkloadFigures;

/// What arrives, and the hand on it: kind, process, rate, burst, pause. B bursts, P pauses and starts the arrivals.
class WorkloadPanel : public Panel {
    Q_OBJECT
  public:
    explicit WorkloadPanel(PanelContext context, QWidget* parent = nullptr);
    QString id() const override { return QStringLiteral("workload"); }
    QString title() const override { return QStringLiteral("Workload"); }
    QString scope() const override { return presenter_.scope(); }
    int refresh_hz() const override { return 10; }
    void refresh() override;
    QString csv() const override { return presenter_.csv(); }
    QWidget* title_control() override { return choices_; }
    const WorkloadPresenter& presenter() const { return presenter_; }

  protected:
    void keyPressEvent(QKeyEvent* event) override;

  private:
    QWidget* make_choices();
    QWidget* make_buttons();
    void connect_load(KnobRow* row, presets::KnobId id);
    void recompute();
    void show_knobs();
    int64_t now_ms() const { return clock_.elapsed(); }

    QElapsedTimer clock_;
    WorkloadPresenter presenter_;
    KnobsPresenter knobs_;  ///< for the load's own row: the same hands as in the knob panel
    RefreshGate gate_;
    QWidget* choices_;
    MenuButton *kind_, *process_;
    KnobRow *rate_, *users_;
    WorkloadFigures* figures_;
    QPushButton *burst_, *arrivals_;
    QTimer tick_;
    QString shown_scope_;
};

/// The figures and the strip of arrivals.
class WorkloadFigures : public QWidget {
    Q_OBJECT
  public:
    WorkloadFigures(Theme* theme, const WorkloadPresenter& presenter, QWidget* parent);
    QSize sizeHint() const override;

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    void draw_strip(QPainter& painter, double top) const;

    Theme* theme_;
    const WorkloadPresenter& presenter_;
};

}  // namespace pitwall::panels
