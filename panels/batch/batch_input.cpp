// SPDX-License-Identifier: GPL-3.0-or-later
//
// Pointer and keys of the batch panel.
#include <QApplication>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QWheelEvent>
#include <cstdlib>

#include "panels/batch/batch_chart.h"

namespace pitwall::panels {

bool BatchChart::in_lanes(QPoint at) const {
    const BatchBands& b = presenter_.bands();
    return b.lanes_h > 0 && at.y() >= b.lanes_top - 2;
}

void BatchChart::hover(QPoint at) {
    pointer_ = at;
    const auto step = presenter_.step_at(at.x());
    const RequestId request = in_lanes(at) ? presenter_.request_at(at.x(), at.y()) : kNoRequest;
    setCursor(step ? Qt::PointingHandCursor : Qt::ArrowCursor);
    if (step == hovered_ && request == hovered_request_) return;
    hovered_ = step;
    hovered_request_ = request;
    card_ = false;
    step ? card_delay_.start() : card_delay_.stop();
    presenter_.set_hover(step);
    emit read();
    update();
}

void BatchChart::look_again() {
    if (!underMouse() || pointer_.x() < 0 || dragging_) return;
    const bool card = card_;
    hover(pointer_);
    card_ = card && hovered_;
}

bool BatchChart::event(QEvent* event) {
    if (event->type() == QEvent::Wheel) return wheel(*static_cast<QWheelEvent*>(event));
    if (event->type() == QEvent::KeyPress && key(*static_cast<QKeyEvent*>(event))) {
        event->accept();
        return true;
    }
    return ImGuiHost::event(event);
}

bool BatchChart::wheel(const QWheelEvent& event) {
    const QPoint turned = event.angleDelta();
    if (turned.x() != 0 || event.modifiers().testFlag(Qt::ShiftModifier)) {
        presenter_.pan((turned.x() != 0 ? turned.x() : turned.y()) / 2);
    } else if (turned.y() != 0) {
        const int levels = std::abs(turned.y()) < 120 ? (turned.y() > 0 ? 1 : -1) : turned.y() / 120;
        presenter_.zoom(levels, event.position().toPoint().x());
    }
    emit moved();
    hover(event.position().toPoint());
    return true;
}

void BatchChart::mousePressEvent(QMouseEvent* event) {
    pressed_at_ = dragged_to_ = event->position().toPoint();
    dragging_ = false;
}

void BatchChart::mouseMoveEvent(QMouseEvent* event) {
    const QPoint at = event->position().toPoint();
    if (event->buttons() & (Qt::LeftButton | Qt::MiddleButton)) {
        dragging_ |= (at - pressed_at_).manhattanLength() >= QApplication::startDragDistance();
        if (dragging_) {
            presenter_.pan(at.x() - dragged_to_.x());
            dragged_to_ = at;
            emit moved();
            return;
        }
    }
    hover(at);
}

void BatchChart::mouseReleaseEvent(QMouseEvent* event) {
    if (dragging_ || event->button() != Qt::LeftButton) {
        dragging_ = false;
        return;
    }
    const QPoint at = event->position().toPoint();
    if (in_lanes(at)) {
        const RequestId request = presenter_.request_at(at.x(), at.y());
        if (request != kNoRequest) return context_.selection->select_request(request);
    }
    if (const auto step = presenter_.step_at(at.x())) context_.selection->select_step(*step);
}

void BatchChart::mouseDoubleClickEvent(QMouseEvent* /*event*/) {
    presenter_.follow();
    emit moved();
}

void BatchChart::leaveEvent(QEvent* /*event*/) { hover({-1, -1}); }

bool BatchChart::key(const QKeyEvent& event) {
    if (event.modifiers() & (Qt::ControlModifier | Qt::AltModifier | Qt::ShiftModifier))
        return false;  // the window's
    const auto go = [&](int steps) {
        if (const auto step = presenter_.moved_step(steps)) context_.selection->select_step(*step);
        emit moved();
        return true;
    };
    const auto request = [&](int lanes) {
        const RequestId next = presenter_.moved_request(lanes);
        if (next != kNoRequest) context_.selection->select_request(next);
        return true;
    };
    const auto zoom = [&](int levels) {
        return presenter_.zoom(levels, presenter_.bands().right), emit moved(), true;
    };
    switch (event.key()) {
        case Qt::Key_Left:
            return go(-1);
        case Qt::Key_Right:
            return go(1);
        case Qt::Key_PageUp:
            return go(-20);
        case Qt::Key_PageDown:
            return go(20);
        case Qt::Key_Up:
            return request(-1);
        case Qt::Key_Down:
            return request(1);
        case Qt::Key_Plus:
        case Qt::Key_Equal:
            return zoom(1);
        case Qt::Key_Minus:
            return zoom(-1);
        case Qt::Key_End:
            return presenter_.follow(), emit moved(), true;
        case Qt::Key_T:
            return emit toggled(), true;
        case Qt::Key_Escape:
            context_.selection->clear();
            return presenter_.follow(), emit moved(), true;
        default:
            return false;
    }
}

}  // namespace pitwall::panels
