// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/failure_note.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QVBoxLayout>
#include <algorithm>

namespace pitwall::app {

FailureNote::FailureNote(panels::Theme* theme, const QString& sentence, QWidget* over)
    : QWidget(over),
      theme_(theme),
      heading_(new QLabel(QStringLiteral("The session could not be opened"), this)),
      sentence_(new QLabel(sentence, this)),
      again_(new QPushButton(QStringLiteral("Try again"), this)),
      recording_(new QPushButton(QStringLiteral("Open a recording\u2026"), this)) {
    auto* column = new QVBoxLayout(this);
    auto* buttons = new QHBoxLayout;
    column->addStretch(2);
    column->addWidget(heading_, 0, Qt::AlignHCenter);
    column->addWidget(sentence_);  // with an alignment it would not get the height of its second line
    column->addLayout(buttons);
    column->addStretch(3);
    buttons->addStretch();
    for (QPushButton* button : {again_, recording_}) {
        button->setAutoDefault(true);
        buttons->addWidget(button);
    }
    buttons->addStretch();
    sentence_->setObjectName(QStringLiteral("failure"));
    sentence_->setWordWrap(true);
    sentence_->setAlignment(Qt::AlignHCenter);
    sentence_->setTextFormat(Qt::PlainText);
    sentence_->setTextInteractionFlags(Qt::TextSelectableByMouse);  // a path is copied, not typed
    connect(again_, &QPushButton::clicked, this, &FailureNote::again_wanted);
    connect(recording_, &QPushButton::clicked, this, &FailureNote::recording_wanted);
    connect(theme_, &panels::Theme::changed, this, &FailureNote::restyle);
    restyle();
    over->installEventFilter(this);
    setGeometry(over->rect());
}

void FailureNote::restyle() {
    heading_->setFont(theme_->words("title", 600));
    sentence_->setFont(theme_->words("body"));
    sentence_->setStyleSheet(QStringLiteral("color: %1;").arg(theme_->color("text.secondary").name()));
    layout()->setSpacing(theme_->px("l"));
    keep_narrow();
    update();
}

/// A line that runs across a wide window is hard to read.
void FailureNote::keep_narrow() {
    const int side = std::max(theme_->px("l"), (width() - theme_->scaled(560)) / 2);
    layout()->setContentsMargins(side, 0, side, 0);
}

void FailureNote::resizeEvent(QResizeEvent* /*event*/) { keep_narrow(); }

void FailureNote::paintEvent(QPaintEvent* /*event*/) {
    QPainter painter(this);
    painter.fillRect(rect(), theme_->color("bg.window"));
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme_->color("bg.panel"));
    painter.drawRoundedRect(rect(), theme_->px("radius"), theme_->px("radius"));
}

bool FailureNote::eventFilter(QObject* watched, QEvent* event) {
    if (watched == parent() && event->type() == QEvent::Resize) setGeometry(parentWidget()->rect());
    return QWidget::eventFilter(watched, event);
}

}  // namespace pitwall::app
