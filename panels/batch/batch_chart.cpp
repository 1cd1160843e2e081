// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/batch/batch_chart.h"

#include <imgui.h>

#include <algorithm>

#include "panels/common/paint.h"
#include "panels/common/text_line.h"

namespace pitwall::panels {
namespace {

constexpr int kCardDelayMs = 250;
constexpr double kUnusedOpacity = .42, kTimeOpacity = .8;

ImU32 to_imgui(const QColor& c) { return IM_COL32(c.red(), c.green(), c.blue(), c.alpha()); }

void fill(int x, int y, int w, int h, ImU32 colour) {
    ImGui::GetWindowDrawList()->AddRectFilled({float(x), float(y)}, {float(x + w), float(y + h)}, colour);
}

void dashes(int x0, int x1, int y, int on, int off, ImU32 colour) {
    for (int x = x0; x < x1; x += on + off) fill(x, y, std::min(on, x1 - x), 1, colour);
}

void outline(int x, int y, int w, int h, int line, ImU32 colour) {
    fill(x, y, w, line, colour);
    fill(x, y + h - line, w, line, colour);
    fill(x, y + line, line, h - 2 * line, colour);
    fill(x + w - line, y + line, line, h - 2 * line, colour);
}

}  // namespace

BatchChart::BatchChart(const PanelContext& context, BatchPresenter& presenter, QWidget* parent)
    : ImGuiHost(context.theme, context.drawer, parent), context_(context), presenter_(presenter) {
    setAccessibleName(QStringLiteral("Batch composition of each step"));
    card_delay_.setSingleShot(true);
    card_delay_.setInterval(kCardDelayMs);
    connect(&card_delay_, &QTimer::timeout, this, [this] {
        card_ = true;
        update();
    });
    connect(context.theme, &Theme::changed, this, &BatchChart::take_theme);
    take_theme();
}

void BatchChart::take_theme() {
    const Theme& t = theme();
    const auto set = [&](BatchRole role, QColor colour, double opacity = 1) {
        colour.setAlphaF(static_cast<float>(opacity));
        colours_[static_cast<size_t>(role)] = to_imgui(colour);
    };
    using telemetry::WorkKind;
    set(BatchRole::kDecode, t.work(WorkKind::kDecode));
    set(BatchRole::kDraft, t.work(WorkKind::kDraft));
    set(BatchRole::kRecompute, t.work(WorkKind::kRecompute));
    set(BatchRole::kPrefill, t.work(WorkKind::kPrefill));
    set(BatchRole::kUnused, t.color("work.unused"), kUnusedOpacity);
    set(BatchRole::kCached, t.color("work.cached"));
    set(BatchRole::kTime, t.color("text.disabled"), kTimeOpacity);
    set(BatchRole::kLanePrefill, t.work(WorkKind::kPrefill));
    set(BatchRole::kLaneRecompute, t.work(WorkKind::kRecompute));
}

void BatchChart::draw_imgui() {
    if (presenter_.empty()) return;
    const auto colour_of = [this](const BatchBar& bar) -> ImU32 {
        if (bar.role != BatchRole::kLaneDecode && bar.role != BatchRole::kLaneIdle)
            return colours_[static_cast<size_t>(bar.role)];
        QColor own = theme().request(bar.request);
        if (bar.role == BatchRole::kLaneIdle) own.setAlpha(110);
        return to_imgui(own);
    };
    const auto& bars = presenter_.bars();
    const auto is_ground = [](const BatchBar& bar) { return bar.role == BatchRole::kUnused; };
    for (const BatchBar& bar : bars)
        if (is_ground(bar)) fill(bar.x, bar.y, bar.w, bar.h, colour_of(bar));
    draw_frame_lines();
    for (const BatchBar& bar : bars)
        if (!is_ground(bar)) fill(bar.x, bar.y, bar.w, bar.h, colour_of(bar));
    draw_selection();
}

void BatchChart::draw_frame_lines() {
    const Theme& t = theme();
    const BatchBands& b = presenter_.bands();
    const int width = b.right - b.left;
    dashes(b.left, b.right, presenter_.y_of(presenter_.top_tokens() / 2.0), 1, 4,
           to_imgui(t.color("line.strong")));
    fill(b.left, b.base, width, 1, to_imgui(t.color("line.axis")));
    if (b.time_h) fill(b.left, b.time_top + b.time_h, width, 1, to_imgui(t.color("line.axis")));
    for (const BatchBudget& budget : presenter_.budgets())
        if (budget.y >= 0) dashes(budget.x0, budget.x1, budget.y, 5, 3, to_imgui(t.color("text.secondary")));
    for (const BatchLabel& label : presenter_.axis_labels())
        fill(label.x, b.axis - t.scaled(15), 1, t.scaled(4), to_imgui(t.color("line.axis")));
    for (const BatchMarker& marker : presenter_.markers())
        fill(marker.x - 1, b.top - 2, 1, b.axis - t.scaled(16) - b.top, to_imgui(t.color("signal.accent")));
}

void BatchChart::draw_selection() {
    const Theme& t = theme();
    const BatchBands& b = presenter_.bands();
    const int foot = b.axis - t.scaled(14);
    if (hovered_ && !dragging_)
        if (const BatchColumn* column = presenter_.column_of(*hovered_)) {
            QColor veil = t.color("text.primary");
            veil.setAlpha(36);
            fill(column->x, b.top, std::max(1, column->w), foot - b.top, to_imgui(veil));
        }
    const ImU32 chosen = to_imgui(t.color("signal.select"));
    if (context_.selection->has_step())
        if (const BatchColumn* column = presenter_.column_of(context_.selection->step()))
            outline(column->x - 2, b.top - 2, column->w + 3, foot - b.top + 2, column->w < 3 ? 1 : 2, chosen);
    const BatchSpan* span = presenter_.span_of(context_.selection->request());
    const int y = span ? presenter_.lane_y(span->lane) : -1;
    if (y < 0) return;
    const int x0 = std::max(b.left - 2, span->x0 - 2), x1 = std::min(b.right + 2, span->x1 + 2);
    const int line = presenter_.lane_height() < t.scaled(5) ? 1 : 2;
    outline(x0, y - line, x1 - x0, std::max(2, int(presenter_.lane_height())) + 2 * line, line, chosen);
    dashes(b.left - 3, x0, y + int(presenter_.lane_height() / 2), 1, 3, chosen);
}

void BatchChart::paint_gutter(QPainter& painter) {
    const Theme& t = theme();
    const BatchBands& b = presenter_.bands();
    const double right = b.left - t.scaled(6);
    const auto word = [&](double y, const char* text) {
        paint_text(painter, t.words("small"), t.color("text.secondary"), right, y, QString::fromLatin1(text),
                   At::kRight);
    };
    const auto number = [&](double y, const QString& text) {
        paint_text(painter, t.numbers("small"), t.color("text.secondary"), right, y, text, At::kRight);
    };
    const uint32_t top = presenter_.top_tokens();
    number(presenter_.y_of(top) + t.scaled(4), format_count_short(top) + QStringLiteral(" tok"));
    if (top >= 2 && b.base - b.top >= t.scaled(48))
        number(presenter_.y_of(top / 2.0) + t.scaled(4), format_count_short(top / 2));
    if (b.cached_h) {
        word(b.cached_top + t.scaled(9), "cached");
        number(b.cached_top + t.scaled(21), presenter_.max_cached_text());
    }
    if (b.time_h) {
        word(b.time_top + t.scaled(8), "time");
        number(b.time_top + t.scaled(20), presenter_.max_time_text());
    }
    word(b.axis, presenter_.axis().mode() == BatchAxis::Mode::kTime ? "time" : "step");
    // The selected request's name goes first where both want the same place.
    const BatchSpan* span = presenter_.span_of(context_.selection->request());
    const int lane = span ? presenter_.lane_y(span->lane) : -1;
    if (b.lanes_h < t.scaled(40) || lane > b.axis - t.scaled(56)) return;
    word(b.axis - t.scaled(31), "running");
    number(b.axis - t.scaled(18), presenter_.running_text());
}

void BatchChart::paint_lane_label(QPainter& painter) {
    const Theme& t = theme();
    const BatchBands& b = presenter_.bands();
    const BatchSpan* span = presenter_.span_of(context_.selection->request());
    const int y = span ? presenter_.lane_y(span->lane) : -1;
    if (y < 0) return;
    const double baseline = y + presenter_.lane_height() / 2 + t.scaled(3.5), right = b.left - t.scaled(6);
    const QString text = format_request(raw(span->request));
    const double width = text_width(t.numbers("small", 600), text);
    painter.fillRect(QRectF(right - width, baseline - t.scaled(10), width, t.scaled(12)),
                     t.color("bg.panel"));
    paint_text(painter, t.numbers("small", 600), t.color("text.primary"), right, baseline, text, At::kRight);
}

void BatchChart::paint_over(QPainter& painter) {
    if (presenter_.empty()) return;
    const Theme& t = theme();
    const BatchBands& b = presenter_.bands();
    paint_gutter(painter);
    const auto& budgets = presenter_.budgets();
    if (!budgets.empty()) {
        const int line = budgets.back().y < 0 ? presenter_.y_of(presenter_.top_tokens()) : budgets.back().y;
        const QString text = presenter_.budget_text();
        const double width = text_width(t.numbers("small"), text);
        painter.fillRect(QRectF(b.right - width - 4, line - t.scaled(14), width + 4, t.scaled(12)),
                         t.color("bg.panel"));
        paint_text(painter, t.numbers("small"), t.color("text.secondary"), b.right, line - t.scaled(4), text,
                   At::kRight);
    }
    for (const BatchLabel& label : presenter_.axis_labels())
        paint_text(painter, t.numbers("small"), t.color("text.secondary"), label.x, label.y, label.text,
                   At::kMiddle);
    for (const BatchMarker& marker : presenter_.markers())
        paint_pin(painter, t, {marker.x - .5, double(b.top - t.scaled(2))}, marker.number);
    paint_lane_label(painter);
    if (card_ && hovered_ && !dragging_) paint_hover(painter);
}

void BatchChart::paint_hover(QPainter& painter) {
    const BatchBands& b = presenter_.bands();
    const BatchColumn* column = presenter_.column_of(*hovered_);
    if (!column) return;
    const BatchCard card = presenter_.card(*hovered_, hovered_request_);
    HoverCard shown{card.title, card.aside, card.lines, {}};
    if (card.swatch != kNoRequest) shown.swatch = theme().request(card.swatch);
    QRectF thing(column->x, b.top, column->w, b.base - b.top);
    if (const BatchSpan* span = presenter_.span_of(hovered_request_))
        thing = QRectF(column->x, presenter_.lane_y(span->lane), column->w, presenter_.lane_height());
    paint_card(painter, theme(), rect(), thing, shown);
}

}  // namespace pitwall::panels
