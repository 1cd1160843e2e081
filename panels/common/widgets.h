// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractButton>
#include <QStringList>
#include <QWidget>
#include <functional>

#include "panels/common/theme.h"

class QKeyEvent;
class QLabel;
class QPushButton;

namespace pitwall::panels {

/// Shift with Left or Right: the window moves in time with it, unless a control asks for it (ShortcutOverride).
bool is_shift_arrow(const QKeyEvent& event);

/// For a tooltip that may hold words of a recording: as they are, whatever they look like.
QString plain_tip(const QString& text);

/// "State Owner Age Fill": one of several, the chosen one raised. Left and Right move the choice.
class SegmentedControl : public QWidget {
    Q_OBJECT
  public:
    SegmentedControl(Theme* theme, const QStringList& names, QWidget* parent = nullptr);
    int current() const { return current_; }
    void set_current(int index);  ///< emits chosen() when it moves
    void set_enabled_segment(int index, bool enabled);
    QRect segment_rect(int index) const;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

  signals:
    void chosen(int index);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

  private:
    int width_of(int index) const;
    Theme* theme_;
    QStringList names_;
    std::vector<bool> enabled_;
    int current_ = 0;
};

/// One sentence and one button in the middle of a panel that has nothing to show yet. Lay it over the axes.
class EmptyState : public QWidget {
    Q_OBJECT
  public:
    EmptyState(Theme* theme, const QString& sentence, const QString& button, std::function<void()> action,
               QWidget* parent);
    void set_sentence(const QString& sentence);
    void offer(bool button);  ///< whether the button is there

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;  ///< keeps itself over the whole parent

  private:
    void restyle();
    Theme* theme_;
    QLabel* sentence_;
    QPushButton* button_;
};

/// The look of Qt's own controls (buttons, fields, menus, tables, scroll bars, tool tips) in a theme.
QString style_sheet(const Theme& theme);
QPalette palette_of(const Theme& theme);

}  // namespace pitwall::panels
