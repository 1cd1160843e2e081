// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/memory/session_view.h"

#include <QVBoxLayout>

namespace pitwall::panels {

SessionView::SessionView(Theme* theme, const MemoryPresenter& presenter, QWidget* parent)
    : QWidget(parent),
      presenter_(presenter),
      bar_(new MemoryBar(theme, presenter, this)),
      tables_(new TablePair(theme, {}, {}, this)) {
    parts()->setAccessibleName(QStringLiteral("Where the memory goes"));
    room()->setAccessibleName(QStringLiteral("What else fits"));
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(0, 0, 0, 0);
    all->setSpacing(0);
    all->addWidget(bar_);
    all->addWidget(tables_);
    all->addStretch(1);
}

void SessionView::show_figures() {
    parts()->set_rows(presenter_.parts());
    room()->set_rows(presenter_.room());
    bar_->update();
}

}  // namespace pitwall::panels
