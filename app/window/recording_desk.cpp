// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/recording_desk.h"

#include <chrono>
#include <utility>

namespace pitwall::app {

void RecordingDesk::attend(std::shared_ptr<Session> session) {
    session_ = std::move(session);
    state_ = {};
    look();
}

std::future<Status> RecordingDesk::release() {
    session_.reset();
    state_ = {};
    return std::exchange(answer_, {});
}

void RecordingDesk::run(Act act, std::function<Status(Session&)> work) {
    if (!session_ || busy()) return;
    act_ = act;
    answer_ = std::async(std::launch::async,
                         [session = session_, work = std::move(work)] { return work(*session); });
}

void RecordingDesk::begin(const QString& path) {
    path_ = path;
    run(Act::kBegin, [file = path.toStdString()](Session& session) { return session.start_recording(file); });
}

void RecordingDesk::end() {
    run(Act::kEnd, [](Session& session) { return session.end_recording(); });
}

void RecordingDesk::look() {
    if (!session_) return;
    state_.recording = session_->recording();
    state_.bytes = session_->recorded_bytes();
    state_.lag_ns = session_->recorder_lag_ns();
}

void RecordingDesk::tell_of(const Status& done, const Tell& tell) {
    const QString error = done.ok() ? QString() : QString::fromStdString(done.error().text());
    if (act_ != Act::kBegin && !done.ok()) state_.failed = QStringLiteral("Recording ended: ") + error;
    if (act_ == Act::kBegin && done.ok()) {
        state_.failed.clear();
        return tell(QStringLiteral("Recording to %1").arg(path_), false);
    }
    if (act_ == Act::kInquest) return tell(QStringLiteral("The recording ended by itself. ") + error, true);
    tell(done.ok() ? QStringLiteral("Recording ended") : error, !done.ok());
}

void RecordingDesk::poll(const Tell& tell) {
    if (busy()) {
        if (answer_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
        const Status done = answer_.get();
        look();
        return tell_of(done, tell);
    }
    const bool was = state_.recording;
    look();
    if (was && !state_.recording)
        run(Act::kInquest, [](Session& session) { return session.end_recording(); });
}

}  // namespace pitwall::app
