// SPDX-License-Identifier: GPL-3.0-or-later
//
// Keys that mean something to the window and something else to the control that has the keyboard.
#include <QAbstractButton>
#include <QApplication>
#include <QKeyEvent>
#include <QPushButton>

#include "app/window/main_window.h"

namespace pitwall::app {

namespace {

QAbstractButton* focused_button() { return qobject_cast<QAbstractButton*>(QApplication::focusWidget()); }

bool is_enter(const QKeyEvent& event) {
    return event.key() == Qt::Key_Return || event.key() == Qt::Key_Enter;
}

}  // namespace

/// Asked when the control itself did not claim the key for good, but before the window's shortcuts run. Esc goes to
/// what is open first (a field, a question, a card); what nobody takes comes back to take_key().
bool MainWindow::leaves_to_control(const QKeyEvent& event) {
    return event.key() == Qt::Key_Escape || (event.key() == Qt::Key_Space && focused_button() != nullptr);
}

/// What no control took.
bool MainWindow::take_key(const QKeyEvent& event) {
    if (event.key() == Qt::Key_Escape) {
        selection_.clear();
        return true;
    }
    QAbstractButton* button = focused_button();
    if (!is_enter(event) || button == nullptr) return false;
    button->click();  // most platforms press a button with Space alone
    return true;
}

bool MainWindow::event(QEvent* event) {
    if (event->type() == QEvent::ShortcutOverride && leaves_to_control(*static_cast<QKeyEvent*>(event))) {
        event->accept();
        return true;
    }
    return QWidget::event(event);
}

void MainWindow::keyPressEvent(QKeyEvent* event) {
    if (!take_key(*event)) QWidget::keyPressEvent(event);
}

/// A dock that floats is a window of its own: what its controls leave does not come by the main window.
bool MainWindow::eventFilter(QObject* watched, QEvent* event) {
    const auto* dock = qobject_cast<QDockWidget*>(watched);
    const bool own_window = dock != nullptr && dock->isWindow();
    if (own_window && event->type() == QEvent::ShortcutOverride &&
        leaves_to_control(*static_cast<QKeyEvent*>(event))) {
        event->accept();
        return true;
    }
    if (own_window && event->type() == QEvent::KeyPress && take_key(*static_cast<QKeyEvent*>(event)))
        return true;
    return QWidget::eventFilter(watched, event);
}

/// A click on a button leaves the keyboard where it was, so that Space goes on pausing the engine; who comes to the
/// button with Tab presses it with Space or Enter.
void MainWindow::train_buttons() {
    for (QAbstractButton* button : findChildren<QAbstractButton*>())
        if (button->focusPolicy() == Qt::StrongFocus) button->setFocusPolicy(Qt::TabFocus);
    for (QPushButton* button : findChildren<QPushButton*>()) button->setAutoDefault(true);
}

}  // namespace pitwall::app
