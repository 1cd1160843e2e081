// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/figures/figures_strip.h"
#include "panels/common/text_line.h"

#include <QFontMetricsF>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QPainterPath>
#include <QToolTip>
#include <algorithm>
#include <cmath>

namespace pitwall::panels {

namespace {
constexpr double kSparksFrom = 1500;  ///< px at scale 1
}

FiguresStrip::FiguresStrip(PanelContext context, QWidget* parent) : Panel(context, parent) {
    setMouseTracking(true);
    setAttribute(Qt::WA_OpaquePaintEvent);
    setFocusPolicy(Qt::TabFocus);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    connect(context_.range, &RangeModel::changed, this, [this] { gate_.force(); });
    connect(context_.theme, &Theme::changed, this, [this] {
        updateGeometry();
        update();
    });
    present();
}

bool FiguresStrip::with_sparks() const { return width() / context_.theme->scale() >= kSparksFrom; }

void FiguresStrip::present() {
    presenter_.update(*context_.store, context_.range->resolve(*context_.store),
                      context_.range->label(*context_.store), with_sparks());
    update();
}

void FiguresStrip::refresh() {
    if (gate_.run(*context_.store, [this] { present(); })) return;
    if (!presenter_.update_newest(*context_.store)) return;
    const auto tiles = shown();
    for (size_t i = 0; i < tiles.size(); ++i)
        if (tiles[i]->of_newest_step) update(tile_rect(i, tiles.size()).toAlignedRect());
}

void FiguresStrip::resizeEvent(QResizeEvent* /*event*/) {
    gate_.force();
}  // there may be room for sparklines now

QSize FiguresStrip::sizeHint() const { return {800, context_.theme->px("figures")}; }

std::vector<const FigureTile*> FiguresStrip::shown() const {
    return shown_tiles(presenter_.tiles(), width() / context_.theme->scale());
}

QRectF FiguresStrip::tile_rect(size_t index, size_t count) const {
    const double gutter = context_.theme->px("gutter");
    const double wide = (width() - gutter * double(count - 1)) / double(std::max<size_t>(1, count));
    const double left = std::round(double(index) * (wide + gutter)),
                 right = std::round(double(index) * (wide + gutter) + wide);
    return {left, 0, right - left, double(height())};
}

int FiguresStrip::tile_at(QPointF position) const {
    const auto count = shown().size();
    for (size_t i = 0; i < count; ++i)
        if (tile_rect(i, count).contains(position)) return static_cast<int>(i);
    return -1;
}

void FiguresStrip::paintEvent(QPaintEvent* event) {
    QPainter painter(this);
    const auto tiles = shown();
    painter.fillRect(event->rect(), context_.theme->color("bg.window"));
    for (size_t i = 0; i < tiles.size(); ++i) {
        const QRectF box = tile_rect(i, tiles.size());
        if (!box.intersects(event->rect())) continue;
        paint_tile(painter, *tiles[i], box, static_cast<int>(i) == hovered_);
        if (hasFocus() && static_cast<int>(i) == focused_) {
            painter.setPen(QPen(context_.theme->color("signal.focus"), 2));
            painter.setBrush(Qt::NoBrush);
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), context_.theme->px("radius"),
                                    context_.theme->px("radius"));
        }
    }
}

void FiguresStrip::paint_tile(QPainter& painter, const FigureTile& tile, const QRectF& box,
                              bool hovered) const {
    const Theme& theme = *context_.theme;
    const double radius = theme.px("radius"), inset = theme.px("l");
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme.color(hovered ? "bg.raised" : "bg.panel"));
    painter.drawRoundedRect(box, radius, radius);
    const bool spark = with_sparks() && !tile.spark.empty();
    const double spark_width =
        spark ? (width() / theme.scale() >= 2300 ? theme.scaled(160) : theme.scaled(80)) : 0;

    painter.setClipRect(box.adjusted(0, 0, -theme.scaled(4), 0));
    paint_text(painter, theme.words("small", 500), theme.color("text.secondary"), box.left() + inset,
               box.top() + theme.scaled(17), tile.label);
    paint_quantity(painter, theme, box.left() + inset, box.top() + theme.scaled(40), tile.value, Side::kLeft,
                   "figure", 600);
    double x = box.left() + inset;
    if (tile.verdict) {
        paint_verdict(painter, theme, QPointF(x + theme.scaled(4.5), box.top() + theme.scaled(52)),
                      *tile.verdict);
        x += theme.scaled(14);
    }
    const QFont small = theme.words("small");
    const QString sub =
        QFontMetricsF(small).elidedText(tile.sub, Qt::ElideRight, box.right() - theme.scaled(6) - x);
    paint_text(painter, small, theme.color("text.secondary"), x, box.top() + theme.scaled(56.5), sub);
    painter.setClipping(false);
    if (spark)
        paint_spark(painter, tile,
                    QRectF(box.right() - inset - spark_width, box.top() + theme.px("l"), spark_width,
                           theme.scaled(26)));
}

