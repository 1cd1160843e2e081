// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QBoxLayout>
#include <QStackedWidget>

#include "panels/common/panel.h"
#include "panels/common/refresh_gate.h"
#include "panels/common/value_table.h"
#include "panels/common/widgets.h"
#include "panels/speculation/draft_time_chart.h"
#include "panels/speculation/share_bars.h"
#include "panels/speculation/speculation_presenter.h"

namespace pitwall::panels {

/// Bars at the left and figures, which scroll, at the right; one over the other where it is narrow.
class BarsAndTables : public QWidget {
    Q_OBJECT
  public:
    BarsAndTables(Theme* theme, ShareBars* bars, const std::vector<ValueTable*>& tables, QWidget* parent);

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    Theme* theme_;
    QBoxLayout* layout_;
};

/// What speculation brings and costs: acceptance by position, drafts over time, and whether it pays at each number of
/// decoding sequences.
class SpeculationPanel : public Panel {
    Q_OBJECT
  public:
    enum Page { kAcceptance, kBreakEven, kOverTime };
    explicit SpeculationPanel(PanelContext context, QWidget* parent = nullptr);

    QString id() const override { return QStringLiteral("speculation"); }
    QString title() const override { return QStringLiteral("Speculation"); }
    QString scope() const override { return page() == kOverTime ? QString() : presenter_.scope(); }
    void refresh() override;
    QString csv() const override { return page() == kOverTime ? chart_->csv() : presenter_.csv(); }
    QWidget* title_control() override { return pages_; }

    Page page() const { return Page(pages_->current()); }
    const SpeculationPresenter& presenter() const { return presenter_; }
    ShareBars* positions() { return positions_; }
    ShareBars* batches() { return batches_; }
    ValueTable* verdicts() { return verdicts_; }
    DraftTimeChart* chart() { return chart_; }

  protected:
    void showEvent(QShowEvent* event) override;

  private:
    void recompute();
    void show_empty();

    SpeculationPresenter presenter_;
    RefreshGate gate_;
    SegmentedControl* pages_;
    QStackedWidget* stack_;
    ShareBars *positions_, *batches_;
    ValueTable *gained_, *spent_, *verdicts_;
    QWidget *first_, *second_;
    DraftTimeChart* chart_;
    EmptyState* empty_;
    QString shown_scope_;
};

}  // namespace pitwall::panels
