// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

#include "panels/common/theme.h"
#include "panels/common/value_row.h"

namespace pitwall::panels {

/// Rows of names and figures under a caption, drawn and not edited. The mouse over a row says its definition; with the
/// keyboard Up and Down go through the rows, and the chosen one says it.
class ValueTable : public QWidget {
    Q_OBJECT
  public:
    ValueTable(Theme* theme, const QString& caption, QWidget* parent);
    void set_rows(const std::vector<ValueRow>& rows);
    void set_caption(const QString& caption);
    const std::vector<ValueRow>& rows() const { return rows_; }
    QString tip(int row) const;  ///< see tip_of()
    int current() const { return current_; }
    QRect row_rect(int row) const;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

  protected:
    void paintEvent(QPaintEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    bool event(QEvent* event) override;

  private:
    int caption_height() const;
    int row_at(QPoint position) const;
    void measure();
    void show_tip(int row, QPoint global);
    struct Span {
        double left, right;
    };
    void paint_row(QPainter& painter, const ValueRow& row, const QRect& box) const;
    void paint_name(QPainter& painter, const ValueRow& row, Span room, double baseline) const;
    double cell_width(const ValueCell& cell, bool strong) const;
    double paint_cell(QPainter& painter, const ValueCell& cell, double right, double baseline,
                      const ValueRow& row) const;

    Theme* theme_;
    QString caption_;
    std::vector<ValueRow> rows_;
    std::vector<double> columns_;  ///< widths, from the left
    int current_ = 0;
};

}  // namespace pitwall::panels
