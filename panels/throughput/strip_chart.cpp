// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/throughput/strip_chart.h"

#include <qcustomplot.h>

#include <QKeyEvent>
#include <QMouseEvent>
#include <QVBoxLayout>
#include <algorithm>

#include "panels/common/text_line.h"
#include "panels/common/widgets.h"

namespace pitwall::panels {

namespace {
constexpr double kLeft = 44;  ///< room for the tick labels
constexpr int kCardDelayMs = 250;
}  // namespace

/// Captions and the hover card: they stand outside of every axis rectangle.
class StripChart::Captions final : public QCPLayerable {
  public:
    Captions(StripChart* chart, const QString& layer) : QCPLayerable(chart->plot_, layer), chart_(chart) {}

  protected:
    QRect clipRect() const override { return mParentPlot->viewport(); }
    void applyDefaultAntialiasingHint(QCPPainter* painter) const override { painter->setAntialiasing(false); }
    void draw(QCPPainter* painter) override {
        for (const Strip& strip : chart_->strips_) {
            if (!strip.visible) continue;
            draw_caption(*painter, strip);
            draw_x_labels(*painter, strip);
        }
        if (!chart_->card_shown_) return;
        const QRectF bounds = QRectF(mParentPlot->viewport()).adjusted(4, 4, -4, -4);
        paint_card(*painter, *chart_->theme_, bounds, chart_->card_at_, chart_->card_);
    }

  private:
    void draw_caption(QCPPainter& painter, const Strip& strip) const {
        const Theme& theme = *chart_->theme_;
        const double baseline = strip.rect->top() - theme.scaled(strip.geometry.caption_lift);
        const double right = strip.rect->right() + 1;
        double x = theme.scaled(12);
        for (const CaptionPart& part : strip.caption.parts) {
            if (part.swatch) {
                QColor colour = theme.color(part.swatch);
                colour.setAlphaF(float(part.swatch_opacity));
                paint_swatch(painter, theme, x, baseline - theme.scaled(4), colour);
                x += theme.scaled(12);
            }
            const QFont font = part.strong ? theme.words("title", 600) : theme.words("small");
            x += paint_text(painter, font, theme.color(part.token), x, baseline, part.text);
            if (part.swatch) x += theme.scaled(8);
        }
        draw_right(painter, strip.caption, x, right, baseline);
    }

    void draw_x_labels(QCPPainter& painter, const Strip& strip) const {
        const Theme& theme = *chart_->theme_;
        const QFont font = theme.numbers("small");
        const QColor colour = theme.color("text.secondary");
        const double right = strip.rect->right() + 1;
        double room = right;  // up to the one at the end, which stays
        for (const AxisLabel& label : strip.x_labels)
            if (label.ends_here) room = right - text_width(font, label.text) - theme.scaled(6);
        for (const AxisLabel& label : strip.x_labels) {
            const double width = text_width(font, label.text);
            const double at = strip.rect->axis(QCPAxis::atBottom)->coordToPixel(label.key);
            const double left = label.ends_here ? right - width : at - width / 2;
            if (!label.ends_here && left + width > room) continue;
            paint_text(painter, font, colour, left, strip.rect->bottom() + theme.scaled(15), label.text);
        }
    }

    /// The read-out gives way where the words need the room.
    void draw_right(QCPPainter& painter, const Caption& caption, double words_end, double right,
                    double baseline) const {
        const Theme& theme = *chart_->theme_;
        if (!caption.value.number.isEmpty()) {
            paint_quantity(painter, theme, right, baseline, caption.value, Side::kRight, "body", 600);
            return;
        }
        if (caption.aside.isEmpty()) return;
        const QFont font = caption.pin ? theme.words("small") : theme.numbers("small");
        const double width = text_width(font, caption.aside);
        const double text_right = caption.pin ? right - theme.scaled(18) : right;
        if (text_right - width < words_end + theme.scaled(4)) return;
        paint_text(painter, font, theme.color("text.secondary"), text_right - width, baseline, caption.aside);
        if (caption.pin)
            paint_pin(painter, theme, QPointF(right - theme.scaled(7), baseline - theme.scaled(4)),
                      caption.pin, 6.5);
    }

