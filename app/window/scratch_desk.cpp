// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/scratch_desk.h"

#include <utility>

#include "panels/common/format.h"

namespace pitwall::app {

void ScratchDesk::attend(std::shared_ptr<Session> session) {
    session_ = std::move(session);
    told_ = false;
    next_look_ = {};
}

std::future<Result<SavedSession>> ScratchDesk::release() {
    session_.reset();
    return std::exchange(saved_, {});
}

void ScratchDesk::save(const QString& path) {
    if (!session_ || busy()) return;
    path_ = path;
    saved_ = std::async(std::launch::async, [session = session_, file = path.toStdString()] {
        return session->save_so_far(file, true);
    });
}

void ScratchDesk::look() {
    constexpr std::chrono::milliseconds kEvery(250);  // it asks the file system
    const auto now = std::chrono::steady_clock::now();
    if (!session_ || told_ || now < next_look_) return;
    next_look_ = now + kEvery;
    const ScratchState state = session_->scratch();
    if (state.trouble) note(QString::fromStdString(state.trouble->text()), true);
    if (state.full)
        note(QStringLiteral(
                 "The scratch recording is full at %1: it holds the first %2 of this session, which "
                 "Ctrl+S saves; R records what is to come")
                 .arg(panels::format_memory(double(state.bytes)).text(),
                      panels::format_clock_short(state.held_ns)),
             false);
    told_ = state.trouble || state.full;
}

void ScratchDesk::tell_of(const Result<SavedSession>& saved, const Tell& tell) {
    if (!saved.ok()) return tell(QString::fromStdString(saved.error().text()), true);
    tell(QStringLiteral("Saved the session up to %1 (%2) to %3")
             .arg(panels::format_clock_short(saved.value().held_ns),
                  panels::format_file_size(double(saved.value().bytes)).text(), path_),
         false);
}

void ScratchDesk::poll(bool quiet, const Tell& tell) {
    look();
    if (busy()) {
        if (saved_.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
            return tell_of(saved_.get(), tell);
        if (quiet) tell(QStringLiteral("Saving the session so far to %1").arg(path_), false);
        return;
    }
    if (!quiet || notes_.empty()) return;
    const Note next = notes_.front();
    notes_.pop_front();
    tell(next.sentence, next.bad);
}

}  // namespace pitwall::app
