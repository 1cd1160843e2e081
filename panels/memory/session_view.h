// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "panels/memory/memory_bar.h"
#include "panels/memory/table_pair.h"

namespace pitwall::panels {

/// "This session": the bar, its parts, and what else fits.
class SessionView : public QWidget {
    Q_OBJECT
  public:
    SessionView(Theme* theme, const MemoryPresenter& presenter, QWidget* parent);
    void show_figures();
    MemoryBar* bar() { return bar_; }
    MemoryTable* parts() { return tables_->first(); }
    MemoryTable* room() { return tables_->second(); }

  private:
    const MemoryPresenter& presenter_;
    MemoryBar* bar_;
    TablePair* tables_;
};

}  // namespace pitwall::panels
