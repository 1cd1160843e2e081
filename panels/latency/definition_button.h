// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractButton>

#include "panels/common/theme.h"
#include "telemetry/stats/metrics.h"

namespace pitwall::panels {

/// "vLLM definitions": whose formulas are in force; opens the choice.
class DefinitionButton : public QAbstractButton {
    Q_OBJECT
  public:
    DefinitionButton(Theme* theme, telemetry::Formula formula, QWidget* parent = nullptr);
    telemetry::Formula formula() const { return formula_; }
    void set_formula(telemetry::Formula formula);
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

  signals:
    void chosen(telemetry::Formula formula);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;

  private:
    void open_menu();

    Theme* theme_;
    telemetry::Formula formula_;
};

}  // namespace pitwall::panels
