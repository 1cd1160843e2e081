// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/value_table.h"

#include <QFontMetricsF>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>

#include "panels/common/paint.h"
#include "panels/common/text_line.h"
#include "panels/common/widgets.h"

namespace pitwall::panels {

namespace {
constexpr int kInset = 12, kRow = 19, kCaption = 19, kBaseline = 14, kGap = 12, kSwatch = 14;
constexpr int kLeastWidth = 220;

const char* number_token(const ValueRow& row) { return row.bad ? "signal.bad" : "text.primary"; }
int weight_of(bool strong) { return strong ? 600 : 500; }
}  // namespace

ValueTable::ValueTable(Theme* theme, const QString& caption, QWidget* parent)
    : QWidget(parent), theme_(theme), caption_(caption) {
    setFocusPolicy(Qt::TabFocus);
    setAccessibleName(caption.isEmpty() ? QStringLiteral("Figures") : caption);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    connect(theme, &Theme::changed, this, [this] {
        measure();
        updateGeometry();
        update();
    });
}

void ValueTable::set_rows(const std::vector<ValueRow>& rows) {
    if (rows == rows_) return;
    const bool other_height = rows.size() != rows_.size();
    const QString current = rows_.empty() ? QString() : rows_[size_t(current_)].name;
    rows_ = rows;
    // Rows come and go before it: who looks at one goes on looking at that one.
    const auto same = std::ranges::find(rows_, current, &ValueRow::name);
    current_ = same != rows_.end() ? int(same - rows_.begin())
                                   : std::clamp(current_, 0, std::max(0, int(rows_.size()) - 1));
    measure();
    if (other_height) updateGeometry();
    update();
}

void ValueTable::set_caption(const QString& caption) {
    if (caption == caption_) return;
    caption_ = caption;
    updateGeometry();
    update();
}

int ValueTable::caption_height() const { return caption_.isEmpty() ? 0 : theme_->scaled(kCaption); }

QSize ValueTable::sizeHint() const {
    return {theme_->scaled(kLeastWidth), caption_height() + int(rows_.size()) * theme_->scaled(kRow)};
}

QRect ValueTable::row_rect(int row) const {
    return {0, caption_height() + row * theme_->scaled(kRow), width(), theme_->scaled(kRow)};
}

int ValueTable::row_at(QPoint position) const {
    for (int i = 0; i < int(rows_.size()); ++i)
        if (row_rect(i).contains(position)) return i;
    return -1;
}

double ValueTable::cell_width(const ValueCell& cell, bool strong) const {
    const QFontMetricsF numbers(theme_->numbers("body", weight_of(strong))), words(theme_->words("small"));
    const double space = words.horizontalAdvance(u' ');
    double width = numbers.horizontalAdvance(cell.value.number);
    if (!cell.value.unit.isEmpty()) width += space + words.horizontalAdvance(cell.value.unit);
    if (!cell.tag.isEmpty()) width += 2 * space + words.horizontalAdvance(cell.tag);
    return width;
}

/// Columns as wide as their widest figure; the last stands at the right edge whatever a row has before it.
void ValueTable::measure() {
    size_t most = 0;
    for (const ValueRow& row : rows_) most = std::max(most, row.cells.size());
    columns_.assign(most, 0);
    for (const ValueRow& row : rows_) {
        if (most > 1 && row.cells.size() == 1) continue;  // has the line to itself
        for (size_t i = 0; i < row.cells.size(); ++i)
            columns_[i] = std::max(columns_[i], cell_width(row.cells[i], row.strong));
    }
}

double ValueTable::paint_cell(QPainter& painter, const ValueCell& cell, double right, double baseline,
                              const ValueRow& row) const {
    const double left = right - cell_width(cell, row.strong);
    const QFont words = theme_->words("small");
    const double space = QFontMetricsF(words).horizontalAdvance(u' ');
    double x = left;
    const auto say = [&](const QString& text, const QFont& font, const char* token) {
        x += paint_text(painter, font, theme_->color(token), x, baseline, text);
    };
    if (!cell.tag.isEmpty()) say(cell.tag, words, "text.secondary"), x += 2 * space;
    say(cell.value.number, theme_->numbers("body", weight_of(row.strong)), number_token(row));
    if (!cell.value.unit.isEmpty()) x += space, say(cell.value.unit, words, "text.secondary");
    return left;
}

void ValueTable::paint_row(QPainter& painter, const ValueRow& row, const QRect& box) const {
    const double baseline = box.top() + theme_->scaled(kBaseline), inset = theme_->scaled(kInset);
    double right = box.right() + 1 - inset, end = right;
    for (size_t i = row.cells.size(); i-- > 0;) {
        end = paint_cell(painter, row.cells[i], right, baseline, row);
        right -= columns_[i] + theme_->scaled(kGap);
    }
    paint_name(painter, row, {inset, end - theme_->scaled(8)}, baseline);
}

void ValueTable::paint_name(QPainter& painter, const ValueRow& row, Span room, double baseline) const {
    double x = room.left;
    if (row.swatch != nullptr) {
        QColor color = theme_->color(row.swatch);
        color.setAlphaF(float(row.swatch_opacity));
        paint_swatch(painter, *theme_, x, baseline - theme_->scaled(4), color, true);
    }
    if (std::any_of(rows_.begin(), rows_.end(), [](const ValueRow& r) { return r.swatch != nullptr; }))
        x += theme_->scaled(kSwatch);
    const QFont name = theme_->words("body", row.strong ? 600 : 400), note = theme_->words("small");
    const QString fitted =
        QFontMetricsF(name).elidedText(row.name, Qt::ElideRight, std::max(0.0, room.right - x));
    x += paint_text(painter, name, theme_->color(row.bad ? "signal.bad" : "text.primary"), x, baseline,
                    fitted) +
         theme_->scaled(8);
    // All of a note or none: half a number is another number. The tip has it.
    if (room.right - x >= QFontMetricsF(note).horizontalAdvance(row.note))
        paint_text(painter, note, theme_->color("text.secondary"), x, baseline, row.note);
}

void ValueTable::paintEvent(QPaintEvent* /*event*/) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    if (!caption_.isEmpty())
        paint_text(painter, theme_->words("small"), theme_->color("text.secondary"), theme_->scaled(kInset),
                   theme_->scaled(kBaseline), caption_);
    for (int i = 0; i < int(rows_.size()); ++i) {
        if (hasFocus() && i == current_) {
            painter.setPen(QPen(theme_->color("signal.focus"), 2));
            painter.setBrush(theme_->color("bg.hover"));
            painter.drawRoundedRect(QRectF(row_rect(i)).adjusted(3, 1, -3, -1), 3, 3);
        }
        paint_row(painter, rows_[size_t(i)], row_rect(i));
    }
}

