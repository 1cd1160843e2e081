// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/answer_box.h"

#include <chrono>

namespace pitwall::app {

void AnswerBox::expect(QString what, std::future<telemetry::Answer> answer) {
    if (answer.valid()) pending_.push_back({std::move(what), std::move(answer)});
}

void AnswerBox::poll(const std::function<void(const QString&, bool)>& tell) {
    for (size_t i = 0; i < pending_.size();) {
        if (pending_[i].answer.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
            ++i;
            continue;
        }
        Pending done = std::move(pending_[i]);
        pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
        try {
            const telemetry::Answer answer = done.answer.get();
            if (answer.verdict != telemetry::Verdict::kAccepted)
                tell(done.what + QStringLiteral(": ") + QString::fromStdString(answer.reason),
                     answer.verdict == telemetry::Verdict::kRefused);
        } catch (const std::future_error&) {
            tell(done.what + QStringLiteral(": the session ended before it answered"), true);
        }
    }
}

}  // namespace pitwall::app
