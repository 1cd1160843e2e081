// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/prompt/prompt_panel.h"

#include <QHBoxLayout>
#include <QKeyEvent>
#include <QPainter>
#include <QScrollBar>
#include <QVBoxLayout>

#include "panels/common/format.h"

namespace pitwall::panels {
namespace {
constexpr int kPollMs = 30;
/// Below this height the fields behind More take the place of the text.
constexpr int kRoomForAll = 320;
}  // namespace

PromptPanel::PromptPanel(PanelContext context, QWidget* parent)
    : Panel(context, parent),
      presenter_(*context_.store),
      modes_(new SegmentedControl(context_.theme, {"Chat", "Text"}, this)),
      new_chat_(new QPushButton(QStringLiteral("New chat"), this)),
      send_(new QPushButton(QStringLiteral("Send"), this)),
      turns_(new QTextEdit(this)),
      input_(new QPlainTextEdit(this)),
      fields_(new SamplingFields(context_.theme, this)),
      status_(new QLabel(this)) {
    build();
    setFocusProxy(input_);
    poll_.setInterval(kPollMs);
    connect(&poll_, &QTimer::timeout, this, &PromptPanel::poll);
    connect(send_, &QPushButton::clicked, this, &PromptPanel::send);
    connect(new_chat_, &QPushButton::clicked, this, [this] {
        presenter_.new_chat();
        show_state();
        input_->setFocus();
    });
    connect(modes_, &SegmentedControl::chosen, this, [this](int mode) {
        presenter_.set_chat(mode == 0);
        show_state();
    });
    connect(fields_->more(), &QPushButton::toggled, this, &PromptPanel::make_room);
    connect(context_.theme, &Theme::changed, this, &PromptPanel::take_theme);
    take_theme();
    show_state();
}

void PromptPanel::build() {
    modes_->hide();  // until the title bar takes it
    auto* foot = new QHBoxLayout;
    foot->addWidget(fields_->more());
    foot->addWidget(status_, 1);
    foot->addWidget(new_chat_);
    foot->addWidget(send_);
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(12, 4, 12, 10);
    all->setSpacing(8);
    all->addWidget(turns_, 3);
    all->addWidget(input_, 2);
    all->addWidget(fields_);
    all->addLayout(foot);
    turns_->setReadOnly(true);
    turns_->setFrameShape(QFrame::NoFrame);
    turns_->setFocusPolicy(Qt::ClickFocus);
    turns_->setAccessibleName(QStringLiteral("Turns of the chat"));
    input_->setPlaceholderText(QStringLiteral("Ask the model something. Ctrl+Enter sends"));
    input_->setAccessibleName(QStringLiteral("Prompt"));
    input_->setTabChangesFocus(true);
    input_->installEventFilter(this);
    input_->setMinimumHeight(36);
    turns_->setMinimumHeight(0);
    status_->setWordWrap(true);
    send_->setProperty("primary", true);
    send_->setToolTip(QStringLiteral("Ctrl+Enter"));
}

void PromptPanel::take_theme() {
    const Theme& t = *context_.theme;
    const auto name = [&](const char* token) { return t.color(token).name(); };
    turns_->setStyleSheet(QStringLiteral("QTextEdit { background: %1; color: %2; border: none; padding: 0; }")
                              .arg(name("bg.panel"), name("text.primary")));
    turns_->setFont(t.words("stream"));
    input_->setFont(t.words("stream"));
    fields_->take_theme();
    status_->setFont(t.words("small"));
    for (QPushButton* button : {send_, new_chat_}) button->setFont(t.words("small", 500));
    turns_shown_.clear();
    show_state();
    update();
}

void PromptPanel::make_room() {
    const bool tight = fields_->more()->isChecked() && height() < context_.theme->scaled(kRoomForAll);
    input_->setVisible(!tight);
    turns_->setVisible(!tight && !turns_shown_.isEmpty());
}

void PromptPanel::resizeEvent(QResizeEvent* event) {
    Panel::resizeEvent(event);
    make_room();
}

void PromptPanel::send() {
    fields_->more()->setChecked(false);
    fields_->fill(presenter_.settings());
    if (presenter_.send(input_->toPlainText(), *context_.control)) poll();
    show_state();
}

void PromptPanel::poll() {
    const RequestId accepted = presenter_.poll();
    if (accepted != kNoRequest) {
        input_->clear();
        context_.selection->select_request(accepted);
    }
    show_state();
}

void PromptPanel::session_changed() {
    presenter_.drop_session();
    show_state();
}

void PromptPanel::refresh() {
    if (presenter_.refresh()) show_state();
}

void PromptPanel::show_state() {
    using State = PromptPresenter::State;
    const State state = presenter_.state();
    state == State::kSent ? poll_.start() : poll_.stop();
    send_->setEnabled(state != State::kSent);
    new_chat_->setVisible(presenter_.chat() && !presenter_.turns().empty());
    const bool bad = state == State::kError;
    status_->setText(bad ? QStringLiteral("\u2715 ") + presenter_.status() : presenter_.status());
    status_->setStyleSheet(
        QStringLiteral("color: %1").arg(context_.theme->color(bad ? "signal.bad" : "text.secondary").name()));
    show_turns();
}

/// Rewritten as a whole: a chat is short, and its last turn alone grows.
void PromptPanel::show_turns() {
    const Theme& t = *context_.theme;
    QString html;
    for (const PromptPresenter::Turn& turn : presenter_.turns()) {
        const bool mine = turn.role == QStringLiteral("user");
        const QString colour = mine ? t.color("text.secondary").name() : t.request(turn.request).name();
        html += QStringLiteral(
                    "<p style='margin:0 0 8px 0'><span style='color:%1; font-weight:600'>%2</span><br>%3</p>")
                    .arg(colour, mine ? QStringLiteral("You") : format_request(raw(turn.request)),
                         turn.text.toHtmlEscaped().replace(u'\n', QStringLiteral("<br>")));
    }
    if (html == turns_shown_) return;
    turns_shown_ = html;
    make_room();
    QScrollBar* bar = turns_->verticalScrollBar();
    const bool at_end = bar->value() >= bar->maximum() - 4;
    const int place = bar->value();
    turns_->setHtml(html);
    bar->setValue(at_end ? bar->maximum() : place);
}

bool PromptPanel::eventFilter(QObject* watched, QEvent* event) {
    if (watched == input_ && event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        const bool enter = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
        if (enter && key->modifiers().testFlag(Qt::ControlModifier)) return send(), true;
    }
    return Panel::eventFilter(watched, event);
}

void PromptPanel::paintEvent(QPaintEvent* /*event*/) {
    QPainter painter(this);
    painter.fillRect(rect(), context_.theme->color("bg.panel"));
}

}  // namespace pitwall::panels
