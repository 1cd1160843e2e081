// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QBoxLayout>
#include <QLabel>
#include <QWidget>

#include "panels/common/value_table.h"
#include "panels/memory/shape_fields.h"

namespace pitwall::panels {

/// "Other shapes": the question, and beside or below it the sums with their numbers put in and what follows from them.
class ShapesView : public QWidget {
    Q_OBJECT
  public:
    ShapesView(Theme* theme, ShapesPresenter& presenter, QWidget* parent);
    ShapeFields* fields() { return fields_; }
    ValueTable* results() { return results_; }
    ValueTable* kinds() { return kinds_; }
    QLabel* formula() { return formula_; }
    /// As narrow as two columns of fields are: with four the page would never shrink to them.
    QSize minimumSizeHint() const override;

  signals:
    void changed();

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    void show_plan();
    void take_theme();

    Theme* theme_;
    ShapesPresenter& presenter_;
    ShapeFields* fields_;
    ValueTable *results_, *kinds_;
    QLabel* formula_;
    QBoxLayout *page_, *answer_, *tables_;
};

}  // namespace pitwall::panels
