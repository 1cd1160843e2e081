// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/kv_precision/kv_precision_panel.h"

#include <QVBoxLayout>

#include "panels/common/scrolled.h"
#include "panels/workload/start_arrivals.h"

namespace pitwall::panels {

KvPrecisionPanel::KvPrecisionPanel(PanelContext context, QWidget* parent)
    : Panel(context, parent),
      presenter_(*context_.store),
      pages_(new SegmentedControl(
          context_.theme,
          {QStringLiteral("Now"), QStringLiteral("Before, after"), QStringLiteral("Over time")}, this)),
      stack_(new QStackedWidget(this)),
      now_(new TablePair(context_.theme, QStringLiteral("What it gives"), QStringLiteral("What it costs"),
                         this)),
      before_after_(new TablePair(context_.theme, QStringLiteral("Before and after the last change"),
                                  QStringLiteral("From which context on it pays"), this)),
      chart_(new KvMemoryChart(context_, this)) {
    pages_->hide();  // until the title bar takes it
    QScrollArea* first = scrolled(now_, stack_);
    stack_->addWidget(first);
    stack_->addWidget(scrolled(before_after_, stack_));
    stack_->addWidget(chart_);
    empty_ = make_empty_state(
        context_, QStringLiteral("No step yet. What a KV format gives and costs shows under load"), first);
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(0, 0, 0, 0);
    all->addWidget(stack_);
    connect(pages_, &SegmentedControl::chosen, this, [this](int page) {
        stack_->setCurrentIndex(page);
        recompute();
        emit scope_changed();
    });
    connect(context_.range, &RangeModel::changed, this, [this] { gate_.force(); });
    recompute();
}

void KvPrecisionPanel::refresh() {
    if (page() == kOverTime) return chart_->refresh();
    gate_.run(*context_.store, [this] { recompute(); });
}

void KvPrecisionPanel::recompute() {
    if (page() == kOverTime) return chart_->refresh();
    presenter_.update(context_.range->resolve(*context_.store), context_.range->label(*context_.store));
    now_->first()->set_rows(presenter_.format());
    now_->second()->set_rows(presenter_.quality());
    before_after_->first()->set_rows(presenter_.effect());
    before_after_->second()->set_rows(presenter_.pays());
    before_after_->second()->setVisible(!presenter_.pays().empty());
    before_after_->first()->set_caption(presenter_.effect_caption());
    now_->setVisible(!presenter_.empty());
    show_empty_state(*empty_, context_, presenter_.empty());
    if (const QString now = scope(); now != shown_scope_) {
        shown_scope_ = now;
        emit scope_changed();
    }
}

void KvPrecisionPanel::showEvent(QShowEvent* /*event*/) { refresh(); }

}  // namespace pitwall::panels
