// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/session_loader.h"

#include <QtGlobal>
#include <exception>

#include "panels/common/format.h"

namespace pitwall::app {

SessionLoader::~SessionLoader() {
    if (thread_.joinable()) thread_.join();
}

void SessionLoader::start(Open open) {
    Q_ASSERT(!loading());
    progress_ = {"Opening", 0, 0};
    result_.reset();
    thread_ = std::thread([this, open = std::move(open)] {
        const ProgressFn note = [this](const Progress& progress) {
            const std::lock_guard lock(mutex_);
            progress_ = progress;
        };
        std::optional<Opened> opened;
        try {
            opened.emplace(open(note));
        } catch (const std::exception&
                     e) {  // out of memory, a thread that cannot start: told like any other failure
            opened.emplace(Error{std::string("the session cannot be opened: ") + e.what(),
                                 "free some memory and try again"});
        }
        const std::lock_guard lock(mutex_);
        result_ = std::move(opened);
    });
}

Progress SessionLoader::progress() const {
    const std::lock_guard lock(mutex_);
    return progress_;
}

std::optional<SessionLoader::Opened> SessionLoader::take() {
    {
        const std::lock_guard lock(mutex_);
        if (!result_) return std::nullopt;
    }
    thread_.join();
    std::optional<Opened> result = std::move(result_);
    result_.reset();
    return result;
}

QString progress_sentence(const Progress& progress) {
    QString stage = QString::fromStdString(progress.stage);
    if (progress.total == 0) return stage;
    if (progress.total < 100'000)
        return QStringLiteral("%1, %2 of %3")
            .arg(stage, panels::format_count(int64_t(progress.done)),
                 panels::format_count(int64_t(progress.total)));
    return QStringLiteral("%1, %2 of %3 MB")
        .arg(stage, panels::format_fixed(double(progress.done) / 1e6, 0),
             panels::format_fixed(double(progress.total) / 1e6, 0));
}

}  // namespace pitwall::app
