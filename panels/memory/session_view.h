// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QBoxLayout>
#include <QWidget>

#include "panels/memory/memory_bar.h"
#include "panels/memory/memory_table.h"

namespace pitwall::panels {

/// "This session": the bar, its parts, and what else fits. Two tables side by side, one under the other where it is narrow.
class SessionView : public QWidget {
    Q_OBJECT
  public:
    SessionView(Theme* theme, const MemoryPresenter& presenter, QWidget* parent);
    void show_figures();
    MemoryBar* bar() { return bar_; }
    MemoryTable* parts() { return parts_; }
    MemoryTable* room() { return room_; }

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    Theme* theme_;
    const MemoryPresenter& presenter_;
    MemoryBar* bar_;
    MemoryTable *parts_, *room_;
    QBoxLayout* tables_;
};

}  // namespace pitwall::panels
