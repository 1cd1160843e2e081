// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/kv_block_map/kv_map_view.h"

#include <imgui.h>

#include <QApplication>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QWheelEvent>
#include <algorithm>

#include "panels/common/paint.h"
#include "panels/common/text_line.h"

namespace pitwall::panels {
namespace {

constexpr int kCardDelayMs = 250, kLegendRow = 20;

ImU32 to_imgui(const QColor& c) { return IM_COL32(c.red(), c.green(), c.blue(), c.alpha()); }
ImU32 to_imgui(uint32_t argb) { return to_imgui(QColor::fromRgb(argb)); }

void fill(double x, double y, double w, double h, ImU32 colour) {
    ImGui::GetWindowDrawList()->AddRectFilled({float(x), float(y)}, {float(x + w), float(y + h)}, colour);
}

/// An outline of `line` pixels just outside of the rectangle, as four bars: they stay sharp at every scale.
void ring(const PixelRect& r, int line, ImU32 colour) {
    fill(r.x - line, r.y - line, r.w + 2 * line, line, colour);
    fill(r.x - line, r.y + r.h, r.w + 2 * line, line, colour);
    fill(r.x - line, r.y, line, r.h, colour);
    fill(r.x + r.w, r.y, line, r.h, colour);
}

PixelRect at_least(PixelRect r, int side) {
    if (r.w < side) r.x -= (side - r.w) / 2, r.w = side;
    if (r.h < side) r.y -= (side - r.h) / 2, r.h = side;
    return r;
}

}  // namespace

KvMapView::KvMapView(const PanelContext& context, KvBlockMapPresenter& presenter, QWidget* parent)
    : ImGuiHost(context.theme, context.drawer, parent), context_(context), presenter_(presenter) {
    setAccessibleName(QStringLiteral("KV block map"));
    card_delay_.setSingleShot(true);
    card_delay_.setInterval(kCardDelayMs);
    connect(&card_delay_, &QTimer::timeout, this, [this] {
        card_ = hovered_;
        update();
    });
}

void KvMapView::show_frame() {
    take_pixels();
    update();
}

void KvMapView::take_pixels() {
    if (texture_frame_ == presenter_.frame()) return;
    const PixelRect map = presenter_.map();
    if (texture_.width() != map.w || texture_.height() != map.h) texture_.resize(map.w, map.h);
    texture_.set_opaque(true);
    std::copy(presenter_.pixels().begin(), presenter_.pixels().end(), texture_.texels());
    texture_frame_ = presenter_.frame();
}

void KvMapView::draw_imgui() {
    if (presenter_.empty()) return;
    const PixelRect map = presenter_.map();
    ImDrawList* const list = ImGui::GetWindowDrawList();
    const ImVec2 from(float(map.x), float(map.y)), to(float(map.x + map.w), float(map.y + map.h));
    list->AddImage(texture_.id(), from, to);
    list->PushClipRect({from.x - 3, from.y - 3}, {to.x + 3, to.y + 3});
    const ImU32 chosen = to_imgui(theme().color("signal.select"));
    const int least = 3;  // a single pixel in a sea of a million blocks would not be seen
    const bool dense = presenter_.layout().pitch() < 4;
    for (const PixelRect& run : presenter_.selection_runs())
        ring(at_least(run, least), dense ? 1 : 2, chosen);
    if (hovered_)
        ring(at_least(presenter_.rect_of(*hovered_), least), 1, to_imgui(theme().color("text.secondary")));
    if (raw(presenter_.block()) < presenter_.layout().blocks())
        ring(at_least(presenter_.rect_of(presenter_.block()), 5), 3, chosen);
    if (hasFocus() && raw(cursor_) < presenter_.layout().blocks())
        ring(at_least(presenter_.rect_of(cursor_), 5), 2, to_imgui(theme().color("signal.focus")));
    list->PopClipRect();
    if (presenter_.summary_place() != KvBlockMapPresenter::Summary::kRight) return;
    const PixelRect s = presenter_.summary();
    const auto rows = presenter_.legend();
    double x = s.x;
    const double y =
        s.y + theme().scaled(9) + double(rows.size()) * theme().scaled(kLegendRow) - theme().scaled(6);
    for (const KvLegendRow& row : rows) {
        const double w = s.w * row.part;
        if (row.part > 0) fill(x, y, std::max(1.0, w - 1), theme().scaled(8), to_imgui(row.colour));
        x += w;
    }
}

double KvMapView::paint_legend(QPainter& painter, double y) {
    const Theme& t = theme();
    const PixelRect s = presenter_.summary();
    const double right = s.x + s.w, count_right = right - t.scaled(52);
    for (const KvLegendRow& row : presenter_.legend()) {
        paint_swatch(painter, t, s.x, y - t.scaled(4), QColor::fromRgb(row.colour),
                     row.colour == t.color("block.free").rgb());
        const bool request = row.request != kNoRequest;
        const QFont font = request ? t.numbers("body") : t.words("body");
        paint_text(painter, font, t.color("text.primary"), s.x + t.scaled(15), y, row.name);
        paint_text(painter, t.numbers("body", 500), t.color("text.primary"), count_right, y, row.count,
                   At::kRight);
        paint_text(painter, t.numbers("small"), t.color("text.secondary"), right, y, row.share, At::kRight);
        y += t.scaled(kLegendRow);
    }
    return y;
}

void KvMapView::paint_shares(QPainter& painter, double y) {
    const Theme& t = theme();
    const PixelRect s = presenter_.summary();
    const double right = s.x + s.w, bottom = s.y + s.h;
    const auto line = [&](const QString& name, QString share) {
        if (y > bottom) return;
        paint_text(painter, t.words("small"), t.color("text.secondary"), s.x, y, name);
        const bool known = share.endsWith(QStringLiteral(" %"));
        if (known) share.chop(2);
        paint_quantity(painter, t, right, y, {share, known ? QStringLiteral("%") : QString()}, Side::kRight);
        y += t.scaled(18);
    };
    for (const auto& [name, share] : presenter_.shares()) line(name, share);
    if (presenter_.request() == kNoRequest || y + t.scaled(8) > bottom) return;
    painter.fillRect(QRectF(s.x, y - t.scaled(6), s.w, 1), t.color("line.border"));
    y += t.scaled(12);
    paint_swatch(painter, t, s.x, y - t.scaled(4), t.request(presenter_.request()), true);
    paint_text(painter, t.numbers("body", 600), t.color("text.primary"), s.x + t.scaled(15), y,
               format_request(raw(presenter_.request())));
    const auto blocks = static_cast<int64_t>(presenter_.request_blocks());
    paint_quantity(painter, t, right, y, {format_count(blocks), QStringLiteral("blocks")}, Side::kRight);
    y += t.scaled(18);
    if (y > bottom) return;
    const QString note = presenter_.request_note();
    const double indent = std::min<double>(t.scaled(15), s.w - text_width(t.words("small"), note));
    paint_text(painter, t.words("small"), t.color("text.secondary"), s.x + std::max(0.0, indent), y, note);
}

void KvMapView::paint_summary(QPainter& painter) {
    double y = paint_legend(painter, presenter_.summary().y + theme().scaled(9)) + theme().scaled(24);
    const QString warning = presenter_.warning();
    if (!warning.isEmpty()) {
        paint_verdict(painter, theme(),
                      {double(presenter_.summary().x + theme().scaled(4)), y - theme().scaled(4)},
                      Verdict::kWarn);
        paint_text(painter, theme().words("small"), theme().color("text.primary"),
                   presenter_.summary().x + theme().scaled(15), y, warning);
        y += theme().scaled(18);
    }
    paint_shares(painter, y);
}

void KvMapView::paint_line_summary(QPainter& painter) {
    const Theme& t = theme();
    const PixelRect s = presenter_.summary();
    double x = s.x;
    const double y = s.y + s.h - t.scaled(10);
    for (const KvLegendRow& row : presenter_.legend()) {
        const double need = t.scaled(24) + text_width(t.words("small"), row.name + row.count);
        if (x + need > s.x + s.w) break;
        paint_swatch(painter, t, x, y - t.scaled(4), QColor::fromRgb(row.colour),
                     row.colour == t.color("block.free").rgb());
        x += t.scaled(12);
        x += paint_text(painter, t.words("small"), t.color("text.secondary"), x, y, row.name) + t.scaled(4);
        x += paint_text(painter, t.numbers("small", 500), t.color("text.primary"), x, y, row.count) +
             t.scaled(10);
    }
}

void KvMapView::paint_over(QPainter& painter) {
    if (presenter_.empty()) return;
    const Theme& t = theme();
    const PixelRect map = presenter_.map();
    for (const KvRowLabel& label : presenter_.row_labels())
        paint_text(painter, t.numbers("small"), t.color("text.secondary"), map.x - t.scaled(6),
                   label.y + t.scaled(4), label.text, At::kRight);
    if (presenter_.summary_place() == KvBlockMapPresenter::Summary::kRight) paint_summary(painter);
    if (presenter_.summary_place() == KvBlockMapPresenter::Summary::kBelow) paint_line_summary(painter);
    const std::optional<BlockId> block = card_block();
    if (!block || raw(*block) >= presenter_.layout().blocks()) return;
    const KvCard card = presenter_.card(*block);
    HoverCard shown{card.title, card.state, {}, {}};
    if (!card.content.isEmpty()) shown.lines.push_back(card.content);
    shown.lines.push_back(card.detail);
    if (card.swatch) shown.swatch = QColor::fromRgb(*card.swatch);
    const PixelRect cell = presenter_.rect_of(*block);
    // Over the cells, not over the legend beside them, unless there are too few cells to hold it.
    const int wide = std::max(presenter_.layout().content_width(), t.scaled(240));
    const QRectF bounds(map.x, 2, std::min(map.w, wide), height() - 4);
    paint_card(painter, t, bounds, QRectF(cell.x - 3, cell.y - 3, cell.w + 6, cell.h + 6), shown);
}

std::optional<BlockId> KvMapView::card_block() const {
    if (card_) return card_;
    if (hasFocus() && cursor_ != kNoBlock) return cursor_;
    return pinned_;
}

}  // namespace pitwall::panels