void FiguresStrip::paint_spark(QPainter& painter, const FigureTile& tile, const QRectF& box) const {
    const Theme& theme = *context_.theme;
    double top = tile.limit.value_or(0);
    for (const double v : tile.spark)
        if (std::isfinite(v)) top = std::max(top, v);
    if (top <= 0) top = 1;
    top *= 1.06;
    const auto x_of = [&](size_t i) {
        return box.left() + box.width() * double(i) / double(tile.spark.size() - 1);
    };
    const auto y_of = [&](double v) { return box.bottom() - box.height() * v / top; };
    const QColor color = theme.color(tile.color_token);
    QColor fill = color;
    fill.setAlphaF(0.13f);
    QPolygonF line;
    QPointF last;
    const auto flush = [&] {
        if (line.size() > 1) {
            QPolygonF area = line;
            area << QPointF(line.back().x(), box.bottom()) << QPointF(line.front().x(), box.bottom());
            painter.setPen(Qt::NoPen);
            painter.setBrush(fill);
            painter.drawPolygon(area);
            painter.setPen(QPen(color, theme.scale() * 1.5, Qt::SolidLine, Qt::FlatCap, Qt::RoundJoin));
            painter.setBrush(Qt::NoBrush);
            painter.drawPolyline(line);
        }
        line.clear();
    };
    for (size_t i = 0; i < tile.spark.size(); ++i) {
        if (!std::isfinite(tile.spark[i])) {
            flush();
            continue;
        }
        last = QPointF(x_of(i), y_of(tile.spark[i]));
        line << last;
    }
    flush();
    if (tile.limit) {
        QPen dashed(theme.color("signal.bad"), 1, Qt::CustomDashLine);
        dashed.setDashPattern({3, 2});
        painter.setPen(dashed);
        painter.drawLine(QPointF(box.left(), y_of(*tile.limit)), QPointF(box.right(), y_of(*tile.limit)));
    }
    if (last.isNull()) return;
    const bool paused = context_.store->paused();  // plots keep still and say so: a hollow dot
    painter.setPen(paused ? QPen(color, 1.2) : QPen(Qt::NoPen));
    painter.setBrush(paused ? theme.color("bg.panel") : color);
    painter.drawEllipse(last, 2.4 * theme.scale(), 2.4 * theme.scale());
}

void FiguresStrip::mousePressEvent(QMouseEvent* event) {
    const int index = tile_at(event->position());
    if (event->button() == Qt::LeftButton && index >= 0) emit panel_wanted(shown()[size_t(index)]->panel_id);
}

void FiguresStrip::mouseMoveEvent(QMouseEvent* event) {
    const int index = tile_at(event->position());
    if (index == hovered_) return;
    hovered_ = index;
    update();
}

void FiguresStrip::leaveEvent(QEvent* /*event*/) {
    hovered_ = -1;
    update();
}

void FiguresStrip::keyPressEvent(QKeyEvent* event) {
    const int count = static_cast<int>(shown().size());
    if (event->key() == Qt::Key_Left || event->key() == Qt::Key_Right) {
        focused_ = std::clamp(focused_ + (event->key() == Qt::Key_Left ? -1 : 1), 0, count - 1);
        update();
    } else if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) {
        emit panel_wanted(shown()[size_t(std::clamp(focused_, 0, count - 1))]->panel_id);
    } else {
        QWidget::keyPressEvent(event);
    }
}

bool FiguresStrip::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const int index = tile_at(help->pos());
        if (index >= 0) {
            const FigureTile* tile = shown()[size_t(index)];
            QToolTip::showText(help->globalPos(),
                               QStringLiteral("%1 %2\n%3\n%4")
                                   .arg(tile->label, tile->value.text(), tile->samples, tile->definition),
                               this);
        }
        return true;
    }
    return Panel::event(event);
}

}  // namespace pitwall::panels
