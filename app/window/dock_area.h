// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMainWindow>
#include <map>
#include <vector>

#include "app/window/dock_frame.h"
#include "app/window/layout_plan.h"

namespace pitwall::app {

/// The part of the window in which panels dock: three columns to begin with, moved as one likes.
class DockArea : public QMainWindow {
    Q_OBJECT
  public:
    explicit DockArea(panels::Theme* theme, QWidget* parent = nullptr);
    ~DockArea() override;

    PanelDock* add_panel(panels::Panel* panel);
    PanelDock* dock(const QString& panel_id) const;
    const std::vector<PanelDock*>& docks() const { return docks_; }

    /// Puts every dock where the plan says; panels that it does not name are closed. `keep_tabs`: the tabs that are in
    /// front stay there, whichever the plan would show.
    void apply(const LayoutPlan& plan, bool keep_tabs = true);
    /// Shows a panel, brings its tab to the front and gives it the keyboard.
    void focus_panel(const QString& panel_id);

  signals:
    void separator_moved();  ///< by hand
    void said(const QString& sentence);

  protected:
    bool event(QEvent* event) override;

  private:
    void lay_out(const LayoutPlan& plan);
    void lay_tabs(const Place& place);
    void size_docks(const LayoutPlan& plan);
    std::vector<PanelDock*> front_tabs() const;
    void note_tabs();
    void note_focus(QWidget* now);

    panels::Theme* theme_;
    std::vector<PanelDock*> docks_;
    bool separator_held_ = false;
};

}  // namespace pitwall::app
