// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDockWidget>
#include <functional>

#include "panels/common/panel.h"

class QToolButton;

namespace pitwall::app {

/// The title of a dock: on the same surface as its panel, name, one grey phrase of scope, the panel's mode
/// switch at the right; float and close come on hover or focus, over the phrase, so that nothing moves.
class DockTitle : public QWidget {
    Q_OBJECT
  public:
    DockTitle(panels::Panel* panel, panels::Theme* theme, QDockWidget* dock);
    /// In a row of tabs the tab says the name.
    void set_name_shown(bool shown);
    bool name_shown() const { return name_shown_; }
    QString shown_scope() const;   ///< the longest of the panel's phrases that fits, else the shortest, cut
    void set_marked(bool marked);  ///< the keyboard is in this panel
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

  protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    QToolButton* make_button(const QString& tip, std::function<void()> action);
    void restyle();
    void place_children();
    int scope_left() const;
    void show_buttons(bool shown);

    panels::Panel* panel_;
    panels::Theme* theme_;
    QDockWidget* dock_;
    QToolButton *float_, *close_;
    bool name_shown_ = true, marked_ = false, buttons_shown_ = false;
    int text_right_ = 0;
};

/// A panel in a dock, with the menu that all panels share (copy, save, float, close).
class PanelDock : public QDockWidget {
    Q_OBJECT
  public:
    PanelDock(panels::Panel* panel, panels::Theme* theme, QWidget* parent = nullptr);
    panels::Panel* panel() const { return panel_; }
    DockTitle* title_bar() const { return title_; }

  signals:
    void closed();                       ///< by its button, its menu or View; not when a layout leaves it out
    void said(const QString& sentence);  ///< for the status bar: "Copied the figures of Batch"

  protected:
    void contextMenuEvent(QContextMenuEvent* event) override;
    void closeEvent(QCloseEvent* event) override;

  private:
    panels::Panel* panel_;
    panels::Theme* theme_;
    DockTitle* title_;
};

}  // namespace pitwall::app
