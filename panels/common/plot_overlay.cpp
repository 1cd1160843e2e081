// SPDX-License-Identifier: GPL-3.0-or-later
#include <qcustomplot.h>

#include <cmath>
#include <limits>

#include "panels/common/paint.h"
#include "panels/common/plot.h"

namespace pitwall::panels {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

class Overlay final : public QCPLayerable, public PlotOverlay {
  public:
    Overlay(QCPAxisRect* rect, const Theme* theme, bool pins)
        : QCPLayerable(rect->parentPlot(), QStringLiteral("overlay"), rect),
          rect_(rect),
          theme_(theme),
          pins_(pins) {}

    void set_changes(std::vector<ChangeMark> changes) override { changes_ = std::move(changes); }
    void set_percentiles(std::vector<PercentileLine> percentiles) override {
        percentiles_ = std::move(percentiles);
    }
    void set_slo(const SloLine& slo) override { slo_ = slo; }
    void set_selected(double key, const QColor& color) override {
        selected_ = key;
        selected_color_ = color;
    }
    void set_cursor(double key) override { cursor_ = key; }

    uint32_t change_at(QPointF position) const override {
        for (const ChangeMark& change : changes_)
            if (std::abs(x_of(change.key) - position.x()) <= 6) return change.number;
        return 0;
    }
    bool slo_at(QPointF position) const override {
        return !slo_.text.isEmpty() && std::abs(x_of(slo_.value) - position.x()) <= 4 &&
               rect_->rect().contains(position.toPoint());
    }

  protected:
    /// Labels stand above the rectangle, so the clip is the whole plot.
    QRect clipRect() const override { return mParentPlot->viewport(); }
    void applyDefaultAntialiasingHint(QCPPainter* painter) const override { painter->setAntialiasing(false); }

    void draw(QCPPainter* painter) override {
        draw_changes(*painter);
        draw_slo(*painter);
        draw_percentiles(*painter);
        draw_cursor(*painter);
        draw_selected(*painter);
    }

  private:
    double x_of(double key) const {
        const QCPAxis* axis = rect_->axis(QCPAxis::atBottom);
        return axis->coordToPixel(key);
    }
    /// On a pixel centre: 1 px lines must not smear.
    double crisp(double key) const { return std::floor(x_of(key)) + 0.5; }
    bool inside(double x) const { return x >= rect_->left() - 1 && x <= rect_->right() + 1; }
    double last_x() const { return rect_->right() + 0.5; }

    void draw_changes(QCPPainter& painter) {
        for (const ChangeMark& change : changes_) {
            const double x = crisp(change.key);
            if (!inside(x)) continue;
            const double until = std::min(x_of(change.key + change.duration), last_x());
            if (until - x >= 2) {
                QColor band = theme_->color("signal.accent");
                band.setAlphaF(0.2);
                painter.fillRect(QRectF(x, rect_->top(), until - x, rect_->height()), band);
            }
            painter.setPen(QPen(theme_->color("signal.accent"), 1));
            painter.drawLine(QPointF(x, rect_->top()), QPointF(x, rect_->bottom()));
            if (pins_)
                paint_pin(painter, *theme_, QPointF(x, rect_->top() - theme_->scaled(1)), change.number, 6.5);
        }
    }

    void draw_percentiles(QCPPainter& painter) {
        if (percentiles_.empty()) return;
        const QFont font = theme_->numbers("small", 500);
        const QFontMetricsF metrics(font);
        std::vector<LabelSlot> places;
        for (const PercentileLine& line : percentiles_) {
            const double x = std::min(crisp(line.value), last_x());
            painter.setPen(QPen(theme_->color(line.faint ? "text.disabled" : "text.primary"), 1));
            painter.drawLine(QPointF(x, rect_->top() - theme_->scaled(4)), QPointF(x, rect_->bottom()));
            places.push_back({x, metrics.horizontalAdvance(line.text) + theme_->px("m"), 0});
        }
        spread_labels(places, rect_->left() - theme_->px("xxl"), mParentPlot->width());
        painter.setFont(font);
        for (size_t i = 0; i < places.size(); ++i) {
            const double left = places[i].centre - places[i].width / 2 + theme_->px("m") / 2.0;
            painter.setPen(theme_->color(percentiles_[i].faint ? "text.disabled" : "text.primary"));
            painter.drawText(QPointF(left, rect_->top() - theme_->scaled(8)), percentiles_[i].text);
        }
    }

    void draw_slo(QCPPainter& painter) {
        if (slo_.text.isEmpty()) return;
        const double x = crisp(slo_.value);
        if (inside(x)) {
            QPen pen(theme_->color("signal.bad"), 1, Qt::CustomDashLine);
            pen.setDashPattern({4, 3});
            painter.setPen(pen);
            painter.drawLine(QPointF(x, rect_->top() - 1), QPointF(x, rect_->bottom()));
        }
        const QFont bold = theme_->words("small", 500), plain = theme_->words("small");
        const double line = theme_->scaled(14), right = rect_->right();
        const double width = std::max(QFontMetricsF(bold).horizontalAdvance(slo_.text),
                                      QFontMetricsF(plain).horizontalAdvance(slo_.missed));
        const QRectF box(right - width - 2, rect_->top() + 2, width + 4, 2 * line);
        painter.fillRect(box, theme_->color("bg.panel"));
        painter.setFont(bold);
        painter.setPen(theme_->color("signal.bad"));
        painter.drawText(QRectF(box.left(), box.top(), width + 2, line), Qt::AlignRight | Qt::AlignVCenter,
                         slo_.text);
        painter.setFont(plain);
        painter.setPen(theme_->color("text.primary"));
        painter.drawText(QRectF(box.left(), box.top() + line, width + 2, line),
                         Qt::AlignRight | Qt::AlignVCenter, slo_.missed);
    }

    void draw_cursor(QCPPainter& painter) {
        if (std::isnan(cursor_) || !inside(x_of(cursor_))) return;
        painter.setPen(QPen(theme_->color("signal.select"), 1));
        painter.drawLine(QPointF(crisp(cursor_), rect_->top()), QPointF(crisp(cursor_), rect_->bottom()));
    }

    void draw_selected(QCPPainter& painter) {
        if (std::isnan(selected_)) return;
        const double x = std::clamp(x_of(selected_), double(rect_->left()), last_x());
        painter.setAntialiasing(true);
        painter.setPen(QPen(theme_->color("signal.select"), 1.5 * theme_->scale()));
        painter.setBrush(selected_color_);
        painter.drawEllipse(QPointF(x, rect_->bottom() + 0.5), 4.5 * theme_->scale(), 4.5 * theme_->scale());
        painter.setAntialiasing(false);
    }

    QCPAxisRect* rect_;
    const Theme* theme_;
    bool pins_;
    std::vector<ChangeMark> changes_;
    std::vector<PercentileLine> percentiles_;
    SloLine slo_;
    double selected_ = kNone, cursor_ = kNone;
    QColor selected_color_;
};

}  // namespace

PlotOverlay* PlotOverlay::over(QCPAxisRect* rect, const Theme* theme, bool pins) {
    QCustomPlot* plot = rect->parentPlot();
    if (plot->layer(QStringLiteral("overlay")) == nullptr) plot->addLayer(QStringLiteral("overlay"));
    return new Overlay(rect, theme, pins);  // a layerable belongs to its plot
}

}  // namespace pitwall::panels
