// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/widgets.h"

#include <QEvent>
#include <QFontMetrics>
#include <QKeyEvent>
#include <QLabel>
#include <QMouseEvent>
#include <QPainter>
#include <QPushButton>
#include <QVBoxLayout>
#include <algorithm>

namespace pitwall::panels {

bool is_shift_arrow(const QKeyEvent& event) {
    return (event.modifiers() & ~Qt::KeypadModifier) == Qt::ShiftModifier &&
           (event.key() == Qt::Key_Left || event.key() == Qt::Key_Right);
}

QString plain_tip(const QString& text) {
    return QStringLiteral("<qt>%1</qt>").arg(text.toHtmlEscaped().replace(u'\n', QStringLiteral("<br>")));
}

SegmentedControl::SegmentedControl(Theme* theme, const QStringList& names, QWidget* parent)
    : QWidget(parent), theme_(theme), names_(names), enabled_(static_cast<size_t>(names.size()), true) {
    setFocusPolicy(Qt::TabFocus);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    connect(theme_, &Theme::changed, this, [this] {
        updateGeometry();
        update();
    });
}

void SegmentedControl::set_current(int index) {
    if (index == current_ || index < 0 || index >= names_.size() || !enabled_[static_cast<size_t>(index)])
        return;
    current_ = index;
    update();
    emit chosen(index);
}

void SegmentedControl::set_enabled_segment(int index, bool enabled) {
    enabled_.at(static_cast<size_t>(index)) = enabled;
    update();
}

int SegmentedControl::width_of(int index) const {
    return QFontMetrics(theme_->words("small", 500)).horizontalAdvance(names_[index]) + theme_->scaled(14);
}

QRect SegmentedControl::segment_rect(int index) const {
    int left = 1;
    for (int i = 0; i < index; ++i) left += width_of(i);
    return {left, 1, width_of(index), height() - 2};
}

QSize SegmentedControl::sizeHint() const {
    int width = 2;
    for (int i = 0; i < names_.size(); ++i) width += width_of(i);
    return {width, theme_->scaled(20)};
}

void SegmentedControl::paintEvent(QPaintEvent* /*event*/) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(hasFocus() ? QPen(theme_->color("signal.focus"), 2) : QPen(Qt::NoPen));
    painter.setBrush(theme_->color("bg.inset"));
    painter.drawRoundedRect(QRectF(rect()).adjusted(.5, .5, -.5, -.5), theme_->px("radius"),
                            theme_->px("radius"));
    for (int i = 0; i < names_.size(); ++i) {
        const bool on = i == current_;
        if (on) {
            painter.setPen(Qt::NoPen);
            painter.setBrush(theme_->color("bg.hover"));
            painter.drawRoundedRect(segment_rect(i), 3, 3);
        }
        painter.setFont(theme_->words("small", on ? 500 : 400));
        painter.setPen(theme_->color(!enabled_[static_cast<size_t>(i)] ? "text.disabled"
                                     : on                              ? "text.primary"
                                                                       : "text.secondary"));
        painter.drawText(segment_rect(i), Qt::AlignCenter, names_[i]);
    }
}

void SegmentedControl::mousePressEvent(QMouseEvent* event) {
    for (int i = 0; i < names_.size(); ++i)
        if (segment_rect(i).contains(event->position().toPoint())) set_current(i);
}

void SegmentedControl::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Left) return set_current(current_ - 1);
    if (event->key() == Qt::Key_Right) return set_current(current_ + 1);
    QWidget::keyPressEvent(event);
}

EmptyState::EmptyState(Theme* theme, const QString& sentence, const QString& button,
                       std::function<void()> action, QWidget* parent)
    : QWidget(parent),
      theme_(theme),
      sentence_(new QLabel(sentence, this)),
      button_(new QPushButton(button, this)) {
    auto* layout = new QVBoxLayout(this);
    sentence_->setTextFormat(Qt::PlainText);  // it may name what a recording says
    sentence_->setAlignment(Qt::AlignCenter);
    sentence_->setWordWrap(true);
    layout->addStretch();
    layout->addWidget(sentence_);
    layout->addWidget(button_, 0, Qt::AlignHCenter);
    layout->addStretch();
    button_->setVisible(!button.isEmpty());
    connect(button_, &QPushButton::clicked, this, [action = std::move(action)] {
        if (action) action();
    });
    connect(theme_, &Theme::changed, this, &EmptyState::restyle);
    restyle();
    if (parent != nullptr) {
        parent->installEventFilter(this);
        setGeometry(parent->rect());
    }
}

void EmptyState::set_sentence(const QString& sentence) {
    if (sentence_->text() != sentence) sentence_->setText(sentence);
}

void EmptyState::offer(bool button) { button_->setVisible(button && !button_->text().isEmpty()); }

void EmptyState::restyle() {
    button_->setFont(theme_->words("body"));
    sentence_->setFont(theme_->words("body"));
    // A style sheet, because the window's own gives labels a colour and a palette would lose.
    sentence_->setStyleSheet(QStringLiteral("color: %1;").arg(theme_->color("text.secondary").name()));
}

bool EmptyState::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::Resize && watched == parent()) setGeometry(parentWidget()->rect());
    return QWidget::eventFilter(watched, event);
}

}  // namespace pitwall::panels
