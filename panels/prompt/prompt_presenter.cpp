// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/prompt/prompt_presenter.h"

#include <chrono>

#include "panels/common/format.h"

namespace pitwall::panels {

using telemetry::FinishReason;
using telemetry::RequestRow;

QString PromptPresenter::problem(const QString& text) const {
    if (state_ == State::kSent) return QStringLiteral("Still waiting for the engine to take the last one");
    if (text.trimmed().isEmpty()) return QStringLiteral("The prompt is empty: type something first");
    if (text.toUtf8().size() > kMaxBytes)
        return QStringLiteral("The prompt is longer than %1: shorten it")
            .arg(format_memory(double(kMaxBytes)).text());
    if (chat_ && state_ == State::kRunning)
        return QStringLiteral("The last turn is still running: wait for it, or start a new chat");
    return {};
}

telemetry::PromptSpec PromptPresenter::build(const QString& text) const {
    telemetry::PromptSpec spec = settings_;
    spec.request_class = "prompt";
    spec.prompt.clear();
    spec.messages.clear();
    if (!chat_) {
        spec.prompt = text.toStdString();
        return spec;
    }
    for (const Turn& turn : turns_)
        if (!turn.text.isEmpty()) spec.messages.push_back({turn.role.toStdString(), turn.text.toStdString()});
    spec.messages.push_back({"user", text.toStdString()});
    return spec;
}

bool PromptPresenter::send(const QString& text, telemetry::Control& control) {
    if (const QString wrong = problem(text); !wrong.isEmpty()) {
        if (state_ == State::kSent || state_ == State::kRunning)
            status_ = wrong;
        else
            fail(wrong);
        return false;
    }
    if (!chat_) turns_.clear();
    answer_ = control.submit(build(text));
    sent_text_ = text;
    state_ = State::kSent;
    status_ = QStringLiteral("Sent");
    return true;
}

void PromptPresenter::fail(const QString& why) {
    state_ = State::kError;
    status_ = why;
}

RequestId PromptPresenter::poll() {
    if (state_ != State::kSent || !answer_.valid()) return kNoRequest;
    if (answer_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return kNoRequest;
    telemetry::Answer answer;
    try {
        answer = answer_.get();
    } catch (const std::future_error&) {  // the engine went away with the promise
        return fail(QStringLiteral("Not sent: the engine is gone")), kNoRequest;
    }
    if (answer.verdict == telemetry::Verdict::kRefused)
        return fail(QStringLiteral("Refused: ") + QString::fromStdString(answer.reason)), kNoRequest;
    request_ = answer.request;
    note_ = answer.verdict == telemetry::Verdict::kClamped ? answer.reason : std::string();
    turns_.push_back({QStringLiteral("user"), sent_text_, request_});
    turns_.push_back({QStringLiteral("assistant"), {}, request_});
    state_ = State::kRunning;
    status_ = format_request(raw(request_)) + QStringLiteral(" accepted");
    refresh();
    return request_;
}

bool PromptPresenter::refresh() {
    if (state_ != State::kRunning) return false;
    const RequestRow* row = store_.find_request(request_);
    if (!row) return false;  // its events are on their way
    const QString before = status_ + (turns_.empty() ? QString() : turns_.back().text);
    follow(*row);
    return before != status_ + (turns_.empty() ? QString() : turns_.back().text);
}

void PromptPresenter::follow(const RequestRow& row) {
    if (!turns_.empty()) turns_.back().text = QString::fromStdString(store_.output_text(row.id));
    const QString name = format_request(raw(row.id)),
                  tokens = format_count(row.output_tokens) + QStringLiteral(" tokens");
    const QString note = note_.empty() ? QString() : QStringLiteral("; ") + QString::fromStdString(note_);
    if (!row.ended()) {
        const bool waits = row.state == telemetry::RequestState::kWaiting;
        status_ = name + (waits ? QStringLiteral(" is waiting") : QStringLiteral(", ") + tokens) + note;
        return;
    }
    const bool whole = row.finish_reason == FinishReason::kStop || row.finish_reason == FinishReason::kLength;
    if (!whole) {
        const QString why =
            row.error.empty() ? QStringLiteral("ended early") : QString::fromStdString(row.error);
        if (!turns_.empty() && turns_.back().text.isEmpty())
            turns_.pop_back();  // no answer: the question may be asked again
        if (!turns_.empty() && turns_.back().role == QStringLiteral("user")) turns_.pop_back();
        return fail(name + QStringLiteral(": ") + why);
    }
    state_ = State::kDone;
    const QString ttft = format_duration(static_cast<double>(row.ttft_ns())).text();
    status_ = QStringLiteral("%1: %2 in %3, TTFT %4%5")
                  .arg(name, tokens, format_duration(static_cast<double>(row.e2e_ns())).text(), ttft, note);
}

void PromptPresenter::new_chat() {
    turns_.clear();
    request_ = kNoRequest;
    if (state_ != State::kSent) state_ = State::kIdle;
    status_.clear();
}

void PromptPresenter::drop_session() {
    answer_ = {};
    state_ = State::kIdle;
    new_chat();
}

QString PromptPresenter::csv() const {
    QString out = QStringLiteral("request,role,text\n");
    for (const Turn& turn : turns_) {
        QString text = turn.text;
        out += QStringLiteral("%1,%2,\"%3\"\n")
                   .arg(format_request(raw(turn.request)), turn.role,
                        text.replace(u'"', QStringLiteral("\"\"")));
    }
    return out;
}

}  // namespace pitwall::panels
