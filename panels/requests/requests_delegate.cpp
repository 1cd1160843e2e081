// SPDX-License-Identifier: GPL-3.0-or-later
#include <QPainter>
#include <cmath>

#include "panels/common/paint.h"
#include "panels/common/text_line.h"
#include "panels/requests/requests_view.h"

namespace pitwall::panels {
namespace {

constexpr int kInset = 12, kSide = 8, kBarHeight = 8;  // at scale 1

/// Where a cell's words start or end; the header uses the same.
int text_x(const QRect& rect, RequestColumn column, const Theme& theme) {
    if (is_number(column)) return rect.right() + 1;
    if (column == RequestColumn::kRequest) return rect.left() + theme.scaled(kInset + 14);
    return rect.left() + theme.scaled(column == RequestColumn::kCauses ? kInset : kSide - 6);
}

}  // namespace

void RequestsDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                             const QModelIndex& index) const {
    const telemetry::RequestRow* row = model_->request_at(index.row());
    if (!row) return;
    const bool selected = row->id == selected_;
    painter->save();
    paint_ground(*painter, option.rect, index, selected);
    const auto column = static_cast<RequestColumn>(index.column());
    if (column == RequestColumn::kCauses) {
        paint_bar(*painter, option.rect, *row);
    } else {
        paint_text_cell(*painter, option.rect, *row, column, selected);
    }
    painter->restore();
}

void RequestsDelegate::paint_ground(QPainter& painter, const QRect& rect, const QModelIndex& index,
                                    bool selected) const {
    if (!selected && index.row() != hovered_row_) return;
    QRect ground = rect.adjusted(0, 0, 0, -1);
    if (index.column() == 0) ground.setLeft(rect.left() + theme_->scaled(6));
    painter.fillRect(ground, theme_->color(selected ? "bg.selection" : "bg.hover"));
    if (selected && index.column() == 0)
        painter.fillRect(QRectF(ground.left(), ground.top(), theme_->scaled(2.5), ground.height()),
                         theme_->color("signal.select"));
}

void RequestsDelegate::paint_text_cell(QPainter& painter, const QRect& rect, const telemetry::RequestRow& row,
                                       RequestColumn column, bool selected) const {
    const Theme& t = *theme_;
    const double baseline = rect.top() + rect.height() / 2.0 + t.scaled(4);
    if (column == RequestColumn::kRequest)
        paint_swatch(painter, t, rect.left() + t.scaled(kInset + 1), rect.top() + rect.height() / 2.0,
                     t.request(row.id));
    const bool miss = missed(row, column, slo_);
    const bool quiet =
        column == RequestColumn::kState && (row.ended() || row.state == telemetry::RequestState::kWaiting);
    const int weight = column == RequestColumn::kRequest && selected ? 600 : miss ? 500 : 400;
    const QFont font = column == RequestColumn::kState ? t.words("small") : t.numbers("small", weight);
    const QColor colour = t.color(miss ? "signal.bad" : quiet ? "text.secondary" : "text.primary");
    paint_text(painter, font, colour, text_x(rect, column, t), baseline, cell_text(row, column),
               is_number(column) ? At::kRight : At::kLeft);
}

void RequestsDelegate::paint_bar(QPainter& painter, const QRect& rect,
                                 const telemetry::RequestRow& row) const {
    const int height = theme_->scaled(kBarHeight);
    const double left = rect.left() + theme_->scaled(kInset),
                 room = std::max(0.0, rect.right() - left - theme_->scaled(4));
    double x = left;
    const double top = rect.top() + std::floor((rect.height() - height) / 2.0);
    for (const CauseSlice& slice : cause_slices(row)) {
        const double width = room * double(slice.ns) / double(std::max<int64_t>(longest_ns_, 1));
        if (width > .3)
            painter.fillRect(QRectF(x, top, std::max(.5, width - .6), height), theme_->cause(slice.cause));
        x += width;
    }
}

RequestsHeader::RequestsHeader(const Theme* theme, const RequestsPresenter& presenter, QWidget* parent)
    : QHeaderView(Qt::Horizontal, parent), theme_(theme), presenter_(presenter) {
    setSectionsClickable(true);
    setSectionResizeMode(QHeaderView::Fixed);
    setMinimumSectionSize(8);
    setHighlightSections(false);
}

/// The bar's column is the one that takes what room is left.
QString RequestsHeader::title_for(RequestColumn column, double room) const {
    const QString title = column_title(column);
    const bool fits = text_width(theme_->words("small", 500), title) <= room;
    return fits || column != RequestColumn::kCauses ? title : QStringLiteral("time spent");
}

void RequestsHeader::paintSection(QPainter* painter, const QRect& rect, int section) const {
    const Theme& t = *theme_;
    const auto column = static_cast<RequestColumn>(section);
    const bool sorted = presenter_.sort_column() == column;
    painter->fillRect(rect, t.color("bg.panel"));
    const double baseline = rect.top() + rect.height() / 2.0 + t.scaled(3);
    const At at = is_number(column) ? At::kRight : At::kLeft;
    const double x = text_x(rect, column, t);
    const double width =
        paint_text(*painter, t.words("small", 500), t.color(sorted ? "text.primary" : "text.secondary"), x,
                   baseline, title_for(column, rect.right() - x), at);
    if (!sorted) return;
    const double middle = at == At::kRight ? x - width - t.scaled(7) : x + width + t.scaled(7),
                 r = t.scaled(3), y = baseline - t.scaled(4);
    const double down = presenter_.descending() ? 1 : -1;
    painter->setPen(Qt::NoPen);
    painter->setBrush(t.color("text.primary"));
    painter->drawPolygon(QPolygonF(
        {{middle - r, y - down * r * .7}, {middle + r, y - down * r * .7}, {middle, y + down * r}}));
}

void RequestsHeader::paintEvent(QPaintEvent* event) {
    QPainter ground(viewport());
    ground.fillRect(viewport()->rect(), theme_->color("bg.panel"));
    ground.end();
    QHeaderView::paintEvent(event);
    QPainter line(viewport());
    line.fillRect(theme_->scaled(kInset), height() - 1, width() - theme_->scaled(kInset), 1,
                  theme_->color("line.border"));
}

}  // namespace pitwall::panels
