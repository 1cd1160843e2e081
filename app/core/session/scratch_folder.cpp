// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/scratch_folder.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <optional>

#include "telemetry/record/session_file.h"

namespace pitwall::app {

namespace {

namespace fs = std::filesystem;

constexpr size_t kMostLeftOver = 3;
constexpr int64_t kOldest_s = int64_t{7} * 24 * 3600;
constexpr uint64_t kLeastBytes = uint64_t{64} << 20, kShareOfFree = 10;
constexpr const char *kSuffix = ".db", *kLockSuffix = ".lock";

/// A file of ours with flock() on it, until it is closed; -1 with errno set.
int locked(const std::string& path, int wait) {
    const int file = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0 || ::flock(file, LOCK_EX | wait) == 0) return file;
    const int error = errno;
    ::close(file);
    errno = error;
    return -1;
}

/// Only one process at a time names, counts or removes; held for as long as that takes.
class FolderLock {
  public:
    explicit FolderLock(const std::string& folder) : file_(locked(folder + "/.lock", 0)) {}
    ~FolderLock() {
        if (file_ >= 0) ::close(file_);
    }
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;
    bool held() const { return file_ >= 0; }

  private:
    int file_;
};

Error no_scratch(const std::string& folder, int error) {
    return {
        fmt::format("this session is not kept aside: '{}' cannot be used ({})", folder, std::strerror(error)),
        "record it with R where it matters"};
}

std::optional<int64_t> start_of(const std::string& name) {
    std::tm utc{};
    const char* rest = ::strptime(name.c_str(), "%Y%m%dT%H%M%SZ-", &utc);
    if (rest == nullptr || *rest == '\0' || !name.ends_with(kSuffix)) return std::nullopt;
    return ::timegm(&utc);
}

int64_t last_written_s(const std::string& path) {
    int64_t newest = 0;
    for (const char* suffix : {"", "-wal"}) {
        struct stat state {};
        if (::stat((path + suffix).c_str(), &state) == 0) newest = std::max<int64_t>(newest, state.st_mtime);
    }
    return newest;
}

/// Of a session whose process is gone; notes in its lock that it was found.
std::optional<LeftOver> look_at(const std::string& path, int64_t begun_s) {
    const int lock = locked(path + kLockSuffix, LOCK_NB);
    if (lock < 0) return std::nullopt;
    struct stat state {};
    const bool before = ::fstat(lock, &state) == 0 && state.st_size > 0;
    const ssize_t noted = before ? 0 : ::write(lock, "found\n", 6);
    static_cast<void>(noted);  // where that fails one is told again
    ::close(lock);
    return LeftOver{path, begun_s, before};
}

/// The lock of a session that is not there: its process was killed before it made the one or removed the other.
void remove_if_stale(const fs::path& lock_path) {
    std::error_code error;
    if (lock_path.extension() != kLockSuffix || lock_path.stem().extension() != kSuffix) return;
    if (fs::exists(fs::path(lock_path).replace_extension(), error)) return;
    const int lock = locked(lock_path.string(), LOCK_NB);
    if (lock < 0) return;  // claimed by one that is about to begin
    fs::remove(lock_path, error);
    ::close(lock);
}

void remove_all_of(const std::string& path) {
    telemetry::remove_session_file(path);
    std::error_code ignored;
    fs::remove(path + kLockSuffix, ignored);
}

}  // namespace

ScratchFile::~ScratchFile() {
    if (!kept_) remove_all_of(path_);
    ::close(lock_);
}

std::string ScratchFolder::default_path() {
    // The XDG rules: a path that is not absolute is to be ignored.
    const char* state = std::getenv("XDG_STATE_HOME");
    if (state != nullptr && *state == '/') return std::string(state) + "/pitwall/scratch";
    const char* home = std::getenv("HOME");
    return home != nullptr && *home == '/' ? std::string(home) + "/.local/state/pitwall/scratch" : "";
}

Result<std::unique_ptr<ScratchFile>> ScratchFolder::claim() const {
    std::error_code error;
    fs::create_directories(path_, error);
    if (error) return no_scratch(path_, error.value());
    if (::chmod(path_.c_str(), 0700) != 0) return no_scratch(path_, errno);
    const FolderLock alone(path_);
    if (!alone.held()) return no_scratch(path_, errno);
    const std::string begun =
        fmt::format("{:%Y%m%dT%H%M%SZ}-{}", fmt::gmtime(std::time(nullptr)), ::getpid());
    std::string path = path_ + '/' + begun + kSuffix;
    for (int again = 2; fs::exists(path + kLockSuffix, error); ++again)
        path = fmt::format("{}/{}-{}{}", path_, begun, again, kSuffix);
    const int lock = locked(path + kLockSuffix, LOCK_NB);
    if (lock < 0) return no_scratch(path_, errno);
    return std::unique_ptr<ScratchFile>(new ScratchFile(path, lock));
}

Result<uint64_t> ScratchFolder::room(uint64_t most_bytes) const {
    struct statvfs system {};
    if (::statvfs(path_.c_str(), &system) != 0) return no_scratch(path_, errno);
    const uint64_t share = uint64_t{system.f_bavail} * system.f_frsize / kShareOfFree;
    if (share < kLeastBytes)
        return Error{
            fmt::format("this session is not kept aside: there is too little free space for '{}'", path_),
            "free some, or record it with R where it matters"};
    return std::min(most_bytes, share);
}

std::vector<LeftOver> ScratchFolder::left_over() const {
    std::vector<LeftOver> found;
    std::error_code error;
    if (!fs::is_directory(path_, error)) return found;
    const FolderLock alone(path_);
    if (!alone.held()) return found;
    for (fs::directory_iterator entry(path_, error), end; !error && entry != end; entry.increment(error)) {
        const std::optional<int64_t> begun_s = start_of(entry->path().filename().string());
        if (!begun_s) {
            remove_if_stale(entry->path());
            continue;
        }
        if (auto one = look_at(entry->path().string(), *begun_s)) found.push_back(std::move(*one));
    }
    std::sort(found.begin(), found.end(),
              [](const LeftOver& a, const LeftOver& b) { return a.path > b.path; });
    std::vector<LeftOver> kept;
    for (LeftOver& one : found) {
        const bool old = std::time(nullptr) - last_written_s(one.path) > kOldest_s;
        if (old || kept.size() == kMostLeftOver)
            remove_all_of(one.path);
        else
            kept.push_back(std::move(one));
    }
    return kept;
}

}  // namespace pitwall::app
