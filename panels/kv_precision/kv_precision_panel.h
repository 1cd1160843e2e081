// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStackedWidget>

#include "panels/common/panel.h"
#include "panels/common/refresh_gate.h"
#include "panels/common/table_pair.h"
#include "panels/common/widgets.h"
#include "panels/kv_precision/kv_memory_chart.h"
#include "panels/kv_precision/kv_precision_presenter.h"

namespace pitwall::panels {

/// The format of the KV cache: what it gives, what it costs, what its last change did, and the pool over time.
class KvPrecisionPanel : public Panel {
    Q_OBJECT
  public:
    enum Page { kNow, kBeforeAfter, kOverTime };
    explicit KvPrecisionPanel(PanelContext context, QWidget* parent = nullptr);

    QString id() const override { return QStringLiteral("kv_precision"); }
    QString title() const override { return QStringLiteral("KV precision"); }
    QString scope() const override { return page() == kNow ? presenter_.scope() : QString(); }
    void refresh() override;
    QString csv() const override { return page() == kOverTime ? chart_->csv() : presenter_.csv(); }
    QWidget* title_control() override { return pages_; }

    Page page() const { return Page(pages_->current()); }
    const KvPrecisionPresenter& presenter() const { return presenter_; }
    TablePair* now() { return now_; }
    TablePair* before_after() { return before_after_; }
    KvMemoryChart* chart() { return chart_; }

  protected:
    void showEvent(QShowEvent* event) override;

  private:
    void recompute();

    KvPrecisionPresenter presenter_;
    RefreshGate gate_;
    SegmentedControl* pages_;
    QStackedWidget* stack_;
    TablePair *now_, *before_after_;
    KvMemoryChart* chart_;
    EmptyState* empty_;
    QString shown_scope_;
};

}  // namespace pitwall::panels
