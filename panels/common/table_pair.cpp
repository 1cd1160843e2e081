// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/table_pair.h"

namespace pitwall::panels {

namespace {
constexpr int kSideBySide = 560;  ///< px at scale 1
}

TablePair::TablePair(Theme* theme, const QString& first, const QString& second, QWidget* parent)
    : QWidget(parent),
      theme_(theme),
      first_(new ValueTable(theme, first, this)),
      second_(new ValueTable(theme, second, this)),
      layout_(new QBoxLayout(QBoxLayout::LeftToRight, this)) {
    layout_->setContentsMargins(0, 0, 0, 0);
    layout_->setSpacing(0);
    layout_->addWidget(first_, 1, Qt::AlignTop);
    layout_->addWidget(second_, 1, Qt::AlignTop);
}

void TablePair::resizeEvent(QResizeEvent* /*event*/) {
    const bool wide = width() >= theme_->scaled(kSideBySide);
    layout_->setDirection(wide ? QBoxLayout::LeftToRight : QBoxLayout::TopToBottom);
    layout_->setSpacing(wide ? 0 : theme_->scaled(8));
}

}  // namespace pitwall::panels
