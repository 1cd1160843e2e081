// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "telemetry/base/result.h"

namespace pitwall::telemetry {

/// Makes an empty file at `path` that nobody had before. With `overwrite`, a session file or an empty file that is
/// there is removed first, with what SQLite left beside it; any other file never is.
Status create_session_file(const std::string& path, bool overwrite);
/// Removes a session file and what SQLite may have left beside it.
void remove_session_file(const std::string& path) noexcept;
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
