// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/dock_area.h"

#include <QApplication>
#include <QMouseEvent>
#include <QTabBar>
#include <QTimer>
#include <algorithm>

#include "app/window/panel_refresher.h"

namespace pitwall::app {

DockArea::DockArea(panels::Theme* theme, QWidget* parent) : QMainWindow(parent), theme_(theme) {
    setWindowFlags(Qt::Widget);  // its constructor makes every QMainWindow a window of its own
    setObjectName(QStringLiteral("dock_area"));
    setDockNestingEnabled(true);
    setDockOptions(AllowNestedDocks | AllowTabbedDocks);
    setTabPosition(Qt::AllDockWidgetAreas, QTabWidget::North);
    setDocumentMode(true);
    setContextMenuPolicy(Qt::NoContextMenu);  // View lists the panels; the docks have menus of their own
    connect(qApp, &QApplication::focusChanged, this,
            [this](QWidget* /*old*/, QWidget* now) { note_focus(now); });
}

DockArea::~DockArea() { disconnect(qApp, nullptr, this, nullptr); }  // focus moves once more while docks go

PanelDock* DockArea::add_panel(panels::Panel* panel) {
    auto* dock = new PanelDock(panel, theme_, this);
    docks_.push_back(dock);
    addDockWidget(Qt::LeftDockWidgetArea, dock);
    connect(dock, &PanelDock::said, this, &DockArea::said);
    connect(dock, &QDockWidget::dockLocationChanged, this, &DockArea::note_tabs);
    connect(dock, &QDockWidget::topLevelChanged, this, &DockArea::note_tabs);
    connect(dock, &QDockWidget::visibilityChanged, this, &DockArea::note_tabs);
    return dock;
}

/// Qt tells nobody when a separator between docks moves.
bool DockArea::event(QEvent* event) {
    const auto type = event->type();
    if (type == QEvent::MouseButtonPress)
        separator_held_ = isSeparator(static_cast<QMouseEvent*>(event)->position().toPoint());
    if (type == QEvent::MouseMove && separator_held_) emit separator_moved();
    if (type == QEvent::MouseButtonRelease) separator_held_ = false;
    return QMainWindow::event(event);
}

PanelDock* DockArea::dock(const QString& panel_id) const {
    const auto it = std::find_if(docks_.begin(), docks_.end(),
                                 [&](PanelDock* d) { return d->panel()->id() == panel_id; });
    return it == docks_.end() ? nullptr : *it;
}

std::vector<PanelDock*> DockArea::front_tabs() const {
    std::vector<PanelDock*> front;
    for (PanelDock* dock : docks_)
        if (in_sight(*dock) && !tabifiedDockWidgets(dock).isEmpty()) front.push_back(dock);
    return front;
}

void DockArea::apply(const LayoutPlan& plan, bool keep_tabs) {
    const std::vector<PanelDock*> front = keep_tabs ? front_tabs() : std::vector<PanelDock*>();
    for (PanelDock* dock : docks_) {
        dock->setFloating(false);
        removeDockWidget(dock);
    }
    lay_out(plan);
    for (PanelDock* dock : front) dock->raise();
    size_docks(plan);
    note_tabs();
}

/// First the columns side by side, then each from top to bottom, then the tabs: Qt nests docks in the order
/// of splits.
void DockArea::lay_out(const LayoutPlan& plan) {
    PanelDock* last_column = nullptr;
    std::vector<std::pair<PanelDock*, const Column*>> heads;
    for (const Column& column : plan.columns) {
        PanelDock* head = dock(column.places.front().panels.front());
        if (head == nullptr) continue;
        if (last_column == nullptr)
            addDockWidget(Qt::LeftDockWidgetArea, head, Qt::Horizontal);
        else
            splitDockWidget(last_column, head, Qt::Horizontal);
        head->show();
        last_column = head;
        heads.emplace_back(head, &column);
    }
    for (auto& [head, column] : heads) {
        PanelDock* above = head;
        for (size_t i = 1; i < column->places.size(); ++i) {
            PanelDock* front = dock(column->places[i].panels.front());
            if (front == nullptr) continue;
            splitDockWidget(above, front, Qt::Vertical);
            front->show();
            above = front;
        }
    }
    for (const Column& column : plan.columns)
        for (const Place& place : column.places) lay_tabs(place);
}

/// Once all places are split: a dock that is split off one with tabs would become one more tab.
void DockArea::lay_tabs(const Place& place) {
    PanelDock* front = dock(place.panels.front());
    if (front == nullptr) return;
    for (size_t t = 1; t < place.panels.size(); ++t) {
        PanelDock* tab = dock(place.panels[t]);
        if (tab == nullptr) continue;
        tabifyDockWidget(front, tab);
        tab->show();
    }
    front->raise();
}

void DockArea::size_docks(const LayoutPlan& plan) {
    QList<QDockWidget*> heads;
    QList<int> widths;
    for (const Column& column : plan.columns) {
        QList<QDockWidget*> down;
        QList<int> heights;
        for (const Place& place : column.places)
            if (PanelDock* front = dock(place.panels.front())) {
                down << front;
                heights << place.height;
            }
        if (down.isEmpty()) continue;
        heads << down.front();
        widths << column.width;
        resizeDocks(down, heights, Qt::Vertical);
    }
    resizeDocks(heads, widths, Qt::Horizontal);
}

void DockArea::focus_panel(const QString& panel_id) {
    PanelDock* target = dock(panel_id);
    if (target == nullptr) return;
    target->show();
    target->raise();
    QWidget* inner = target->panel();
    // The panel, or the first thing inside it that takes the keyboard.
    if (inner->focusPolicy() == Qt::NoFocus)
        for (QWidget* child : inner->findChildren<QWidget*>())
            if (child->isVisible() && (child->focusPolicy() & Qt::TabFocus) != 0) {
                inner = child;
                break;
            }
    inner->setFocus(Qt::ShortcutFocusReason);
}

void DockArea::note_tabs() {
    for (PanelDock* dock : docks_) dock->title_bar()->set_name_shown(tabifiedDockWidgets(dock).isEmpty());
    for (QTabBar* bar : findChildren<QTabBar*>(QString(), Qt::FindDirectChildrenOnly)) {
        bar->setDrawBase(false);
        bar->setExpanding(false);
        bar->setFocusPolicy(Qt::TabFocus);
        bar->setFont(theme_->words("title", 500));
    }
}

void DockArea::note_focus(QWidget* now) {
    for (PanelDock* dock : docks_)
        dock->title_bar()->set_marked(now != nullptr && dock->panel()->isAncestorOf(now));
}

}  // namespace pitwall::app
