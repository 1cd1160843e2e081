// SPDX-License-Identifier: GPL-3.0-or-later
//
// How a knob's row looks; what it does is in knob_row.cpp.
#include <QFontMetricsF>
#include <QPainter>
#include <QPainterPath>
#include <algorithm>

#include "panels/common/paint.h"
#include "panels/knobs/knob_row.h"

namespace pitwall::panels {

namespace {

double advance(const QFont& font, const QString& text) { return QFontMetricsF(font).horizontalAdvance(text); }

void draw_right(QPainter& painter, double right, double baseline, const QFont& font, const QColor& colour,
                const QString& text) {
    painter.setFont(font);
    painter.setPen(colour);
    painter.drawText(QPointF(right - advance(font, text), baseline), text);
}

/// Words broken at spaces to fit; at most three lines, the last one elided.
QStringList wrapped(const QString& text, const QFont& font, double width) {
    constexpr int kMostLines = 3;
    const QFontMetricsF metrics(font);
    QStringList lines;
    QString line;
    const QStringList words = text.split(u' ', Qt::SkipEmptyParts);
    for (qsizetype i = 0; i < words.size(); ++i) {
        const QString longer = line.isEmpty() ? words[i] : line + u' ' + words[i];
        if (line.isEmpty() || metrics.horizontalAdvance(longer) <= width) {
            line = longer;
            continue;
        }
        if (lines.size() + 1 == kMostLines) {
            lines << metrics.elidedText(line + u' ' + words.mid(i).join(u' '), Qt::ElideRight, width);
            return lines;
        }
        lines << line;
        line = words[i];
    }
    if (!line.isEmpty()) lines << metrics.elidedText(line, Qt::ElideRight, width);
    return lines;
}

}  // namespace

void KnobRow::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    if (ring_ && hasFocus()) {
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(QPen(theme_->color("signal.focus"), 2));
        painter.drawRoundedRect(QRectF(rect()).adjusted(5, 1, -5, -1), 4, 4);
    }
    draw_head(painter);
    switch (control_rect().isEmpty() ? KnobWidgetKind::kMenu : kind()) {
        case KnobWidgetKind::kSlider:
            draw_slider(painter);
            break;
        case KnobWidgetKind::kSwitch:
            draw_switch(painter);
            break;
        case KnobWidgetKind::kSegments:
            draw_segments(painter);
            break;
        case KnobWidgetKind::kMenu:
            if (kind() == KnobWidgetKind::kMenu) draw_menu(painter);
            break;
    }
    if (kind() != KnobWidgetKind::kMenu || control_rect().isEmpty()) draw_value(painter);
    draw_note(painter);
}

void KnobRow::draw_head(QPainter& painter) const {
    const double inset = theme_->scaled(12), right = width() - inset, baseline = theme_->scaled(13);
    const QFont small = theme_->words("small");
    double tag_width = advance(small, view_.tag_text);
    if (view_.tag == KnobTag::kReload) {
        tag_width += theme_->scaled(10);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(theme_->color("line.strong"));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(
            QRectF(right - tag_width + .5, theme_->scaled(2) + .5, tag_width - 1, theme_->scaled(15)), 3, 3);
        draw_right(painter, right - theme_->scaled(5), baseline, small, theme_->color("text.secondary"),
                   view_.tag_text);
    } else {
        const char* token = view_.tag == KnobTag::kWas       ? "signal.accent"
                            : view_.tag == KnobTag::kPending ? "text.secondary"
                                                             : "text.disabled";
        draw_right(painter, right, baseline, small, theme_->color(token), view_.tag_text);
    }
    const QFont mono = theme_->numbers("small");
    painter.setFont(mono);
    painter.setPen(theme_->color("text.primary"));
    const double room = right - tag_width - theme_->scaled(2) - inset;
    painter.drawText(QPointF(inset, baseline),
                     QFontMetricsF(mono).elidedText(view_.name, Qt::ElideMiddle, room));
}

void KnobRow::draw_value(QPainter& painter) const {
    const double baseline = control_line() + theme_->scaled(4);
    double right = width() - theme_->scaled(12);
    if (!view_.unit.isEmpty()) {
        const QFont unit = theme_->words("small");
        draw_right(painter, right, baseline, unit, theme_->color("text.secondary"), view_.unit);
        right -= advance(unit, view_.unit) + theme_->scaled(4);
    }
    draw_right(painter, right, baseline, theme_->numbers("body", 500), theme_->color("text.primary"),
               view_.number);
}

