// SPDX-License-Identifier: GPL-3.0-or-later
#include <QFontMetricsF>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>

#include "panels/changes/changes_panel.h"
#include "panels/common/paint.h"

namespace pitwall::panels {

namespace {
constexpr int kWideFrom = 340;  ///< from here on old and new value stand beside the knob's name
}

ChangesList::ChangesList(Theme* theme, QWidget* parent) : QWidget(parent), theme_(theme) {
    setObjectName(QStringLiteral("changes_list"));
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    connect(theme, &Theme::changed, this, [this] {
        updateGeometry();
        update();
    });
}

void ChangesList::show_rows(const std::vector<ChangeRowView>& rows) {
    const bool grew = rows.size() != rows_.size();
    rows_ = rows;
    if (current_index() < 0 && !rows_.empty()) current_ = rows_.back().number;
    if (grew) updateGeometry();
    update();
}

bool ChangesList::wide() const { return width() >= theme_->scaled(kWideFrom); }
int ChangesList::row_height() const { return theme_->scaled(wide() ? 38 : 52); }
QSize ChangesList::sizeHint() const {
    return {theme_->scaled(200), row_height() * int(rows_.size()) + theme_->scaled(4)};
}

void ChangesList::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    if (event->oldSize().width() != event->size().width()) updateGeometry();
}

int ChangesList::index_at(double y) const {
    const int index = int(y) / row_height();
    return y >= 0 && index < int(rows_.size()) ? index : -1;
}

int ChangesList::current_index() const {
    const auto found = std::find_if(rows_.begin(), rows_.end(),
                                    [this](const ChangeRowView& row) { return row.number == current_; });
    return found == rows_.end() ? -1 : int(found - rows_.begin());
}

void ChangesList::move_to(int index) {
    if (rows_.empty()) return;
    index = std::clamp(index, 0, int(rows_.size()) - 1);
    current_ = rows_[size_t(index)].number;
    emit current_moved(index * row_height(), row_height());
    update();
}

void ChangesList::mousePressEvent(QMouseEvent* event) {
    const int index = index_at(event->position().y());
    if (index < 0 || event->button() != Qt::LeftButton) return;
    move_to(index);
    emit chosen(current_);
}

void ChangesList::mouseMoveEvent(QMouseEvent* event) {
    const int index = index_at(event->position().y());
    if (index == hovered_) return;
    hovered_ = index;
    update();
}

void ChangesList::leaveEvent(QEvent*) {
    hovered_ = -1;
    update();
}

void ChangesList::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
        case Qt::Key_Up:
            return move_to(current_index() - 1);
        case Qt::Key_Down:
            return move_to(current_index() + 1);
        case Qt::Key_Home:
            return move_to(0);
        case Qt::Key_End:
            return move_to(int(rows_.size()) - 1);
        case Qt::Key_Return:
        case Qt::Key_Enter:
            if (current_index() >= 0) emit chosen(current_);
            return;
        case Qt::Key_Z:
            if (current_index() >= 0 && undo_allowed_) emit undone(current_);
            return;
        default:
            QWidget::keyPressEvent(event);
    }
}

bool ChangesList::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const int index = index_at(help->pos().y());
    if (index < 0) return true;
    const ChangeRowView& row = rows_[size_t(index)];
    QString text = QStringLiteral("<b>%1</b> %2<br>%3")
                       .arg(row.knob.toHtmlEscaped(), row.values.toHtmlEscaped(), row.verdict_word);
    if (!row.note.isEmpty()) text += QStringLiteral("<br>") + row.note;
    text += QStringLiteral("<br>") + ChangeEffects::rule().toHtmlEscaped();
    if (undo_allowed_) text += QStringLiteral("<br>Click: statistics since then. Z: undo");
    QToolTip::showText(help->globalPos(), text, this);
    return true;
}

// ---------------------------------------------------------------------------------------------- painting

