// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/memory/session_view.h"

#include <QVBoxLayout>

namespace pitwall::panels {

namespace {
constexpr int kSideBySide = 560;  ///< px at scale 1
}

SessionView::SessionView(Theme* theme, const MemoryPresenter& presenter, QWidget* parent)
    : QWidget(parent),
      theme_(theme),
      presenter_(presenter),
      bar_(new MemoryBar(theme, presenter, this)),
      parts_(new MemoryTable(theme, {}, this)),
      room_(new MemoryTable(theme, {}, this)),
      tables_(new QBoxLayout(QBoxLayout::LeftToRight)) {
    parts_->setAccessibleName(QStringLiteral("Where the memory goes"));
    room_->setAccessibleName(QStringLiteral("What else fits"));
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(0, 0, 0, 0);
    all->setSpacing(0);
    all->addWidget(bar_);
    all->addLayout(tables_);
    all->addStretch(1);
    tables_->setSpacing(0);
    tables_->addWidget(parts_, 1, Qt::AlignTop);
    tables_->addWidget(room_, 1, Qt::AlignTop);
}

void SessionView::show_figures() {
    parts_->set_rows(presenter_.parts());
    room_->set_rows(presenter_.room());
    bar_->update();
}

void SessionView::resizeEvent(QResizeEvent* /*event*/) {
    const bool wide = width() >= theme_->scaled(kSideBySide);
    tables_->setDirection(wide ? QBoxLayout::LeftToRight : QBoxLayout::TopToBottom);
    tables_->setSpacing(wide ? 0 : theme_->scaled(8));
}

}  // namespace pitwall::panels
