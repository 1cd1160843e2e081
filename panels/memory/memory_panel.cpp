// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/memory/memory_panel.h"

#include <QVBoxLayout>

#include "panels/common/scrolled.h"

namespace pitwall::panels {

MemoryPanel::MemoryPanel(PanelContext context, QWidget* parent)
    : Panel(context, parent),
      presenter_(*context_.store),
      pages_(new SegmentedControl(context_.theme,
                                  {QStringLiteral("This session"), QStringLiteral("Other shapes")}, this)),
      stack_(new QStackedWidget(this)),
      session_(new SessionView(context_.theme, presenter_, this)),
      shapes_(new ShapesView(context_.theme, modelled_, this)) {
    pages_->hide();  // until the title bar takes it
    QScrollArea* first = scrolled(session_, stack_);
    stack_->addWidget(first);
    stack_->addWidget(scrolled(shapes_, stack_));
    empty_ = new EmptyState(
        context_.theme,
        QStringLiteral("No step yet. Start the workload, or see what other shapes would need"),
        QStringLiteral("Start"), [this] { context_.control->set_knob("workload_running", "true"); }, first);
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(0, 0, 0, 0);
    all->addWidget(stack_);
    connect(pages_, &SegmentedControl::chosen, this, [this](int page) {
        stack_->setCurrentIndex(page);
        recompute();
    });
    connect(shapes_, &ShapesView::changed, this, &Panel::scope_changed);
    connect(context_.range, &RangeModel::changed, this, [this] { gate_.force(); });
    recompute();
}

QString MemoryPanel::scope() const { return page() == kSession ? presenter_.scope() : modelled_.scope(); }

QStringList MemoryPanel::shorter_scopes() const {
    if (page() == kShapes) return {QStringLiteral("modelled, not measured"), QStringLiteral("modelled")};
    return {presenter_.simulated() ? QStringLiteral("last step, simulated device")
                                   : QStringLiteral("last step")};
}

QString MemoryPanel::csv() const { return page() == kSession ? presenter_.csv() : modelled_.csv(); }

void MemoryPanel::refresh() {
    if (page() == kShapes) return;  // nothing there moves by itself
    gate_.run(*context_.store, [this] { recompute(); });
}

void MemoryPanel::recompute() {
    presenter_.update(context_.range->resolve(*context_.store), context_.range->label(*context_.store));
    session_->show_figures();
    session_->setVisible(!presenter_.empty());
    empty_->setVisible(presenter_.empty());
    empty_->offer(!context_.replay);
    if (const QString now = scope(); now != shown_scope_) {
        shown_scope_ = now;
        emit scope_changed();
    }
}

void MemoryPanel::showEvent(QShowEvent* /*event*/) { refresh(); }

}  // namespace pitwall::panels
