// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>

#include "telemetry/base/result.h"

namespace SQLite {
class Database;
}

namespace pitwall::telemetry {

/// Opens a session file to read it, and nothing else: not SQLite, not ours, of a newer version, damaged pages, missing
/// or odd tables each give one clear sentence. A file that is being written, or whose writer was killed, is read with
/// the log beside it; nothing is changed or left behind.
Result<std::unique_ptr<SQLite::Database>> open_session_database(const std::string& path);

/// What SQLite said while reading, as a sentence about the file.
Error damage_error(const std::string& path, const std::string& what);

}  // namespace pitwall::telemetry
