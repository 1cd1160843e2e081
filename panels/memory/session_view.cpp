// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/memory/session_view.h"

#include <QVBoxLayout>

namespace pitwall::panels {

SessionView::SessionView(Theme* theme, const MemoryPresenter& presenter, QWidget* parent)
    : QWidget(parent),
      presenter_(presenter),
      bar_(new PartBar(theme, this)),
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
    bar_->show_parts(presenter_.caption(), format_memory(presenter_.total_bytes()), bar_parts());
}

/// In the order of MemoryPresenter::Part.
std::vector<PartBar::Part> SessionView::bar_parts() const {
    std::vector<PartBar::Part> parts;
    for (size_t i = 0; i < MemoryPresenter::kParts; ++i) {
        const auto part = MemoryPresenter::Part(i);
        const ValueRow* row = presenter_.part_row(part);
        parts.push_back({presenter_.bytes().at(i).value_or(0), MemoryPresenter::color_token(part),
                         MemoryPresenter::opacity(part), row ? tip_of(*row) : QString()});
    }
    return parts;
}

}  // namespace pitwall::panels