    StripChart* chart_;
};

StripChart::StripChart(Theme* theme, std::span<const StripGeometry> strips, QWidget* parent)
    : QWidget(parent), theme_(theme), plot_(make_plot(theme, this)) {
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(plot_);
    for (size_t i = 0; i < strips.size(); ++i) {
        auto* rect = i == 0 ? plot_->axisRect() : new QCPAxisRect(plot_);
        if (i > 0) plot_->plotLayout()->addElement(int(i), 0, rect);
        rect->setAutoMargins(QCP::msNone);
        rect->setRangeDrag({});
        rect->setRangeZoom({});
        strips_.push_back({strips[i], rect, PlotOverlay::over(rect, theme, i == 0), {}, {}, true});
    }
    plot_->addLayer(QStringLiteral("captions"));
    new Captions(this, QStringLiteral("captions"));  // a layerable belongs to its plot
    restyle(*plot_, *theme);
    plot_->setMinimumSize(1, 1);  // its own hint would keep small panels from shrinking
    plot_->setMouseTracking(true);
    plot_->setFocusPolicy(Qt::NoFocus);
    plot_->installEventFilter(this);
    setFocusPolicy(Qt::StrongFocus);
    card_timer_.setSingleShot(true);
    card_timer_.setInterval(kCardDelayMs);
    connect(&card_timer_, &QTimer::timeout, this, &StripChart::show_card);
    connect(theme, &Theme::changed, this, &StripChart::place);
    place();
}

StripChart::~StripChart() { plot_->removeEventFilter(this); }

void StripChart::place() {
    size_t last = 0;
    for (size_t i = 0; i < strips_.size(); ++i)
        if (strips_[i].visible) last = i;
    for (size_t i = 0; i < strips_.size(); ++i) {
        const Strip& strip = strips_[i];
        const double below = i == last ? std::max(strip.geometry.below, 22.0) : strip.geometry.below;
        const int fixed = theme_->scaled(strip.geometry.height);
        strip.rect->setVisible(strip.visible);
        strip.rect->setMargins(strip.visible
                                   ? QMargins(theme_->scaled(kLeft), theme_->scaled(strip.geometry.above),
                                              theme_->scaled(strip.geometry.right), theme_->scaled(below))
                                   : QMargins());
        strip.rect->setMinimumSize(0, strip.visible ? fixed : 0);
        strip.rect->setMaximumSize(QWIDGETSIZE_MAX, !strip.visible ? 0 : fixed > 0 ? fixed : QWIDGETSIZE_MAX);
        x_axis(i)->setTickLabels(i == last && strip.x_labels.empty());
    }
}

QCPAxis* StripChart::x_axis(size_t index) const { return strips_[index].rect->axis(QCPAxis::atBottom); }
QCPAxis* StripChart::y_axis(size_t index) const { return strips_[index].rect->axis(QCPAxis::atLeft); }
void StripChart::set_caption(size_t index, Caption caption) { strips_[index].caption = std::move(caption); }

void StripChart::set_x_labels(size_t index, std::vector<AxisLabel> labels) {
    strips_[index].x_labels = std::move(labels);
    x_axis(index)->setTickLabels(false);
}

void StripChart::set_strip_visible(size_t index, bool visible) {
    if (strips_[index].visible == visible) return;
    strips_[index].visible = visible;
    place();
}

std::optional<size_t> StripChart::strip_at(QPointF position) const {
    for (size_t i = 0; i < strips_.size(); ++i) {
        const QRect rect = strips_[i].rect->rect();
        const bool within = position.y() >= rect.top() - theme_->scaled(strips_[i].geometry.above) &&
                            position.y() <= rect.bottom();
        if (strips_[i].visible && within && position.x() >= rect.left() - 2 &&
            position.x() <= rect.right() + 2)
            return i;
    }
    return std::nullopt;
}

double StripChart::key_at(size_t index, double x) const {
    const QCPRange range = x_axis(index)->range();
    return std::clamp(x_axis(index)->pixelToCoord(x), range.lower, range.upper);
}

double StripChart::pixel_of(size_t index, double key) const { return x_axis(index)->coordToPixel(key); }

void StripChart::set_card(const HoverCard& card, QRectF at) {
    const bool was_shown = card_shown_;
    card_ = card;
    card_at_ = at;
    if (card.title.isEmpty()) {
        card_timer_.stop();
        card_shown_ = false;
        if (was_shown) replot();
    } else if (was_shown) {
        replot();
    } else {
        card_timer_.start();
    }
}

void StripChart::show_card() {
    card_shown_ = !card_.title.isEmpty();
    replot();
}

double StripChart::plot_height(size_t index) const {
    if (strips_[index].geometry.height > 0) return theme_->scaled(strips_[index].geometry.height);
    double room = height();
    int sharing = 0;
    for (const Strip& strip : strips_) {
        if (!strip.visible) continue;
        const QMargins margins = strip.rect->margins();
        room -= margins.top() + margins.bottom() + theme_->scaled(strip.geometry.height);
        sharing += strip.geometry.height <= 0;
    }
    return std::max(0.0, room / std::max(1, sharing));
}

void StripChart::replot() { plot_->replot(QCustomPlot::rpQueuedReplot); }

bool StripChart::eventFilter(QObject* watched, QEvent* event) {
    switch (event->type()) {
        case QEvent::MouseMove:
            emit moved(static_cast<QMouseEvent*>(event)->position());
            break;
        case QEvent::MouseButtonPress:
            setFocus(Qt::MouseFocusReason);
            if (static_cast<QMouseEvent*>(event)->button() == Qt::LeftButton)
                emit pressed(static_cast<QMouseEvent*>(event)->position());
            break;
        case QEvent::MouseButtonRelease:
            if (static_cast<QMouseEvent*>(event)->button() == Qt::LeftButton)
                emit released(static_cast<QMouseEvent*>(event)->position());
            break;
        case QEvent::Leave:
            emit left();
            break;
        default:
            break;
    }
    return QWidget::eventFilter(watched, event);
}

/// Shift with an arrow would be a command of the window if the chart did not ask for it.
bool StripChart::event(QEvent* event) {
    if (event->type() == QEvent::ShortcutOverride && is_shift_arrow(*static_cast<QKeyEvent*>(event))) {
        event->accept();
        return true;
    }
    return QWidget::event(event);
}

void StripChart::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
        case Qt::Key_Left:
            return emit stepped(event->modifiers().testFlag(Qt::ShiftModifier) ? -10 : -1);
        case Qt::Key_Right:
            return emit stepped(event->modifiers().testFlag(Qt::ShiftModifier) ? 10 : 1);
        case Qt::Key_Escape:
            emit cancelled();
            break;  // the window clears its selection too
        default:
            break;
    }
    QWidget::keyPressEvent(event);
}

void StripChart::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    emit resized();
}

void StripChart::focusOutEvent(QFocusEvent* event) {
    QWidget::focusOutEvent(event);
    emit cancelled();
}

}  // namespace pitwall::panels
