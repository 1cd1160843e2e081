// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <limits>
#include <vector>

#include "panels/common/theme.h"

namespace pitwall::panels {

/// A bar of 0 to 1, and a mark at another share of the same thing; NaN: there is none.
struct ShareBar {
    QString label, tip;
    double bar = 0, mark = 0;
    /// An interval of `bar`, drawn where it is known.
    double low = std::numeric_limits<double>::quiet_NaN(), high = low;
    bool operator==(const ShareBar& o) const {
        const auto same = [](double a, double b) { return a == b || (a != a && b != b); };
        return label == o.label && tip == o.tip && same(bar, o.bar) && same(mark, o.mark) &&
               same(low, o.low) && same(high, o.high);
    }
};

/// Shares side by side under a legend, marks joined by a line where `joined`. The mouse over one says it all; with the
/// keyboard Left and Right go through them.
class ShareBars : public QWidget {
    Q_OBJECT
  public:
    struct Names {
        QString bar, mark;  ///< of the legend
        QString below;      ///< what the labels count
        bool joined = false;
        QString nothing = {};  ///< what is said where there are columns, and nothing in any of them
    };
    ShareBars(Theme* theme, Names names, QWidget* parent);
    void set_bars(const std::vector<ShareBar>& bars);
    const std::vector<ShareBar>& bars() const { return bars_; }
    int current() const { return current_; }
    QRectF column(int index) const;  ///< the plot's room for one
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {sizeHint().width(), sizeHint().height() / 2}; }

  protected:
    void paintEvent(QPaintEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    bool event(QEvent* event) override;

  private:
    QRectF plot() const;
    double y_of(double share) const;
    void paint_legend(QPainter& painter) const;
    void paint_grid(QPainter& painter) const;
    void paint_bar(QPainter& painter, int index) const;
    void paint_interval(QPainter& painter, int index) const;
    void paint_nothing(QPainter& painter) const;
    void paint_marks(QPainter& painter) const;

    Theme* theme_;
    Names names_;
    std::vector<ShareBar> bars_;
    int current_ = 0;
};

}  // namespace pitwall::panels
