// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "telemetry/base/result.h"

namespace SQLite {
class Database;
}

namespace pitwall::telemetry {

enum class PageCheck : uint8_t {
    kWhole,      ///< looks at every page of files up to 256 MiB before anything is read
    kWhereRead,  ///< finds damage where it is read: for files that this process wrote
};

/// Opens a session file to read it, and nothing else: not SQLite, not ours, of a newer version, damaged pages, missing
/// or odd tables each give one clear sentence. A file that is being written, or whose writer was killed, is read with
/// the log beside it; nothing is changed or left behind.
Result<std::unique_ptr<SQLite::Database>> open_session_database(const std::string& path,
                                                                PageCheck check = PageCheck::kWhole);

/// The same of a file that this process is recording, and trusts. No one but SQLite may open such a file: closing any
/// other handle of it drops the locks by which SQLite tells other processes that it is being written.
Result<std::unique_ptr<SQLite::Database>> open_own_recording(const std::string& path);

/// What SQLite said while reading, as a sentence about the file.
Error damage_error(const std::string& path, const std::string& what);

}  // namespace pitwall::telemetry
