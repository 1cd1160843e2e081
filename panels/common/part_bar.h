// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

#include "panels/common/format.h"
#include "panels/common/theme.h"

namespace pitwall::panels {

/// The parts of a sum side by side, to scale, under what they sum to. The mouse over one says what it is.
class PartBar : public QWidget {
    Q_OBJECT
  public:
    struct Part {
        double amount = 0;            ///< 0 where it is unknown: then it is not drawn
        const char* color = nullptr;  ///< a colour token
        double opacity = 1;
        QString tip;
        bool operator==(const Part&) const = default;
    };
    PartBar(Theme* theme, QWidget* parent);
    void show_parts(const QString& caption, const Quantity& total, std::vector<Part> parts);
    /// Where a part lies; nothing for one that is unknown or 0. None is thinner than a pixel.
    QRectF part_rect(size_t part) const;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

  protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;

  private:
    double total_amount() const;

    Theme* theme_;
    QString caption_;
    Quantity total_;
    std::vector<Part> parts_;
};

}  // namespace pitwall::panels
