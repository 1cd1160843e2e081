// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDoubleSpinBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <vector>

#include "panels/common/theme.h"
#include "telemetry/control.h"

namespace pitwall::panels {

/// How one's own request is sampled and limited: what most people turn in one row, the rest behind "More".
class SamplingFields : public QWidget {
    Q_OBJECT
  public:
    SamplingFields(Theme* theme, QWidget* parent);
    void take_theme();
    /// Leaves the prompt itself alone.
    void fill(telemetry::PromptSpec& prompt) const;
    void show_all(bool all);
    QPushButton* more() { return more_; }  ///< for the owner to place
    QSpinBox* seed() { return seed_; }
    QLineEdit* stop() { return stop_; }
    QDoubleSpinBox* top_p() { return top_p_; }

  private:
    QHBoxLayout* add_row(QWidget* holder);
    void add(QHBoxLayout* row, const char* name, QWidget* editor, const char* help);
    QSpinBox* whole(int least, int most, const char* special = nullptr);
    QDoubleSpinBox* number(double least, double most, double step, double value);
    void build();

    Theme* theme_;
    QWidget* rest_;
    QPushButton* more_;
    QSpinBox *max_tokens_, *priority_, *top_k_, *seed_;
    QDoubleSpinBox *temperature_, *top_p_, *min_p_, *repetition_penalty_;
    QLineEdit* stop_;
    std::vector<QLabel*> names_;
    std::vector<QWidget*> editors_;
};

}  // namespace pitwall::panels
