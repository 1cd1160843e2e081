// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "telemetry/base/result.h"

namespace pitwall::telemetry {

/// Whether a recording may begin at `path`, without touching anything there. A session that is there already may be
/// replaced where `overwrite` says so, unless another program has it open; an empty file may be in any case, and any
/// other file never.
Status check_session_path(const std::string& path, bool overwrite);
/// Makes an empty file at `path`, after that check; what was there is removed, with what SQLite left beside it.
Status create_session_file(const std::string& path, bool overwrite);
/// Removes a session file and what SQLite may have left beside it.
void remove_session_file(const std::string& path) noexcept;
/// Of the file and its log, as the file system says; 0 where there is none.
uint64_t session_file_bytes(const std::string& path);
/// True for a file that says so in its header: a session of any version.
bool is_session_file(const std::string& path);

/// Disk space held back while a recording runs, so that when the disk is full there is room to mark its end. A file
/// with no name: gone with the process, however that ends.
class SpaceReserve {
  public:
    SpaceReserve(const std::string& folder_of, long bytes);
    ~SpaceReserve() { release(); }
    SpaceReserve(const SpaceReserve&) = delete;
    SpaceReserve& operator=(const SpaceReserve&) = delete;
    void release();

  private:
    int file_ = -1;
};

}  // namespace pitwall::telemetry
