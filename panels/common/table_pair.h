// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QBoxLayout>
#include <QWidget>

#include "panels/common/value_table.h"

namespace pitwall::panels {

/// Two tables side by side, one under the other where it is narrow.
class TablePair : public QWidget {
    Q_OBJECT
  public:
    /// Captions may be empty.
    TablePair(Theme* theme, const QString& first, const QString& second, QWidget* parent);
    ValueTable* first() { return first_; }
    ValueTable* second() { return second_; }

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    Theme* theme_;
    ValueTable *first_, *second_;
    QBoxLayout* layout_;
};

}  // namespace pitwall::panels
