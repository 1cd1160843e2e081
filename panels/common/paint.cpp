// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/paint.h"

#include <QFontMetricsF>
#include <QPainterPath>
#include <QPixmap>
#include <algorithm>

#include "panels/common/text_line.h"

namespace pitwall::panels {

namespace {

/// Saves and restores, so that no mark leaks its pen into the next.
class Saved {
  public:
    explicit Saved(QPainter& painter) : painter_(painter) { painter_.save(); }
    ~Saved() { painter_.restore(); }
    Saved(const Saved&) = delete;
    Saved& operator=(const Saved&) = delete;

  private:
    QPainter& painter_;
};

}  // namespace

void paint_pin(QPainter& painter, const Theme& theme, QPointF centre, uint32_t number, double radius) {
    const Saved saved(painter);
    const double r = radius * theme.scale();
    const QString text = QString::number(number);
    const QFont font = theme.numbers("small", 600);
    const double half = std::max(r, QFontMetricsF(font).horizontalAdvance(text) / 2 + 3 * theme.scale());
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme.color("signal.accent_fill"));
    painter.drawRoundedRect(QRectF(centre.x() - half, centre.y() - r, 2 * half, 2 * r), r, r);
    painter.setPen(theme.color("signal.on_accent"));
    painter.setFont(font);
    painter.drawText(QRectF(centre.x() - half, centre.y() - r, 2 * half, 2 * r), Qt::AlignCenter, text);
}

void paint_verdict(QPainter& painter, const Theme& theme, QPointF centre, Verdict verdict) {
    const Saved saved(painter);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.translate(centre);
    painter.scale(theme.scale(), theme.scale());
    const auto stroke = [&](const char* token, double width) {
        painter.setPen(QPen(theme.color(token), width, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
    };
    if (verdict == Verdict::kOk) {
        stroke("signal.ok", 1.8);
        painter.drawPolyline(QPolygonF({{-4.2, 0.2}, {-1.2, 3.2}, {4.2, -3.2}}));
    } else if (verdict == Verdict::kWarn) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(theme.color("signal.warn"));
        painter.drawPolygon(QPolygonF({{0, -4.6}, {4.6, 4}, {-4.6, 4}}));
    } else {
        stroke("signal.bad", 2);
        painter.drawLine(QPointF(-3.5, -3.5), QPointF(3.5, 3.5));
        painter.drawLine(QPointF(3.5, -3.5), QPointF(-3.5, 3.5));
    }
}

void paint_swatch(QPainter& painter, const Theme& theme, double left, double middle, const QColor& color,
                  bool edged) {
    const Saved saved(painter);
    const double side = theme.scaled(8);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(edged ? QPen(theme.color("line.strong")) : QPen(Qt::NoPen));
    painter.setBrush(color);
    painter.drawRoundedRect(QRectF(left, middle - side / 2, side, side), 1.5, 1.5);
}

double paint_quantity(QPainter& painter, const Theme& theme, double x, double baseline,
                      const Quantity& quantity, Side side, const char* size, int weight,
                      const char* number_token) {
    const Saved saved(painter);
    const QFont number_font = theme.numbers(size, weight), unit_font = theme.words("small");
    const double number_width = text_width(number_font, quantity.number);
    const double gap = quantity.unit.isEmpty() ? 0 : theme.scaled(4);
    const double width = number_width + gap + text_width(unit_font, quantity.unit);
    const double left = side == Side::kLeft ? x : x - width;
    paint_text(painter, number_font, theme.color(number_token), left, baseline, quantity.number);
    paint_text(painter, unit_font, theme.color("text.secondary"), left + number_width + gap, baseline,
               quantity.unit);
    return width;
}

QRectF card_place(const QRectF& bounds, const QRectF& thing, QSizeF size, double gap) {
    QRectF card(QPointF(thing.right() + gap, thing.bottom() + gap), size);
    if (card.bottom() > bounds.bottom()) card.moveBottom(thing.top() - gap);
    if (card.right() > bounds.right())
        card.moveRight(std::min(bounds.right(), thing.right() + size.width() / 2));
    if (card.left() < bounds.left()) card.moveLeft(bounds.left());
    if (card.top() < bounds.top()) {  // neither below nor above: beside it
        card.moveTop(std::max(bounds.top(), std::min(thing.top(), bounds.bottom() - size.height())));
        card.moveLeft(thing.right() + gap);
        if (card.right() > bounds.right()) card.moveRight(thing.left() - gap);
    }
    return card;
}

void paint_card(QPainter& painter, const Theme& theme, const QRectF& bounds, const QRectF& thing,
                const HoverCard& card) {
    const Saved saved(painter);
    const QFont title_font = theme.words("body", 600), body_font = theme.words("small");
    const QFontMetricsF title_metrics(title_font), body_metrics(body_font);
    const double inset = theme.px("m"), line = theme.scaled(16),
                 indent = card.swatch.isValid() ? theme.scaled(13) : 0;
    double width = title_metrics.horizontalAdvance(card.title) +
                   (card.aside.isEmpty() ? 0 : theme.px("xl") + body_metrics.horizontalAdvance(card.aside));
    for (size_t i = 0; i < card.lines.size(); ++i)
        width = std::max(width, body_metrics.horizontalAdvance(card.lines[i]) + (i == 0 ? indent : 0));
    const QSizeF size(width + 2 * inset, line * double(1 + card.lines.size()) + 2 * inset - theme.scaled(2));
    const QRectF box = card_place(bounds, thing, size, theme.px("m"));

    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(theme.color("line.strong"));
    painter.setBrush(theme.color("bg.raised"));
    painter.drawRoundedRect(box.adjusted(.5, .5, -.5, -.5), theme.px("radius"), theme.px("radius"));
    double baseline = box.top() + inset + title_metrics.ascent();
    painter.setFont(title_font);
    painter.setPen(theme.color("text.primary"));
    painter.drawText(QPointF(box.left() + inset, baseline), card.title);
    painter.setFont(body_font);
    painter.setPen(theme.color("text.secondary"));
    painter.drawText(QPointF(box.right() - inset - body_metrics.horizontalAdvance(card.aside), baseline),
                     card.aside);
    for (size_t i = 0; i < card.lines.size(); ++i) {
        baseline += line;
        if (i == 0 && card.swatch.isValid())
            paint_swatch(painter, theme, box.left() + inset, baseline - body_metrics.xHeight() / 2,
                         card.swatch);
        painter.setPen(theme.color(i + 1 == card.lines.size() && i > 0 ? "text.secondary" : "text.primary"));
        painter.drawText(QPointF(box.left() + inset + (i == 0 ? indent : 0), baseline), card.lines[i]);
    }
}

QBrush hatch(const Theme& theme, const QColor& color) {
    const int side = std::max(4, theme.scaled(6));
    QPixmap tile(side, side);
    tile.fill(theme.color("bg.panel"));
    QPainter painter(&tile);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(color, side / 3.0));
    for (const int shift : {-side, 0, side}) painter.drawLine(shift, side, shift + side, 0);
    painter.end();
    return QBrush(tile);
}

}  // namespace pitwall::panels