QString ValueTable::tip(int row) const { return tip_of(rows_.at(size_t(row))); }

void ValueTable::show_tip(int row, QPoint global) {
    const bool there = row >= 0 && row < int(rows_.size());
    QToolTip::showText(global, there ? plain_tip(tip(row)) : QString(), this,
                       there ? row_rect(row) : QRect());
}

bool ValueTable::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        show_tip(row_at(help->pos()), help->globalPos());
        return true;
    }
    return QWidget::event(event);
}

void ValueTable::keyPressEvent(QKeyEvent* event) {
    const int step = event->key() == Qt::Key_Down ? 1 : event->key() == Qt::Key_Up ? -1 : 0;
    if (step == 0 || rows_.empty()) return QWidget::keyPressEvent(event);
    current_ = std::clamp(current_ + step, 0, int(rows_.size()) - 1);
    setAccessibleDescription(tip(current_));
    show_tip(current_, mapToGlobal(row_rect(current_).bottomLeft() + QPoint(theme_->scaled(kInset), 2)));
    update();
}

void ValueTable::focusInEvent(QFocusEvent* /*event*/) {
    if (!rows_.empty()) setAccessibleDescription(tip(current_));
    update();
}
void ValueTable::focusOutEvent(QFocusEvent* /*event*/) {
    QToolTip::hideText();
    update();
}

}  // namespace pitwall::panels
