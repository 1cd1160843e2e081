// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractButton>
#include <QStringList>

#include "panels/common/theme.h"

namespace pitwall::panels {

/// A choice for the right of a panel's title whose words are too many for segments: shows the chosen one and opens
/// the rest. Enter, Space or a click; Up and Down go through them.
class MenuButton : public QAbstractButton {
    Q_OBJECT
  public:
    explicit MenuButton(Theme* theme, QWidget* parent = nullptr);
    /// `tips`: one a choice, or none.
    void set_choices(const QStringList& choices, const QStringList& tips = {});
    void set_current(int index);
    int current() const { return current_; }
    /// "%1 definitions": what the button says of the choice.
    void set_pattern(const QString& pattern);
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

  signals:
    void chosen(int index);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

  private:
    void choose(int index);
    void open_menu();

    Theme* theme_;
    QStringList choices_, tips_;
    QString pattern_ = QStringLiteral("%1");
    int current_ = -1;
};

}  // namespace pitwall::panels
