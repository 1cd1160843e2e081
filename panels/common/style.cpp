// SPDX-License-Identifier: GPL-3.0-or-later
#include <QPalette>

#include "panels/common/widgets.h"

namespace pitwall::panels {

namespace {

/// `$bg.panel` becomes its colour, `#12px` 12 px at the present scale.
QString filled(QString text, const Theme& theme) {
    static constexpr const char* kTokens[] = {
        "bg.window",        "bg.panel",      "bg.raised",    "bg.hover",     "bg.inset",
        "bg.selection",     "line.border",   "line.strong",  "line.control", "text.primary",
        "text.secondary",   "text.disabled", "text.inverse", "signal.focus", "signal.accent_fill",
        "signal.on_accent", "signal.accent"};
    for (const char* token : kTokens)
        text.replace(u'$' + QLatin1String(token) + u';', theme.color(token).name() + u';');
    for (int px = 24; px > 0; --px)
        text.replace(u'@' + QString::number(px) + QLatin1String("px"),
                     QString::number(theme.scaled(px)) + QLatin1String("px"));
    return text;
}

constexpr const char* kSheet = R"(
QMainWindow, QDialog { background: $bg.window; }
QMainWindow::separator { background: $bg.window; width: @4px; height: @4px; }
QToolTip { color: $text.primary; background: $bg.raised; border: 1px solid $line.strong; padding: @4px @8px; }
QPushButton { color: $text.primary; background: $bg.raised; border: 1px solid $line.border; border-radius: @4px;
  padding: @3px @10px; min-height: @16px; }
QPushButton:hover { background: $bg.hover; }
QPushButton:pressed { background: $bg.inset; }
QPushButton:disabled { color: $text.disabled; }
QPushButton:focus { border: 1px solid $signal.focus; }
QPushButton[primary="true"] { color: $signal.on_accent; background: $signal.accent_fill; border-color: $signal.accent_fill; }
QToolButton { color: $text.primary; background: transparent; border: 1px solid transparent; border-radius: @4px; padding: @2px; }
QToolButton:hover { background: $bg.hover; }
QToolButton:focus { border: 1px solid $signal.focus; }
QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox, QComboBox { color: $text.primary; background: $bg.inset;
  border: 1px solid $line.border; border-radius: @4px; padding: @2px @6px; selection-background-color: $bg.selection;
  selection-color: $text.primary; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus {
  border: 1px solid $signal.focus; }
QComboBox QAbstractItemView { color: $text.primary; background: $bg.raised; border: 1px solid $line.strong;
  selection-background-color: $bg.hover; selection-color: $text.primary; }
QMenu { color: $text.primary; background: $bg.raised; border: 1px solid $line.strong; padding: @4px; }
QMenu::item { padding: @4px @24px @4px @12px; border-radius: @2px; }
QMenu::item:selected { background: $bg.hover; }
QMenu::item:disabled { color: $text.disabled; }
QMenu::separator { height: 1px; background: $line.border; margin: @4px @8px; }
QTableView, QTreeView, QListView { color: $text.primary; background: $bg.panel; border: none; gridline-color: transparent;
  selection-background-color: $bg.selection; selection-color: $text.primary; outline: none; }
QHeaderView { background: $bg.panel; border: none; }
QHeaderView::section { color: $text.secondary; background: $bg.panel; border: none; padding: 0px @6px; }
QTableCornerButton::section { background: $bg.panel; border: none; }
QScrollArea { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: @8px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: @8px; margin: 0; }
QScrollBar::handle { background: $line.strong; border-radius: @3px; margin: @1px; }
QScrollBar::handle:hover { background: $line.control; }
QScrollBar::handle:vertical { min-height: @24px; }
QScrollBar::handle:horizontal { min-width: @24px; }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page { background: transparent; width: 0; height: 0; }
QCheckBox, QRadioButton, QLabel { color: $text.primary; background: transparent; }
QTabBar { background: $bg.panel; }
QTabBar::tab { color: $text.secondary; background: $bg.panel; border: none; border-bottom: @2px solid transparent;
  padding: @4px @12px; }
QTabBar::tab:selected { color: $text.primary; border-bottom: @2px solid $text.primary; }
QTabBar::tab:hover { color: $text.primary; }
QDialog QLabel { color: $text.primary; }
)";

}  // namespace

QString style_sheet(const Theme& theme) { return filled(QString::fromLatin1(kSheet), theme); }

QPalette palette_of(const Theme& theme) {
    QPalette palette;
    const auto set = [&](QPalette::ColorRole role, const char* token) {
        palette.setColor(role, theme.color(token));
    };
    set(QPalette::Window, "bg.window");
    set(QPalette::WindowText, "text.primary");
    set(QPalette::Base, "bg.panel");
    set(QPalette::AlternateBase, "bg.raised");
    set(QPalette::Text, "text.primary");
    set(QPalette::PlaceholderText, "text.disabled");
    set(QPalette::Button, "bg.raised");
    set(QPalette::ButtonText, "text.primary");
    set(QPalette::BrightText, "text.primary");
    set(QPalette::Highlight, "bg.selection");
    set(QPalette::HighlightedText, "text.primary");
    set(QPalette::Link, "signal.accent");
    set(QPalette::ToolTipBase, "bg.raised");
    set(QPalette::ToolTipText, "text.primary");
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
        palette.setColor(QPalette::Disabled, role, theme.color("text.disabled"));
    return palette;
}

}  // namespace pitwall::panels