void KnobRow::draw_slider(QPainter& painter) const {
    const QRectF track = control_rect();
    const double y = control_line(), at = track.left() + track.width() * view_.position;
    const auto tick = [&](double position, const char* token) {
        painter.fillRect(
            QRectF(track.left() + track.width() * position - 1, y - theme_->scaled(4), 2, theme_->scaled(9)),
            theme_->color(token));
    };
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme_->color("line.strong"));
    painter.drawRoundedRect(QRectF(track.left(), y - 1, track.width(), 3), 1.5, 1.5);
    painter.setBrush(theme_->color("text.secondary"));
    if (view_.movable) painter.drawRoundedRect(QRectF(track.left(), y - 1, at - track.left(), 3), 1.5, 1.5);
    painter.setRenderHint(QPainter::Antialiasing, false);
    tick(view_.default_position, "line.control");
    if (view_.was_position) tick(*view_.was_position, "signal.accent");
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setBrush(theme_->color(view_.movable ? "text.primary" : "text.disabled"));
    painter.setPen(Qt::NoPen);
    painter.drawEllipse(QPointF(at, y + .5), theme_->scaled(4.5), theme_->scaled(4.5));
}

void KnobRow::draw_switch(QPainter& painter) const {
    const QRectF track = control_rect();
    const bool on = view_.value != 0;
    const double radius = track.height() / 2;
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(on ? QPen(Qt::NoPen) : QPen(theme_->color("line.control"), 1));
    painter.setBrush(on ? theme_->color(view_.movable ? "text.secondary" : "line.control")
                        : theme_->color("bg.inset"));
    painter.drawRoundedRect(on ? track : track.adjusted(.5, .5, -.5, -.5), radius, radius);
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme_->color(on ? "bg.panel" : view_.movable ? "text.secondary" : "text.disabled"));
    const double x = on ? track.right() - radius : track.left() + radius;
    painter.drawEllipse(QPointF(x, track.center().y()), radius - 2, radius - 2);
}

void KnobRow::draw_segments(QPainter& painter) const {
    const QRectF track = control_rect();
    const QFont mono = theme_->numbers("small"), chosen = theme_->numbers("small", 500);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(theme_->color("line.border"));
    painter.setBrush(theme_->color("bg.inset"));
    painter.drawRoundedRect(QRectF(track.left() + .5, track.top() + .5,
                                   std::min(track.width(), segments_width()) - 1, track.height() - 1),
                            3, 3);
    double x = track.left() + 2;
    for (size_t i = 0; i < view_.choices.size(); ++i) {
        const QRectF cell(x, track.top() + 1, segment_width(view_.choices[i]), track.height() - 2);
        const bool on = int(i) == view_.choice;
        painter.setPen(Qt::NoPen);
        painter.setBrush(theme_->color("bg.hover"));
        if (on) painter.drawRoundedRect(cell.adjusted(0, .5, 0, -.5), 2, 2);
        painter.setFont(on ? chosen : mono);
        painter.setPen(theme_->color(on && view_.movable ? "text.primary" : "text.disabled"));
        painter.drawText(cell, Qt::AlignCenter, view_.choices[i]);
        x += cell.width();
    }
}

void KnobRow::draw_menu(QPainter& painter) const {
    const QRectF field = control_rect();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(theme_->color("line.border"));
    painter.setBrush(theme_->color("bg.inset"));
    painter.drawRoundedRect(field.adjusted(.5, .5, -.5, -.5), 3, 3);
    const double baseline = control_line() + theme_->scaled(4);
    painter.setFont(theme_->numbers("small", 500));
    painter.setPen(theme_->color(view_.movable ? "text.primary" : "text.disabled"));
    const bool segments = view_.choice >= 0 && view_.choice < int(view_.choices.size());
    painter.drawText(QPointF(field.left() + theme_->scaled(7), baseline),
                     segments ? view_.choices[size_t(view_.choice)] : view_.number);
    QPainterPath arrow;
    const double x = field.right() - theme_->scaled(14), y = field.center().y() - 1.5;
    arrow.moveTo(x, y), arrow.lineTo(x + 3.5, y + 3.5), arrow.lineTo(x + 7, y);
    painter.strokePath(arrow, QPen(theme_->color("text.secondary"), 1.5));
}

QStringList KnobRow::note_lines() const {
    const bool sign = view_.note == KnobNote::kRefused;
    const double room = width() - theme_->scaled(24) - (sign ? theme_->scaled(12) : 0);
    return view_.note_text.isEmpty() ? QStringList()
                                     : wrapped(view_.note_text, theme_->words("small"), std::max(40.0, room));
}

void KnobRow::draw_note(QPainter& painter) const {
    if (view_.note_text.isEmpty()) return;
    const bool refused = view_.note == KnobNote::kRefused;
    double x = theme_->scaled(12), y = theme_->px("knob") + theme_->scaled(10);
    if (refused) {
        paint_verdict(painter, *theme_, {x + theme_->scaled(4), y - theme_->scaled(4)}, Verdict::kBad);
        x += theme_->scaled(12);
    }
    painter.setFont(theme_->words("small"));
    painter.setPen(theme_->color(refused ? "text.primary" : "text.secondary"));
    for (const QString& line : note_lines()) {
        painter.drawText(QPointF(x, y), line);
        y += theme_->scaled(14);
    }
}

}  // namespace pitwall::panels
