// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/part_bar.h"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <utility>

#include "panels/common/paint.h"
#include "panels/common/text_line.h"
#include "panels/common/widgets.h"

namespace pitwall::panels {

namespace {
constexpr int kInset = 12, kBaseline = 14, kTop = 19, kHeight = 14, kBelow = 5;
}

PartBar::PartBar(Theme* theme, QWidget* parent) : QWidget(parent), theme_(theme) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    connect(theme, &Theme::changed, this, [this] {
        updateGeometry();
        update();
    });
}

void PartBar::show_parts(const QString& caption, const Quantity& total, std::vector<Part> parts) {
    if (caption == caption_ && total.number == total_.number && total.unit == total_.unit && parts == parts_)
        return;
    caption_ = caption;
    total_ = total;
    parts_ = std::move(parts);
    setAccessibleName(caption_);
    setAccessibleDescription(total_.text());
    update();
}

QSize PartBar::sizeHint() const { return {theme_->scaled(200), theme_->scaled(kTop + kHeight + kBelow)}; }

double PartBar::total_amount() const {
    double total = 0;
    for (const Part& part : parts_) total += std::max(0.0, part.amount);
    return total;
}

QRectF PartBar::part_rect(size_t part) const {
    const double total = total_amount(), inset = theme_->scaled(kInset);
    if (total <= 0 || parts_.at(part).amount <= 0) return {};
    double before = 0;
    for (size_t i = 0; i < part; ++i) before += std::max(0.0, parts_[i].amount);
    const double room = width() - 2 * inset;
    return {inset + room * before / total, double(theme_->scaled(kTop)),
            std::max(1.0, room * parts_[part].amount / total), double(theme_->scaled(kHeight))};
}

void PartBar::paintEvent(QPaintEvent* /*event*/) {
    QPainter painter(this);
    const double inset = theme_->scaled(kInset), baseline = theme_->scaled(kBaseline);
    paint_text(painter, theme_->words("small"), theme_->color("text.secondary"), inset, baseline, caption_);
    if (total_amount() <= 0) return;
    paint_quantity(painter, *theme_, width() - inset, baseline, total_, Side::kRight);
    for (size_t i = 0; i < parts_.size(); ++i) {
        const QRectF box = part_rect(i);
        if (box.isEmpty()) continue;
        QColor color = theme_->color(parts_[i].color);
        color.setAlphaF(float(parts_[i].opacity));
        // A gap of one pixel between neighbours, where there is the room.
        painter.fillRect(box.width() > 3 ? box.adjusted(0, 0, -1, 0) : box, color);
    }
}

bool PartBar::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    QString tip;
    for (size_t i = 0; i < parts_.size(); ++i)
        if (part_rect(i).contains(help->pos())) tip = parts_[i].tip;
    QToolTip::showText(help->globalPos(), tip.isEmpty() ? tip : plain_tip(tip), this);
    return true;
}

}  // namespace pitwall::panels
