// SPDX-License-Identifier: GPL-3.0-or-later
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QPainter>

#include "panels/requests/requests_panel.h"

namespace pitwall::panels {
namespace {
constexpr int kPollMs = 30, kToldMs = 6000;
}

CancelBar::CancelBar(const PanelContext& context, QWidget* parent)
    : QWidget(parent),
      context_(context),
      text_(new QLabel(this)),
      yes_(new QPushButton(QStringLiteral("Cancel it"), this)),
      no_(new QPushButton(QStringLiteral("Keep it"), this)) {
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(12, 2, 8, 2);
    row->addWidget(text_, 1);
    row->addWidget(yes_);
    row->addWidget(no_);
    yes_->setProperty("primary", true);
    yes_->setToolTip(QStringLiteral("Enter or Y"));
    no_->setToolTip(QStringLiteral("Esc or N"));
    setFocusPolicy(Qt::StrongFocus);
    poll_.setInterval(kPollMs);
    hide_.setSingleShot(true);
    hide_.setInterval(kToldMs);
    connect(yes_, &QPushButton::clicked, this, &CancelBar::confirm);
    connect(no_, &QPushButton::clicked, this, &CancelBar::close_bar);
    connect(&poll_, &QTimer::timeout, this, [this] {
        if (question_.poll()) show_state();
    });
    connect(&hide_, &QTimer::timeout, this, &CancelBar::close_bar);
    hide();
}

void CancelBar::ask(const telemetry::RequestRow* row) {
    question_.ask(row);
    show_state();
    if (question_.state() == CancelQuestion::State::kAsking) setFocus();
}

void CancelBar::confirm() {
    question_.confirm(*context_.control);
    question_.poll();
    show_state();
    emit closed();
}

void CancelBar::close_bar() {
    const bool had_keys = hasFocus() || yes_->hasFocus() || no_->hasFocus();
    question_.dismiss();
    show_state();
    if (had_keys) emit closed();
}

void CancelBar::show_state() {
    using State = CancelQuestion::State;
    const State state = question_.state();
    text_->setText(question_.text());
    text_->setFont(context_.theme->words("small"));
    for (QPushButton* button : {yes_, no_}) {
        button->setVisible(state == State::kAsking);
        button->setFont(context_.theme->words("small"));
    }
    state == State::kSent ? poll_.start() : poll_.stop();
    state == State::kTold ? hide_.start() : hide_.stop();
    setVisible(state != State::kNone);
    emit changed();
    update();
}

void CancelBar::paintEvent(QPaintEvent* /*event*/) {
    QPainter painter(this);
    painter.fillRect(rect(), context_.theme->color("bg.raised"));
    painter.fillRect(0, 0, width(), 1,
                     context_.theme->color(question_.refused() ? "signal.bad" : "line.strong"));
}

void CancelBar::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
        case Qt::Key_Return:
        case Qt::Key_Enter:
            // A button passes Enter on: on "Keep it" it must not mean the opposite.
            return no_->hasFocus() ? close_bar() : confirm();
        case Qt::Key_Y:
            return confirm();
        case Qt::Key_Escape:
        case Qt::Key_N:
            return close_bar();
        default:
            QWidget::keyPressEvent(event);
    }
}

}  // namespace pitwall::panels
