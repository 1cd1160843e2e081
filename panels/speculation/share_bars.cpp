// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/speculation/share_bars.h"

#include <QFontMetricsF>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>
#include <optional>

#include "panels/common/paint.h"
#include "panels/common/text_line.h"

namespace pitwall::panels {

namespace {
constexpr int kInset = 12, kLegend = 24, kBaseline = 14, kLeft = 44, kBelow = 34;
constexpr int kLeastWidth = 220, kHeight = 150, kWidestBar = 40;
const char* const kBarToken = "work.draft_accepted";
const char* const kMarkToken = "text.primary";
}  // namespace

ShareBars::ShareBars(Theme* theme, Names names, QWidget* parent)
    : QWidget(parent), theme_(theme), names_(std::move(names)) {
    setFocusPolicy(Qt::TabFocus);
    setAccessibleName(names_.bar);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    connect(theme, &Theme::changed, this, [this] {
        updateGeometry();
        update();
    });
}

QSize ShareBars::sizeHint() const { return {theme_->scaled(kLeastWidth), theme_->scaled(kHeight)}; }

void ShareBars::set_bars(const std::vector<ShareBar>& bars) {
    if (bars == bars_) return;
    bars_ = bars;
    current_ = std::clamp(current_, 0, std::max(0, int(bars_.size()) - 1));
    update();
}

QRectF ShareBars::plot() const {
    const double left = theme_->scaled(kLeft), top = theme_->scaled(kLegend + 4);
    return {left, top, std::max(1.0, width() - left - theme_->scaled(kInset)),
            std::max(1.0, height() - top - theme_->scaled(kBelow))};
}

QRectF ShareBars::column(int index) const {
    const QRectF room = plot();
    const double each = room.width() / std::max<double>(1, double(bars_.size()));
    return {room.left() + each * index, room.top(), each, room.height()};
}

/// What is needed may be more than all.
double ShareBars::y_of(double share) const {
    const QRectF room = plot();
    return room.bottom() - room.height() * std::clamp(share, 0.0, 1.0);
}

void ShareBars::paint_legend(QPainter& painter) const {
    const Theme& t = *theme_;
    const QFont font = t.words("small");
    const double baseline = t.scaled(kBaseline);
    double x = t.scaled(kInset);
    paint_swatch(painter, t, x, baseline - t.scaled(4), t.color(kBarToken));
    x += t.scaled(12);
    x += paint_text(painter, font, t.color("text.secondary"), x, baseline, names_.bar) + t.scaled(12);
    painter.setPen(QPen(t.color(kMarkToken), t.scaled(2)));
    painter.drawLine(QPointF(x, baseline - t.scaled(4)), QPointF(x + t.scaled(10), baseline - t.scaled(4)));
    x += t.scaled(14);
    paint_text(painter, font, t.color("text.secondary"), x, baseline, names_.mark);
}

void ShareBars::paint_grid(QPainter& painter) const {
    const Theme& t = *theme_;
    const QRectF room = plot();
    for (const int percent : {0, 50, 100}) {
        const double y = std::round(y_of(percent / 100.0)) + .5;
        painter.setPen(t.color(percent == 0 ? "line.axis" : "line.grid"));
        painter.drawLine(QPointF(room.left(), y), QPointF(room.right(), y));
        const QString text = percent == 100 ? QStringLiteral("100 %") : QString::number(percent);
        paint_text(painter, t.numbers("small"), t.color("text.secondary"), room.left() - t.scaled(6),
                   y + t.scaled(4), text, At::kRight);
    }
    paint_text(painter, t.words("small"), t.color("text.secondary"), room.right(), height() - t.scaled(5),
               names_.below, At::kRight);
}

void ShareBars::paint_bar(QPainter& painter, int index) const {
    const Theme& t = *theme_;
    const ShareBar& bar = bars_[size_t(index)];
    const QRectF room = column(index);
    const double width = std::min<double>(t.scaled(kWidestBar), std::max(1.0, room.width() * .7));
    if (hasFocus() && index == current_) painter.fillRect(room, t.color("bg.hover"));
    if (std::isfinite(bar.bar))
        painter.fillRect(
            QRectF(room.center().x() - width / 2, y_of(bar.bar), width, room.bottom() - y_of(bar.bar)),
            t.color(kBarToken));
    const QFontMetricsF metrics(t.numbers("small"));
    // Where there is no room for all, every second or fifth label.
    const double needed = metrics.horizontalAdvance(bar.label) + t.scaled(4);
    const int every = room.width() >= needed ? 1 : room.width() * 5 >= needed ? 5 : 20;
    if (index % every == 0)
        paint_text(painter, t.numbers("small"), t.color("text.secondary"), room.center().x(),
                   room.bottom() + t.scaled(13), bar.label, At::kMiddle);
}

/// On the bar and above it, beside the middle, where the mark of the same column stands.
void ShareBars::paint_interval(QPainter& painter, int index) const {
    const ShareBar& bar = bars_[size_t(index)];
    if (!std::isfinite(bar.low) || !std::isfinite(bar.high)) return;
    const QRectF room = column(index);
    const double width = std::min<double>(theme_->scaled(kWidestBar), std::max(1.0, room.width() * .7));
    const double x = room.center().x() - width / 4, half = std::min<double>(theme_->scaled(3), width / 5);
    // Edged, as half of it stands on the bar and half beside it.
    for (const auto& [token, wide] : {std::pair{"bg.panel", 4}, std::pair{"text.primary", 1}}) {
        painter.setPen(QPen(theme_->color(token), theme_->scaled(wide)));
        painter.drawLine(QPointF(x, y_of(bar.low)), QPointF(x, y_of(bar.high)));
        for (const double end : {bar.low, bar.high})
            painter.drawLine(QPointF(x - half, y_of(end)), QPointF(x + half, y_of(end)));
    }
}

void ShareBars::paint_nothing(QPainter& painter) const {
    if (bars_.empty() || std::ranges::any_of(bars_, [](const ShareBar& bar) {
            return std::isfinite(bar.bar) || std::isfinite(bar.mark);
        }))
        return;
    painter.setFont(theme_->words("small"));
    painter.setPen(theme_->color("text.secondary"));
    painter.drawText(plot(), Qt::AlignCenter | Qt::TextWordWrap, names_.nothing);
}

void ShareBars::paint_marks(QPainter& painter) const {
    const Theme& t = *theme_;
    painter.setPen(QPen(t.color(kMarkToken), t.scaled(2)));
    std::optional<QPointF> last;
    for (int i = 0; i < int(bars_.size()); ++i) {
        const double mark = bars_[size_t(i)].mark;
        if (!std::isfinite(mark)) {
            last.reset();  // nothing is known between what is not
            continue;
        }
        const QPointF at(column(i).center().x(), y_of(mark));
        const double half = std::min<double>(t.scaled(kWidestBar), column(i).width() * .8) / 2;
        if (!names_.joined) painter.drawLine(at - QPointF(half, 0), at + QPointF(half, 0));
        if (names_.joined) painter.drawEllipse(at, 1.5, 1.5);
        if (names_.joined && last) painter.drawLine(*last, at);
        last = at;
    }
}

void ShareBars::paintEvent(QPaintEvent* /*event*/) {
    QPainter painter(this);
    paint_legend(painter);
    paint_grid(painter);
    for (int i = 0; i < int(bars_.size()); ++i) paint_bar(painter, i);
    paint_nothing(painter);
    painter.setRenderHint(QPainter::Antialiasing);
    for (int i = 0; i < int(bars_.size()); ++i) paint_interval(painter, i);
    paint_marks(painter);
}

bool ShareBars::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    QString tip;
    for (int i = 0; i < int(bars_.size()); ++i)
        if (column(i).contains(help->pos())) tip = bars_[size_t(i)].tip;
    QToolTip::showText(help->globalPos(), tip, this);
    return true;
}

void ShareBars::keyPressEvent(QKeyEvent* event) {
    const int step = event->key() == Qt::Key_Right ? 1 : event->key() == Qt::Key_Left ? -1 : 0;
    if (step == 0 || bars_.empty()) return QWidget::keyPressEvent(event);
    current_ = std::clamp(current_ + step, 0, int(bars_.size()) - 1);
    const QString& tip = bars_[size_t(current_)].tip;
    setAccessibleDescription(tip);
    QToolTip::showText(mapToGlobal(column(current_).bottomLeft().toPoint()), tip, this);
    update();
}

void ShareBars::focusInEvent(QFocusEvent* /*event*/) {
    if (!bars_.empty()) setAccessibleDescription(bars_[size_t(current_)].tip);
    update();
}
void ShareBars::focusOutEvent(QFocusEvent* /*event*/) {
    QToolTip::hideText();
    update();
}

}  // namespace pitwall::panels
