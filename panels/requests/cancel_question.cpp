// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/requests/cancel_question.h"

#include "panels/common/format.h"

namespace pitwall::panels {

void CancelQuestion::ask(const telemetry::RequestRow* row) {
    if (state_ == State::kSent) return;
    refused_ = !row || row->ended();
    state_ = refused_ ? State::kTold : State::kAsking;
    if (!row) {
        text_ = QStringLiteral("No request is selected: choose one with J and K");
        return;
    }
    request_ = row->id;
    const QString name = format_request(raw(row->id));
    text_ =
        row->ended()
            ? QStringLiteral("%1 has ended already").arg(name)
            : QStringLiteral("Cancel %1 after %2 output tokens?").arg(name, format_count(row->output_tokens));
}

void CancelQuestion::confirm(telemetry::Control& control) {
    if (state_ != State::kAsking) return;
    answer_ = control.cancel(request_);
    state_ = State::kSent;
    text_ = QStringLiteral("Cancelling %1").arg(format_request(raw(request_)));
}

bool CancelQuestion::poll() {
    if (state_ != State::kSent || !answer_.valid()) return false;
    if (answer_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return false;
    const QString name = format_request(raw(request_));
    state_ = State::kTold;
    try {
        const telemetry::Answer answer = answer_.get();
        refused_ = answer.verdict == telemetry::Verdict::kRefused;
        text_ =
            refused_
                ? QStringLiteral("%1 was not cancelled: %2").arg(name, QString::fromStdString(answer.reason))
                : QStringLiteral("%1 was cancelled").arg(name);
    } catch (const std::future_error&) {  // the engine went away with the promise
        refused_ = true;
        text_ = QStringLiteral("%1 was not cancelled: the engine is gone").arg(name);
    }
    return true;
}

}  // namespace pitwall::panels