void ChangesList::paintEvent(QPaintEvent* event) {
    QPainter painter(this);
    const int height = row_height();
    const int first = std::max(0, event->rect().top() / height),
              last = std::min(int(rows_.size()) - 1, event->rect().bottom() / height);
    for (int i = first; i <= last; ++i) {
        const QRectF box(4, i * height + 1, width() - 8, height - 2);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(Qt::NoPen);
        painter.setBrush(theme_->color("bg.hover"));
        if (i == hovered_) painter.drawRoundedRect(box, 4, 4);
        if (hasFocus() && rows_[size_t(i)].number == current_) {
            painter.setPen(QPen(theme_->color("signal.focus"), 2));
            painter.setBrush(Qt::NoBrush);
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 4, 4);
        }
        draw_row(painter, rows_[size_t(i)], i * height);
    }
}

void ChangesList::draw_row(QPainter& painter, const ChangeRowView& row, double top) const {
    const double left = theme_->scaled(34), right = width() - theme_->scaled(12);
    paint_pin(painter, *theme_, {double(theme_->scaled(19)), top + theme_->scaled(11)}, row.number);
    const QFont mono = theme_->numbers("small");
    const QFontMetricsF metrics(mono);
    const double time_width = metrics.horizontalAdvance(row.time);
    double baseline = top + theme_->scaled(15);
    painter.setFont(mono);
    painter.setPen(theme_->color("text.secondary"));
    painter.drawText(QPointF(right - time_width, baseline), row.time);
    painter.setPen(theme_->color("text.primary"));
    const double room = right - time_width - theme_->scaled(4) - left;
    const QString name = metrics.elidedText(row.knob, Qt::ElideMiddle, room);
    painter.drawText(QPointF(left, baseline), name);
    painter.setPen(theme_->color("signal.accent"));
    if (wide()) {
        const double at = left + metrics.horizontalAdvance(name) + theme_->scaled(12);
        painter.drawText(QPointF(at, baseline),
                         metrics.elidedText(row.values, Qt::ElideRight, std::max(0.0, left + room - at)));
    } else {
        baseline += theme_->scaled(15);
        painter.drawText(QPointF(left, baseline),
                         metrics.elidedText(row.values, Qt::ElideRight, right - left));
    }
    draw_figure(painter, row, baseline + theme_->scaled(15));
}

void ChangesList::draw_figure(QPainter& painter, const ChangeRowView& row, double baseline) const {
    const QFont words = theme_->words("small");
    double x = theme_->scaled(34);
    painter.setFont(words);
    painter.setPen(theme_->color("text.secondary"));
    painter.drawText(QPointF(x, baseline), row.figure);
    x += QFontMetricsF(words).horizontalAdvance(row.figure) + theme_->scaled(8);
    if (row.before_after.isEmpty()) return;
    const bool clear = row.verdict != ChangeRowView::Verdict::kNone;
    x += paint_quantity(painter, *theme_, x, baseline, {row.before_after, row.unit}, Side::kLeft, "small",
                        500, clear ? "text.primary" : "text.secondary");
    if (!clear) return draw_doubt(painter, row, x + theme_->scaled(8), baseline);
    const QPointF sign(width() - theme_->scaled(17), baseline - theme_->scaled(4));
    if (row.verdict == ChangeRowView::Verdict::kBetter) paint_verdict(painter, *theme_, sign, Verdict::kOk);
    if (row.verdict == ChangeRowView::Verdict::kWorse) paint_verdict(painter, *theme_, sign, Verdict::kWarn);
}

/// In as many words as there is room for; the number's colour says it as well.
void ChangesList::draw_doubt(QPainter& painter, const ChangeRowView& row, double left,
                             double baseline) const {
    const QFontMetricsF metrics(theme_->words("small"));
    const double right = width() - theme_->scaled(12);
    for (const QString& words : {row.verdict_word, QStringLiteral("unclear")}) {
        const double width = metrics.horizontalAdvance(words);
        if (left + width > right) continue;
        painter.setFont(theme_->words("small"));
        painter.setPen(theme_->color("text.secondary"));
        painter.drawText(QPointF(right - width, baseline), words);
        return;
    }
}

}  // namespace pitwall::panels
