// SPDX-License-Identifier: GPL-3.0-or-later
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QPainterPath>

#include "panels/knobs/knobs_panel.h"

namespace pitwall::panels {

KnobGroupHeader::KnobGroupHeader(Theme* theme, QString name, bool first, QWidget* parent)
    : QWidget(parent), theme_(theme), name_(std::move(name)), first_(first) {
    setObjectName(QStringLiteral("group_") + name_);
    setFocusPolicy(Qt::TabFocus);
    setCursor(Qt::PointingHandCursor);
    setAccessibleName(name_);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    connect(theme, &Theme::changed, this, &QWidget::updateGeometry);
}

void KnobGroupHeader::set_folded(bool folded) {
    if (folded == folded_) return;
    folded_ = folded;
    update();
    emit toggled();
}

QSize KnobGroupHeader::sizeHint() const { return {theme_->scaled(100), theme_->scaled(first_ ? 20 : 24)}; }

void KnobGroupHeader::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    const double inset = theme_->scaled(12), middle = height() - theme_->scaled(10);
    if (!first_) painter.fillRect(QRectF(inset, 3, width() - 2 * inset, 1), theme_->color("line.border"));
    painter.setFont(theme_->words("small", 500));
    painter.setPen(theme_->color("text.secondary"));
    painter.drawText(QPointF(inset, middle + theme_->scaled(4)), name_);
    painter.setRenderHint(QPainter::Antialiasing);
    QPainterPath chevron;
    const double x = width() - inset - 7;
    if (folded_)
        chevron.moveTo(x + 2, middle - 3.5), chevron.lineTo(x + 5.5, middle),
            chevron.lineTo(x + 2, middle + 3.5);
    else
        chevron.moveTo(x, middle - 1.5), chevron.lineTo(x + 3.5, middle + 2),
            chevron.lineTo(x + 7, middle - 1.5);
    painter.strokePath(chevron, QPen(theme_->color("text.disabled"), 1.5));
    if (!hasFocus()) return;
    painter.setPen(QPen(theme_->color("signal.focus"), 2));
    painter.setBrush(Qt::NoBrush);
    painter.drawRoundedRect(QRectF(rect()).adjusted(5, first_ ? 1 : 5, -5, -1), 4, 4);
}

/// Space folds; without this it would pause the engine.
bool KnobGroupHeader::event(QEvent* event) {
    if (event->type() != QEvent::ShortcutOverride || static_cast<QKeyEvent*>(event)->key() != Qt::Key_Space)
        return QWidget::event(event);
    event->accept();
    return true;
}

void KnobGroupHeader::mousePressEvent(QMouseEvent*) { set_folded(!folded_); }

void KnobGroupHeader::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
        case Qt::Key_Space:
        case Qt::Key_Return:
        case Qt::Key_Enter:
            return set_folded(!folded_);
        case Qt::Key_Left:
            return set_folded(true);
        case Qt::Key_Right:
            return set_folded(false);
        default:
            QWidget::keyPressEvent(event);
    }
}

}  // namespace pitwall::panels
