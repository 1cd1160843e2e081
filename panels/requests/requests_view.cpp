// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/requests/requests_view.h"

#include <QKeyEvent>
#include <QMouseEvent>
#include <QScrollBar>
#include <algorithm>
#include <array>

namespace pitwall::panels {
namespace {

/// Widths at scale 1 in the order of the columns; the bar takes what is left, and at least this much.
constexpr std::array<int, kRequestColumns> kWidths = {76, 60, 44, 52, 50, 48, 62, 58, 92};
/// Who goes first when there is no room.
constexpr std::array kLeaving = {RequestColumn::kTpot,   RequestColumn::kTtft,   RequestColumn::kBlocks,
                                 RequestColumn::kOutput, RequestColumn::kCached, RequestColumn::kPrompt,
                                 RequestColumn::kCauses};

}  // namespace

RequestsView::RequestsView(Theme* theme, RequestsPresenter& presenter, RequestsModel& model, QWidget* parent)
    : QTableView(parent),
      theme_(theme),
      presenter_(presenter),
      model_(model),
      delegate_(new RequestsDelegate(theme, &model, this)) {
    setModel(&model);
    setItemDelegate(delegate_);
    auto* header = new RequestsHeader(theme, presenter, this);
    setHorizontalHeader(header);
    verticalHeader()->hide();
    verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    setSelectionMode(
        QAbstractItemView::NoSelection);  // the window's selection is the only one; the delegate shows it
    setEditTriggers(QAbstractItemView::NoEditTriggers);
    setShowGrid(false);
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setVerticalScrollMode(QAbstractItemView::ScrollPerItem);
    setMouseTracking(true);
    setTabKeyNavigation(false);
    setAccessibleName(QStringLiteral("Requests"));
    connect(header, &QHeaderView::sectionClicked, this, &RequestsView::sort_by);
    connect(this, &QTableView::clicked, this,
            [this](const QModelIndex& index) { emit chosen(model_.id_at(index.row())); });
    connect(this, &QTableView::doubleClicked, this, &RequestsView::opened);
    connect(theme, &Theme::changed, this, &RequestsView::take_theme);
    take_theme();
}

void RequestsView::take_theme() {
    verticalHeader()->setMinimumSectionSize(8);
    verticalHeader()->setDefaultSectionSize(theme_->px("row"));
    horizontalHeader()->setFixedHeight(theme_->scaled(22));
    lay_out();
    viewport()->update();
}

std::vector<RequestColumn> RequestsView::columns_for(int width, double scale) {
    std::vector<RequestColumn> columns;
    double need = 0;
    for (int c = 0; c < kRequestColumns; ++c) {
        columns.push_back(static_cast<RequestColumn>(c));
        need += kWidths[static_cast<size_t>(c)] * scale;
    }
    for (const RequestColumn leaving : kLeaving) {
        if (need <= width) break;
        std::erase(columns, leaving);
        need -= kWidths[static_cast<size_t>(leaving)] * scale;
    }
    return columns;
}

void RequestsView::lay_out() {
    const int width = viewport()->width();
    const auto columns = columns_for(width, theme_->scale());
    int used = 0;
    for (int c = 0; c < kRequestColumns; ++c) {
        const bool shown =
            std::find(columns.begin(), columns.end(), static_cast<RequestColumn>(c)) != columns.end();
        setColumnHidden(c, !shown);
        if (shown && c != static_cast<int>(RequestColumn::kCauses))
            used += theme_->scaled(kWidths[static_cast<size_t>(c)]);
    }
    // Without its bar a narrow table spreads out; with it the bar takes the rest.
    const bool bar = !isColumnHidden(static_cast<int>(RequestColumn::kCauses));
    for (int c = 0; c < kRequestColumns; ++c)
        if (!isColumnHidden(c))
            setColumnWidth(
                c, c == static_cast<int>(RequestColumn::kCauses)
                       ? std::max(8, width - used)
                       : theme_->scaled(kWidths[static_cast<size_t>(c)]) +
                             (bar ? 0 : std::max(0, width - used) / static_cast<int>(columns.size())));
    take_scale();
}

void RequestsView::take_scale() {
    const int first = rowAt(0), last = rowAt(viewport()->height() - 1);
    delegate_->set_scale_ns(
        presenter_.longest_ns(std::max(first, 0), last < 0 ? model_.rowCount() - 1 : last));
}

void RequestsView::take(RequestsPresenter::Change change) {
    model_.follow(change);
    executeDelayedItemsLayout();
}

void RequestsView::follow(RequestId selected) {
    delegate_->set_selected(selected);
    delegate_->set_slo(presenter_.slo());
    if (selected != selected_) {
        selected_ = selected;
        if (const int row = presenter_.row_of(selected); row >= 0) scrollTo(model_.index(row, 0));
    }
    take_scale();
    viewport()->update();
}

std::optional<int> RequestsView::place_of_selected() const {
    const int row = presenter_.row_of(selected_);
    if (row < 0) return std::nullopt;
    const int place = rowViewportPosition(row);
    const bool in_sight = place >= 0 && place + rowHeight(row) <= viewport()->height();
    return in_sight ? std::optional(place) : std::nullopt;
}

void RequestsView::put_selected_at(int place) {
    const int row = presenter_.row_of(selected_);
    if (row < 0) return;
    // The bar counts rows.
    const int moved = (rowViewportPosition(row) - place) / std::max(1, rowHeight(row));
    if (moved != 0) verticalScrollBar()->setValue(verticalScrollBar()->value() + moved);
}

void RequestsView::resizeEvent(QResizeEvent* event) {
    QTableView::resizeEvent(event);
    lay_out();
    if (const int row = presenter_.row_of(selected_); row >= 0) scrollTo(model_.index(row, 0));
}

void RequestsView::scrollContentsBy(int dx, int dy) {
    QTableView::scrollContentsBy(dx, dy);
    take_scale();
    viewport()->update();  // the bars' common scale is that of the rows in sight
}

void RequestsView::hover(int row) {
    delegate_->set_hovered_row(row);
    viewport()->update();
}

void RequestsView::mouseMoveEvent(QMouseEvent* event) {
    aimed_.start();
    hover(rowAt(event->position().toPoint().y()));
    QTableView::mouseMoveEvent(event);
}

void RequestsView::leaveEvent(QEvent* event) {
    aimed_.invalidate();
    hover(-1);
    QTableView::leaveEvent(event);
}

/// First the largest, then the smallest, then again those that run first.
void RequestsView::sort_by(int section) {
    const auto column = static_cast<RequestColumn>(section);
    if (presenter_.sort_column() != column) {
        presenter_.set_sort(column, true);
    } else if (presenter_.descending()) {
        presenter_.set_sort(column, false);
    } else {
        presenter_.set_sort(std::nullopt, true);
    }
    take(presenter_.refresh());
    horizontalHeader()->viewport()->update();
    scrollToTop();
    take_scale();
}

bool RequestsView::key(const QKeyEvent& event) {
    const auto go = [&](int by) {
        const RequestId next = presenter_.moved(selected_, by);
        if (next != kNoRequest) emit chosen(next);
        return true;
    };
    if (event.modifiers() & (Qt::ControlModifier | Qt::AltModifier)) return false;
    const int page = std::max(1, viewport()->height() / std::max(1, theme_->px("row")) - 1);
    switch (event.key()) {
        case Qt::Key_J:
        case Qt::Key_Down:
            return go(1);
        case Qt::Key_K:
        case Qt::Key_Up:
            return go(-1);
        case Qt::Key_PageDown:
            return go(page);
        case Qt::Key_PageUp:
            return go(-page);
        case Qt::Key_Home:
            return go(-model_.rowCount());
        case Qt::Key_End:
            return go(model_.rowCount());
        case Qt::Key_C:
        case Qt::Key_Delete:
            return emit cancel_asked(), true;
        case Qt::Key_Slash:
            return emit filter_asked(), true;
        case Qt::Key_Return:
        case Qt::Key_Enter:
            return emit opened(), true;
        case Qt::Key_Escape:
            return emit cleared(), true;
        default:
            return false;
    }
}

void RequestsView::keyPressEvent(QKeyEvent* event) {
    if (key(*event)) return event->accept();
    event->ignore();  // not QTableView's own search by letters: they are the window's keys
}

}  // namespace pitwall::panels
