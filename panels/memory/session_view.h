// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "panels/common/part_bar.h"
#include "panels/common/table_pair.h"
#include "panels/memory/memory_presenter.h"

namespace pitwall::panels {

/// "This session": the bar, its parts, and what else fits.
class SessionView : public QWidget {
    Q_OBJECT
  public:
    SessionView(Theme* theme, const MemoryPresenter& presenter, QWidget* parent);
    void show_figures();
    PartBar* bar() { return bar_; }
    ValueTable* parts() { return tables_->first(); }
    ValueTable* room() { return tables_->second(); }

  private:
    std::vector<PartBar::Part> bar_parts() const;

    const MemoryPresenter& presenter_;
    PartBar* bar_;
    TablePair* tables_;
};

}  // namespace pitwall::panels
