// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/record/session_copy.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "telemetry/record/session_file.h"

namespace pitwall::telemetry {

namespace {

constexpr int kBusyTimeoutMs = 2000;

Error cannot_save(const std::string& to, const std::string& why, bool full) {
    return {fmt::format("the session could not be saved to '{}' ({})", to, why),
            full ? "free some space, or save it elsewhere" : "save it elsewhere"};
}

/// In the same folder, so that a rename puts it into place.
std::string unfinished_name(const std::string& to) {
    const std::filesystem::path path(to);
    return (path.parent_path() / fmt::format(".{}.{}.part", path.filename().string(), ::getpid())).string();
}

/// One read transaction, whatever is written meanwhile. Not the backup interface, which copies the first page as it is
/// and with it the log that the original has.
Status vacuum_into(const std::string& from, const std::string& part, const std::string& to) {
    try {
        const SQLite::Database database(from, SQLite::OPEN_READONLY | SQLite::OPEN_NOMUTEX, kBusyTimeoutMs);
        SQLite::Statement copy(database, "VACUUM INTO ?");
        copy.bind(1, part);
        copy.exec();
    } catch (const SQLite::Exception& e) {
        // SQLite tells a limit on the size of files as a failed write.
        return cannot_save(to, e.what(), e.getErrorCode() == SQLITE_FULL || e.getErrorCode() == SQLITE_IOERR);
    }
    return {};
}

Status put_into_place(const std::string& part, const std::string& to, bool overwrite) {
    std::error_code none;
    const int file = ::open(part.c_str(), O_RDONLY | O_CLOEXEC);
    const bool safe = file >= 0 && ::fsync(file) == 0;
    const int error = errno;
    if (file >= 0) ::close(file);
    if (!safe) return cannot_save(to, std::strerror(error), error == ENOSPC || error == EDQUOT);
    if (Status still = check_session_path(to, overwrite); !still.ok()) return still;
    // The log of what was there is none of the copy; the file itself is replaced in one go.
    for (const char* beside : {"-wal", "-shm", "-journal"}) std::filesystem::remove(to + beside, none);
    if (std::rename(part.c_str(), to.c_str()) != 0) return cannot_save(to, std::strerror(errno), false);
    return {};
}

}  // namespace

Status copy_session(const std::string& from, const std::string& to, bool overwrite) {
    std::error_code none;
    if (std::filesystem::equivalent(from, to, none))
        return Error{fmt::format("'{}' is the file that is to be saved", to), "choose another file name"};
    if (Status allowed = check_session_path(to, overwrite); !allowed.ok()) return allowed;
    const std::string part = unfinished_name(to);
    remove_session_file(part);
    Status done = vacuum_into(from, part, to);
    if (done.ok()) done = put_into_place(part, to, overwrite);
    if (!done.ok()) remove_session_file(part);
    return done;
}

}  // namespace pitwall::telemetry
