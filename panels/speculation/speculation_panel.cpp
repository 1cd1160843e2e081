// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/speculation/speculation_panel.h"

#include <QVBoxLayout>

#include "panels/common/scrolled.h"

namespace pitwall::panels {

namespace {
constexpr int kSideBySide = 560;  ///< px at scale 1
}

BarsAndTables::BarsAndTables(Theme* theme, ShareBars* bars, const std::vector<ValueTable*>& tables,
                             QWidget* parent)
    : QWidget(parent), theme_(theme), layout_(new QBoxLayout(QBoxLayout::LeftToRight, this)) {
    layout_->setContentsMargins(0, 0, 0, 0);
    layout_->setSpacing(0);
    layout_->addWidget(bars, 1);
    auto* column = new QWidget(this);
    auto* right = new QVBoxLayout(column);
    right->setContentsMargins(0, 0, 0, 0);
    right->setSpacing(0);
    for (ValueTable* table : tables) right->addWidget(table);
    right->addStretch(1);
    layout_->addWidget(scrolled(column, this), 1);
}

void BarsAndTables::resizeEvent(QResizeEvent* /*event*/) {
    const bool wide = width() >= theme_->scaled(kSideBySide);
    layout_->setDirection(wide ? QBoxLayout::LeftToRight : QBoxLayout::TopToBottom);
}

SpeculationPanel::SpeculationPanel(PanelContext context, QWidget* parent)
    : Panel(context, parent),
      presenter_(*context_.store),
      pages_(new SegmentedControl(
          context_.theme,
          {QStringLiteral("Acceptance"), QStringLiteral("Break-even"), QStringLiteral("Over time")}, this)),
      stack_(new QStackedWidget(this)),
      positions_(new ShareBars(context_.theme,
                               {QStringLiteral("accepted"), QStringLiteral("of those after the one before"),
                                QStringLiteral("position in the step's drafts")},
                               this)),
      batches_(
          new ShareBars(context_.theme,
                        {QStringLiteral("accepted, measured"), QStringLiteral("needed to pay"),
                         QStringLiteral("decoding sequences"), true,
                         QStringLiteral("Nothing to compare yet: %1 drafts and %2 steps are needed at one "
                                        "number of decoding sequences")
                             .arg(BatchCost::kLeastDrafts)
                             .arg(BatchCost::kLeastSteps)},
                        this)),
      gained_(new ValueTable(context_.theme, QStringLiteral("What drafts brought"), this)),
      spent_(new ValueTable(context_.theme, QStringLiteral("What they cost"), this)),
      verdicts_(new ValueTable(context_.theme, QStringLiteral("Acceptance by decoding sequences"), this)),
      first_(new BarsAndTables(context_.theme, positions_, {gained_, spent_}, this)),
      second_(new BarsAndTables(context_.theme, batches_, {verdicts_}, this)),
      chart_(new DraftTimeChart(context_, this)) {
    pages_->hide();  // until the title bar takes it
    stack_->addWidget(first_);
    stack_->addWidget(second_);
    stack_->addWidget(chart_);
    empty_ = new EmptyState(
        context_.theme, QString(), QStringLiteral("Draft with ngram"),
        [this] { (void)context_.control->set_knob("speculative_method", "ngram"); }, this);
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

void SpeculationPanel::refresh() {
    if (page() == kOverTime) return chart_->refresh();
    gate_.run(*context_.store, [this] { recompute(); });
}

void SpeculationPanel::recompute() {
    presenter_.update(context_.range->resolve(*context_.store), context_.range->label(*context_.store));
    positions_->set_bars(presenter_.positions());
    batches_->set_bars(presenter_.batches());
    gained_->set_rows(presenter_.gained());
    spent_->set_rows(presenter_.spent());
    verdicts_->set_rows(presenter_.verdicts());
    show_empty();
    if (page() == kOverTime) chart_->refresh();
    if (const QString now = scope(); now != shown_scope_) {
        shown_scope_ = now;
        emit scope_changed();
    }
}

/// Over time the chart itself says that there is nothing, and what was before the range.
void SpeculationPanel::show_empty() {
    const SpeculationPresenter::Empty why = presenter_.why_empty();
    const bool empty = why != SpeculationPresenter::Empty::kThereAre && page() != kOverTime;
    stack_->setVisible(!empty);
    empty_->setVisible(empty);
    if (!empty) return;
    empty_->set_sentence(presenter_.empty_sentence());
    empty_->offer(!context_.replay && why == SpeculationPresenter::Empty::kOff);
    empty_->raise();
}

void SpeculationPanel::showEvent(QShowEvent* /*event*/) { refresh(); }

}  // namespace pitwall::panels
