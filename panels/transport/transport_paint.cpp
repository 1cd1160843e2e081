// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFontMetricsF>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "panels/common/format.h"
#include "panels/common/paint.h"
#include "panels/common/text_line.h"
#include "panels/knobs/knob_text.h"
#include "panels/transport/transport_bar.h"
#include "presets/knob.h"

namespace pitwall::panels {

namespace {

constexpr double kNothing = -1;  ///< no rate

}  // namespace

QString TransportBar::change_text(const ChangeGroup& change, bool with_values) const {
    const KnobNumbers numbers(*context_.store);
    const presets::KnobSpec* spec = numbers.spec(change.knob);
    QString name = numbers.name(change.knob);
    if (!with_values || spec == nullptr) return name;
    const auto value = [&](double v) { return QString::fromStdString(presets::format_value(*spec, v)); };
    return QStringLiteral("%1 %2 \u2192 %3").arg(name, value(change.old_value), value(change.new_value));
}

QString TransportBar::second_line() const {
    if (!state_.failed.isEmpty()) return state_.failed;
    if (state_.recording)
        return QStringLiteral("Recording, %1").arg(format_file_size(double(state_.recorded_bytes)).text());
    if (state_.replay) return QStringLiteral("of %1").arg(format_clock(state_.end_ns));
    return state_.running ? QStringLiteral("Not recording") : QStringLiteral("No session");
}

void TransportBar::paint_clock(QPainter& painter) const {
    const Theme& theme = *context_.theme;
    painter.setFont(theme.numbers("lead", 600));
    painter.setPen(theme.color("text.primary"));
    painter.drawText(QPointF(theme.scaled(118), theme.scaled(26)), format_clock(playhead_ns()));
    double x = theme.scaled(118);
    if (state_.recording) {  // the red dot is not animated: nothing here blinks
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(Qt::NoPen);
        painter.setBrush(theme.color("signal.bad"));
        painter.drawEllipse(QPointF(x + theme.scaled(3.5), theme.scaled(38.5)), 3.5 * theme.scale(),
                            3.5 * theme.scale());
        painter.setRenderHint(QPainter::Antialiasing, false);
        x += theme.scaled(11);
    }
    const QFont small = theme.words("small");
    painter.setFont(small);
    painter.setPen(theme.color(state_.failed.isEmpty() ? "text.secondary" : "signal.warn"));
    painter.drawText(QPointF(x, theme.scaled(42)),
                     QFontMetricsF(small).elidedText(second_line(), Qt::ElideRight, theme.scaled(254) - x));
}

void TransportBar::paint_envelope(QPainter& painter, const TimeAxis& on, const QRectF& box) const {
    const std::vector<double>& rates = envelope_.tokens_per_s();
    const double highest = envelope_.highest();
    if (rates.empty() || highest <= 0) return;
    const auto x_of = [&](size_t i) {
        return static_cast<int>(
            std::lround(time_to_x(on, envelope_.begin_ns() + envelope_.bucket_ns() * int64_t(i))));
    };
    QColor fill = context_.theme->color("work.decode");
    fill.setAlphaF(0.38f);
    const int base = static_cast<int>(box.bottom());
    painter.setRenderHint(QPainter::Antialiasing, false);
    // Upright bars side by side: a polygon over the whole width costs ten times as much to fill smoothly. Of several buckets that
    // share a pixel the highest is seen.
    double rate = kNothing;
    for (size_t i = 0, first = 0; i < rates.size(); ++i) {
        if (!std::isnan(rates[i])) rate = std::max(rate, rates[i]);  // what is not known is left out
        const int left = x_of(first), width = x_of(i + 1) - left;
        if (width < 1) continue;
        const int high = static_cast<int>(std::lround((box.height() - 2) * rate / highest));
        if (rate > kNothing) painter.fillRect(left, base - high, width, high, fill);
        rate = kNothing;
        first = i + 1;
    }
    painter.setRenderHint(QPainter::Antialiasing);
}

void TransportBar::paint_ticks(QPainter& painter, const TimeAxis& on, const QRectF& box) const {
    const Theme& theme = *context_.theme;
    const QFont font = theme.numbers("small");
    const QColor colour = theme.color("text.secondary");
    const int64_t span = on.range.end_ns - on.range.begin_ns;
    const int64_t step = std::max<int64_t>(
        1'000'000'000, nice_time_step(span, std::max(1, int(box.width() / theme.scaled(110)))));
    for (int64_t t = (on.range.begin_ns + step - 1) / step * step; t <= on.range.end_ns; t += step) {
        const QString text = format_clock_short(t);
        const double width = text_width(font, text);
        const double left = std::clamp(time_to_x(on, t) - width / 2, box.left(), box.right() - width);
        paint_text(painter, font, colour, left, box.bottom() + theme.scaled(11.5), text);
    }
}

void TransportBar::paint_changes(QPainter& painter, const TimeAxis& on, const QRectF& box) const {
    const Theme& theme = *context_.theme;
    const std::vector<ChangeGroup> pins = group_changes(changes());
    const QFont font = theme.numbers("small");
    const QFontMetricsF metrics(font);
    double taken =
        -1e9;  // right end of the last pin: where many lie close together only the first of them is drawn
    for (size_t i = 0; i < pins.size(); ++i) {
        const double x = std::floor(time_to_x(on, pins[i].begin_ns)) + 0.5;
        if (x < box.left() - 1 || x > box.right() + 1) continue;
        painter.setPen(theme.color("signal.accent"));
        painter.drawLine(QPointF(x, theme.scaled(11)), QPointF(x, box.bottom() + 2));
        if (x - theme.scaled(7) < taken) continue;
        paint_pin(painter, theme, QPointF(x, theme.scaled(10.5)), pins[i].number);
        taken = x + theme.scaled(8);
        double limit = box.right();
        for (size_t next = i + 1; next < pins.size(); ++next) {
            limit = std::min(limit, time_to_x(on, pins[next].begin_ns));
            break;
        }
        const double room = limit - x - theme.scaled(26);
        QString text = change_text(pins[i], true);
        if (metrics.horizontalAdvance(text) > room) text = change_text(pins[i], false);
        if (metrics.horizontalAdvance(text) > room) continue;
        painter.setFont(font);
        painter.setPen(theme.color("text.secondary"));
        painter.drawText(QPointF(x + theme.scaled(11), theme.scaled(14.5)), text);
        taken = x + theme.scaled(11) + metrics.horizontalAdvance(text);
    }
}

/// Where a device was lost: a line through the strip and its words above, if no pin has taken their place.
void TransportBar::paint_losses(QPainter& painter, const TimeAxis& on, const QRectF& box) const {
    const Theme& theme = *context_.theme;
    const QFont font = theme.words("small");
    const QString words = QStringLiteral("GPU lost");
    const double wide = text_width(font, words);
    const auto taken = [&](double left, double right) {
        return std::ranges::any_of(changes(), [&](const telemetry::KnobChange& change) {
            const double x = time_to_x(on, change.t_ns);
            return x > left - theme.scaled(160) && x < right + theme.scaled(8);
        });
    };
    double free_from = box.left() + theme.scaled(160);  // the caption of the strip
    for (const telemetry::MarkRow& mark : context_.store->marks()) {
        if (mark.mark != telemetry::MarkKind::kDeviceLost) continue;
        const double x = std::floor(time_to_x(on, mark.t_ns)) + 0.5;
        if (x < box.left() - 1 || x > box.right() + 1) continue;
        painter.setPen(theme.color("signal.warn"));
        painter.drawLine(QPointF(x, box.top() - 2), QPointF(x, box.bottom() + 2));
        const double left = std::min(x, box.right() - wide);
        if (left < free_from || taken(left, left + wide)) continue;
        paint_text(painter, font, theme.color("signal.warn"), left, theme.scaled(14), words);
        free_from = left + wide + theme.scaled(8);
    }
}

void TransportBar::paint_strip(QPainter& painter) const {
    const Theme& theme = *context_.theme;
    const QRectF box = strip();
    const TimeAxis on = axis();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme.color("bg.inset"));
    painter.drawRoundedRect(box, 2, 2);
    paint_envelope(painter, on, box);
    const telemetry::TimeRange shown = context_.range->resolve(*context_.store);
    const double left = std::max(box.left(), time_to_x(on, shown.begin_ns)),
                 right = std::min(box.right(), time_to_x(on, shown.end_ns));
    painter.setPen(QPen(theme.color("text.secondary"), 1));
    painter.setBrush(Qt::NoBrush);
    painter.drawRoundedRect(
        QRectF(left, box.top() - 2, std::max(1.0, right - left), box.height() + 4).adjusted(.5, .5, -.5, -.5),
        2, 2);
    painter.setRenderHint(QPainter::Antialiasing, false);
    const auto all_changes = changes();
    const QString caption = envelope_.highest() > 0
                                ? QStringLiteral("Output, at most %1")
                                      .arg(format_rate(envelope_.highest(), QStringLiteral("tok/s")).text())
                                : QStringLiteral("Output");
    const QFont font = theme.words("small");
    const double room = all_changes.empty()
                            ? box.width()
                            : time_to_x(on, all_changes.front().t_ns) - theme.scaled(10) - box.left();
    if (QFontMetricsF(font).horizontalAdvance(caption) < room) {
        painter.setFont(font);
        painter.setPen(theme.color("text.secondary"));
        painter.drawText(QPointF(box.left(), theme.scaled(14)), caption);
    }
    paint_ticks(painter, on, box);
    paint_changes(painter, on, box);
    paint_losses(painter, on, box);
    const double x = std::clamp(time_to_x(on, playhead_ns()), box.left(), box.right());
    painter.fillRect(QRectF(std::round(x) - 1, box.top() - theme.scaled(6), theme.scaled(2.5),
                            box.height() + theme.scaled(12)),
                     theme.color("signal.select"));
}

void TransportBar::paintEvent(QPaintEvent* /*event*/) {
    const Theme& theme = *context_.theme;
    QPainter painter(this);
    painter.fillRect(rect(), theme.color("bg.window"));
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme.color("bg.panel"));
    painter.drawRoundedRect(rect(), theme.px("radius"), theme.px("radius"));
    painter.setRenderHint(QPainter::Antialiasing, false);
    paint_clock(painter);
    paint_strip(painter);
}

}  // namespace pitwall::panels
