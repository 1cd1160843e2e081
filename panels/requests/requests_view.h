// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QHeaderView>
#include <QStyledItemDelegate>
#include <QTableView>
#include <optional>

#include "panels/common/theme.h"
#include "panels/requests/requests_model.h"

namespace pitwall::panels {

/// Paints a request's cells: swatch and number, figures, and the bar of causes.
class RequestsDelegate : public QStyledItemDelegate {
    Q_OBJECT
  public:
    RequestsDelegate(const Theme* theme, const RequestsModel* model, QObject* parent)
        : QStyledItemDelegate(parent), theme_(theme), model_(model) {}
    void set_selected(RequestId request) { selected_ = request; }
    void set_hovered_row(int row) { hovered_row_ = row; }
    void set_scale_ns(int64_t longest_ns) { longest_ns_ = longest_ns; }
    void set_slo(const SloLimits& slo) { slo_ = slo; }
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;

  private:
    void paint_ground(QPainter& painter, const QRect& rect, const QModelIndex& index, bool selected) const;
    void paint_text_cell(QPainter& painter, const QRect& rect, const telemetry::RequestRow& row,
                         RequestColumn column, bool selected) const;
    void paint_bar(QPainter& painter, const QRect& rect, const telemetry::RequestRow& row) const;

    const Theme* theme_;
    const RequestsModel* model_;
    RequestId selected_ = kNoRequest;
    int hovered_row_ = -1;
    int64_t longest_ns_ = 1;
    SloLimits slo_;
};

/// Titles that line up with the figures below them; the sorted one has a small triangle.
class RequestsHeader : public QHeaderView {
    Q_OBJECT
  public:
    RequestsHeader(const Theme* theme, const RequestsPresenter& presenter, QWidget* parent);

  protected:
    void paintSection(QPainter* painter, const QRect& rect, int section) const override;
    void paintEvent(QPaintEvent* event) override;

  private:
    QString title_for(RequestColumn column, double room) const;

    const Theme* theme_;
    const RequestsPresenter& presenter_;
};

/// The table. Keys and clicks become signals; what is selected is the window's business.
class RequestsView : public QTableView {
    Q_OBJECT
  public:
    RequestsView(Theme* theme, RequestsPresenter& presenter, RequestsModel& model, QWidget* parent);
    /// The model takes over what changed, and the rows are laid out: left to Qt that comes after the next picture, which is painted twice then.
    void take(RequestsPresenter::Change change);
    /// Takes over scale, SLO and selection, and brings the selected row into sight when it is another than before.
    void follow(RequestId selected);
    /// Whether a hand aims: the mouse moved over the rows a moment ago.
    bool aimed_at() const { return aimed_.isValid() && aimed_.elapsed() < kAimMs; }
    /// The selected row's place in pixels from the top, or nothing where it is out of sight; and back to that place.
    std::optional<int> place_of_selected() const;
    void put_selected_at(int place);
    /// The columns that fit `width`: they go from the right, the bar last but two.
    static std::vector<RequestColumn> columns_for(int width, double scale);

  signals:
    void chosen(RequestId request);
    void cancel_asked();
    void filter_asked();
    void opened();
    void cleared();

  protected:
    void resizeEvent(QResizeEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void scrollContentsBy(int dx, int dy) override;

  private:
    void take_theme();
    void lay_out();
    void take_scale();
    void hover(int row);
    bool key(const QKeyEvent& event);
    void sort_by(int section);

    static constexpr int kAimMs = 2000;

    Theme* theme_;
    RequestsPresenter& presenter_;
    RequestsModel& model_;
    QElapsedTimer aimed_;
    RequestsDelegate* delegate_;
    RequestId selected_ = kNoRequest;
};

}  // namespace pitwall::panels
