// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/record/session_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "telemetry/record/schema.h"

namespace pitwall::telemetry {

namespace {

std::string hint_for(int error) {
    switch (error) {
        case ENOENT:
            return "make its folder first";
        case EACCES:
        case EPERM:
        case EROFS:
            return "choose a folder that you may write to";
        case ENOSPC:
        case EDQUOT:
            return "free some space, or record elsewhere";
        case EISDIR:
            return "name a file, not a folder";
        default:
            return "choose another file name";
    }
}

Error cannot_record(const std::string& path, int error) {
    return {"cannot record to '" + path + "' (" + std::strerror(error) + ")", hint_for(error)};
}

/// Another process holds one of SQLite's locks on it: it records there, or replays it.
bool is_open_elsewhere(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    struct flock lock {};
    lock.l_type = F_WRLCK, lock.l_whence = SEEK_SET;
    const bool locked = ::fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    ::close(file);
    return locked;
}

Status check_replacing(const std::string& path, bool overwrite) {
    if (!overwrite)
        return Error{"'" + path + "' is there already", "choose another file name, or add --overwrite"};
    if (!is_session_file(path))
        return Error{"'" + path + "' is not a session file, and is left alone", "choose another file name"};
    if (is_open_elsewhere(path))
        return Error{"'" + path + "' is open in another program, and is left alone",
                     "choose another file name, or end that program"};
    return {};
}

}  // namespace

uint64_t session_file_bytes(const std::string& path) {
    uint64_t bytes = 0;
    for (const char* suffix : {"", "-wal"}) {
        std::error_code error;
        const auto size = std::filesystem::file_size(path + suffix, error);
        if (!error) bytes += size;
    }
    return bytes;
}

bool is_session_file(const std::string& path) {
    std::array<unsigned char, 100> head{};
    std::ifstream file(path, std::ios::binary);
    if (!file.read(reinterpret_cast<char*>(head.data()), head.size())) return false;
    if (std::memcmp(head.data(), "SQLite format 3", 16) != 0) return false;
    const unsigned char* id = head.data() + 68;  // big-endian, says SQLite's description of its header
    return ((uint32_t{id[0]} << 24) | (uint32_t{id[1]} << 16) | (uint32_t{id[2]} << 8) | id[3]) ==
           kApplicationId;
}

void remove_session_file(const std::string& path) noexcept {
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm", "-journal"})
        std::filesystem::remove(path + suffix, ignored);
}

Status check_session_path(const std::string& path, bool overwrite) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (std::filesystem::is_directory(status))
        return Error{"cannot record to '" + path + "', a folder", "name a file in it"};
    const bool empty =
        std::filesystem::is_regular_file(status) && std::filesystem::file_size(path, error) == 0;
    if (std::filesystem::exists(status) && !empty) return check_replacing(path, overwrite);
    const auto folder = std::filesystem::path(path).parent_path();
    if (::access(folder.empty() ? "." : folder.c_str(), W_OK) != 0) return cannot_record(path, errno);
    return {};
}

Status create_session_file(const std::string& path, bool overwrite) {
    if (Status allowed = check_session_path(path, overwrite); !allowed.ok()) return allowed;
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) remove_session_file(path);
    const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    if (file < 0) return cannot_record(path, errno);
    ::close(file);
    return {};
}

SpaceReserve::SpaceReserve(const std::string& folder_of, long bytes) {
    const auto folder = std::filesystem::path(folder_of).parent_path();
    file_ = ::open(folder.empty() ? "." : folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    // Where the file system has no nameless files, or no room for this one, there is no reserve, and that is all.
    if (file_ >= 0 && ::posix_fallocate(file_, 0, bytes) != 0) release();
}

void SpaceReserve::release() {
    if (file_ >= 0) ::close(file_);
    file_ = -1;
}

}  // namespace pitwall::telemetry
