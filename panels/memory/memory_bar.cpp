// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/memory/memory_bar.h"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>

#include "panels/common/paint.h"
#include "panels/common/text_line.h"

namespace pitwall::panels {

namespace {
constexpr int kInset = 12, kBaseline = 14, kTop = 19, kHeight = 14, kBelow = 5;
}

MemoryBar::MemoryBar(Theme* theme, const MemoryPresenter& presenter, QWidget* parent)
    : QWidget(parent), theme_(theme), presenter_(presenter) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    connect(theme, &Theme::changed, this, [this] {
        updateGeometry();
        update();
    });
}

QSize MemoryBar::sizeHint() const { return {theme_->scaled(200), theme_->scaled(kTop + kHeight + kBelow)}; }

QRectF MemoryBar::part_rect(size_t part) const {
    const MemoryPresenter::Bytes& bytes = presenter_.bytes();
    const double total = presenter_.total_bytes(), inset = theme_->scaled(kInset);
    if (total <= 0 || !bytes.at(part) || *bytes.at(part) <= 0) return {};
    double before = 0;
    for (size_t i = 0; i < part; ++i) before += bytes.at(i).value_or(0);
    const double room = width() - 2 * inset;
    return {inset + room * before / total, double(theme_->scaled(kTop)),
            std::max(1.0, room * *bytes.at(part) / total), double(theme_->scaled(kHeight))};
}

void MemoryBar::paintEvent(QPaintEvent* /*event*/) {
    QPainter painter(this);
    const double inset = theme_->scaled(kInset), baseline = theme_->scaled(kBaseline);
    paint_text(painter, theme_->words("small"), theme_->color("text.secondary"), inset, baseline,
               presenter_.caption());
    if (presenter_.total_bytes() <= 0) return;
    paint_quantity(painter, *theme_, width() - inset, baseline, format_memory(presenter_.total_bytes()),
                   Side::kRight);
    for (size_t part = 0; part < MemoryPresenter::kParts; ++part) {
        const QRectF box = part_rect(part);
        if (box.isEmpty()) continue;
        QColor color = theme_->color(MemoryPresenter::color_token(MemoryPresenter::Part(part)));
        color.setAlphaF(float(MemoryPresenter::opacity(MemoryPresenter::Part(part))));
        // A gap of one pixel between neighbours, where there is the room.
        painter.fillRect(box.width() > 3 ? box.adjusted(0, 0, -1, 0) : box, color);
    }
}

bool MemoryBar::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    QString tip;
    for (size_t part = 0; part < MemoryPresenter::kParts; ++part) {
        const MemoryRow* row = presenter_.part_row(MemoryPresenter::Part(part));
        if (row && part_rect(part).contains(help->pos()))
            tip =
                QStringLiteral("%1: %2, %3\n%4")
                    .arg(row->name, row->cells[0].value.text(), row->cells[1].value.text(), row->definition);
    }
    QToolTip::showText(help->globalPos(), tip, this);
    return true;
}

}  // namespace pitwall::panels
