// SPDX-License-Identifier: GPL-3.0-or-later
//
// Pointer and keys of the KV block map.
#include <QApplication>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QWheelEvent>
#include <cmath>

#include "panels/kv_block_map/kv_map_view.h"

namespace pitwall::panels {

void KvMapView::hover(std::optional<BlockId> block) {
    if (block == hovered_) return;
    hovered_ = block;
    card_.reset();
    block ? card_delay_.start() : card_delay_.stop();
    setCursor(block ? Qt::PointingHandCursor : Qt::ArrowCursor);
    update();
}

void KvMapView::select(BlockId block, bool whole_table) {
    const RequestId owner = presenter_.owner_of(block);
    if (whole_table && owner != kNoRequest) return context_.selection->select_request(owner);
    context_.selection->select_block(block, owner);
}

bool KvMapView::event(QEvent* event) {
    if (event->type() == QEvent::Wheel) return wheel(*static_cast<QWheelEvent*>(event));
    if (event->type() == QEvent::KeyPress && key(*static_cast<QKeyEvent*>(event))) {
        event->accept();
        return true;
    }
    return ImGuiHost::event(event);
}

bool KvMapView::wheel(const QWheelEvent& event) {
    const QPoint at = event.position().toPoint();
    const int turned = event.angleDelta().y();
    if (turned == 0) return true;
    // Touch pads send small turns: each counts as one level, away or closer.
    const int steps = std::abs(turned) < 120 ? (turned > 0 ? 1 : -1) : turned / 120;
    presenter_.zoom(steps, at.x(), at.y());
    emit moved();
    hover(presenter_.block_at(at.x(), at.y()));
    return true;
}

void KvMapView::mousePressEvent(QMouseEvent* event) {
    pressed_at_ = dragged_to_ = event->position().toPoint();
    dragging_ = false;
}

void KvMapView::mouseMoveEvent(QMouseEvent* event) {
    const QPoint at = event->position().toPoint();
    const bool zoomed = !presenter_.layout().fitted();
    if (event->buttons() & (Qt::LeftButton | Qt::MiddleButton) && zoomed) {
        dragging_ |= (at - pressed_at_).manhattanLength() >= QApplication::startDragDistance();
        if (dragging_) {
            presenter_.pan(at.x() - dragged_to_.x(), at.y() - dragged_to_.y());
            dragged_to_ = at;
            hover(std::nullopt);
            emit moved();
            return;
        }
    }
    hover(presenter_.block_at(at.x(), at.y()));
}

void KvMapView::mouseReleaseEvent(QMouseEvent* event) {
    if (dragging_ || event->button() != Qt::LeftButton) return;
    const QPoint at = event->position().toPoint();
    if (const auto block = presenter_.block_at(at.x(), at.y())) {
        pinned_ = block;
        cursor_ = kNoBlock;
        return select(*block, event->modifiers().testFlag(Qt::ShiftModifier));
    }
    const auto rows = presenter_.legend();
    const PixelRect s = presenter_.summary();
    const int row = (at.y() - s.y + theme().scaled(4)) / std::max(1, theme().scaled(20));
    if (presenter_.summary_place() != KvBlockMapPresenter::Summary::kRight || !s.contains(at.x(), at.y()))
        return;
    if (row >= 0 && row < static_cast<int>(rows.size()) &&
        rows[static_cast<size_t>(row)].request != kNoRequest)
        context_.selection->select_request(rows[static_cast<size_t>(row)].request);
}

void KvMapView::mouseDoubleClickEvent(QMouseEvent* /*event*/) {
    presenter_.fit();
    emit moved();
}

void KvMapView::leaveEvent(QEvent* /*event*/) { hover(std::nullopt); }

void KvMapView::move_cursor(int columns, int rows) {
    cursor_ = presenter_.moved(cursor_, columns, rows);
    if (cursor_ != kNoBlock) presenter_.reveal(cursor_);
    card_.reset();
    emit moved();
    update();
}

bool KvMapView::key(const QKeyEvent& event) {
    const QRect map(presenter_.map().x, presenter_.map().y, presenter_.map().w, presenter_.map().h);
    const auto zoom = [&](int steps) {
        const QPoint at = cursor_ == kNoBlock
                              ? map.center()
                              : QPoint(presenter_.rect_of(cursor_).x, presenter_.rect_of(cursor_).y);
        presenter_.zoom(steps, at.x(), at.y());
        emit moved();
        return true;
    };
    if (event.modifiers() & (Qt::ControlModifier | Qt::AltModifier)) return false;  // the window's own keys
    switch (event.key()) {
        case Qt::Key_Left:
            return move_cursor(-1, 0), true;
        case Qt::Key_Right:
            return move_cursor(1, 0), true;
        case Qt::Key_Up:
            return move_cursor(0, -1), true;
        case Qt::Key_Down:
            return move_cursor(0, 1), true;
        case Qt::Key_Plus:
        case Qt::Key_Equal:
            return zoom(1);
        case Qt::Key_Minus:
            return zoom(-1);
        case Qt::Key_0:
            return presenter_.fit(), emit moved(), true;
        case Qt::Key_Return:
        case Qt::Key_Enter:
            if (cursor_ != kNoBlock)
                select(pinned_.emplace(cursor_), event.modifiers().testFlag(Qt::ShiftModifier));
            return true;
        case Qt::Key_Escape:
            pinned_.reset();
            card_.reset();
            cursor_ = kNoBlock;
            context_.selection->clear();
            update();
            return true;
        default:
            return false;
    }
}

}  // namespace pitwall::panels
