// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/knobs/menu_button.h"

#include <QFontMetricsF>
#include <QKeyEvent>
#include <QMenu>
#include <QPainter>
#include <QPainterPath>
#include <cmath>

namespace pitwall::panels {

MenuButton::MenuButton(Theme* theme, QWidget* parent) : QAbstractButton(parent), theme_(theme) {
    setFocusPolicy(Qt::StrongFocus);
    setCursor(Qt::PointingHandCursor);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    connect(this, &QAbstractButton::clicked, this, &MenuButton::open_menu);
    connect(theme, &Theme::changed, this, [this] {
        updateGeometry();
        update();
    });
}

void MenuButton::set_choices(const QStringList& choices, const QStringList& tips) {
    choices_ = choices;
    tips_ = tips;
}

void MenuButton::set_pattern(const QString& pattern) { pattern_ = pattern; }

void MenuButton::set_current(int index) {
    if (index == current_ || index < 0 || index >= choices_.size()) return;
    current_ = index;
    setText(pattern_.arg(choices_[index]));
    setAccessibleName(text());
    if (index < tips_.size()) setToolTip(tips_[index]);
    updateGeometry();
    update();
}

void MenuButton::choose(int index) {
    if (index == current_ || index < 0 || index >= choices_.size()) return;
    set_current(index);
    emit chosen(index);
}

void MenuButton::open_menu() {
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->setToolTipsVisible(true);
    for (int i = 0; i < choices_.size(); ++i) {
        QAction* action = menu->addAction(choices_[i], this, [this, i] { choose(i); });
        if (i < tips_.size()) action->setToolTip(tips_[i]);
        action->setCheckable(true);
        action->setChecked(i == current_);
    }
    menu->popup(mapToGlobal(QPoint(0, height() + 2)));
}

QSize MenuButton::sizeHint() const {
    const QFontMetricsF metrics(theme_->words("small", 500));
    return {int(std::ceil(metrics.horizontalAdvance(text()))) + theme_->scaled(24), theme_->scaled(20)};
}

void MenuButton::enterEvent(QEnterEvent*) { update(); }
void MenuButton::leaveEvent(QEvent*) { update(); }

void MenuButton::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
        case Qt::Key_Up:
            return choose(current_ - 1);
        case Qt::Key_Down:
            return choose(current_ + 1);
        case Qt::Key_Return:
        case Qt::Key_Enter:
            return open_menu();
        default:
            QAbstractButton::keyPressEvent(event);
    }
}

void MenuButton::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(hasFocus() ? QPen(theme_->color("signal.focus"), 2) : QPen(Qt::NoPen));
    painter.setBrush(theme_->color(underMouse() && isEnabled() ? "line.border" : "bg.hover"));
    painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 3, 3);
    painter.setFont(theme_->words("small", 500));
    painter.setPen(theme_->color(isEnabled() ? "text.primary" : "text.disabled"));
    painter.drawText(rect().adjusted(theme_->scaled(7), 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter, text());
    QPainterPath arrow;
    const double x = width() - theme_->scaled(12), y = height() / 2.0 - 1.5;
    arrow.moveTo(x, y), arrow.lineTo(x + 3, y + 3), arrow.lineTo(x + 6, y);
    painter.strokePath(arrow, QPen(theme_->color("text.secondary"), 1.5));
}

}  // namespace pitwall::panels
