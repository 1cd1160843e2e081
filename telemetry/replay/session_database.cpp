// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/replay/session_database.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "telemetry/record/schema.h"
#include "telemetry/store/store.h"

namespace pitwall::telemetry {

namespace {

constexpr int kBusyTimeoutMs = 2000;
// One thread a connection: SQLite's own locks cost a fifth of the time.
const int kOneReader = SQLite::OPEN_READONLY | SQLite::OPEN_NOMUTEX;
/// Up to this size every page is looked at before use; above, damage is found where it is read.
constexpr uintmax_t kCheckWholeBytes = uintmax_t{256} << 20;

/// SQLite quotes what it could not read, which may be a page of anything.
std::string in_short(const std::string& what) {
    constexpr size_t kLongest = 80;
    std::string text = what.substr(0, kLongest);
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return what.size() > kLongest ? text + "..." : text;
}

Error not_a_session(const std::string& path, std::string_view why) {
    return {fmt::format("'{}' is not a Pitwall session ({})", path, why),
            "give a file that was recorded with --record"};
}

Status check_header(const std::string& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) return not_a_session(path, "a folder");
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return Error{fmt::format("cannot open '{}' ({})", path, std::strerror(errno)), "check the name"};
    std::array<char, 16> magic{};
    if (!file.read(magic.data(), magic.size())) return not_a_session(path, "too short");
    if (std::memcmp(magic.data(), "SQLite format 3", 16) != 0)
        return not_a_session(path, "not an SQLite file");
    return {};
}

/// In write-ahead mode, as its header says, but with no log beside it: its writer was killed and the file was copied
/// alone. Opened as usual, SQLite would want to make a log.
bool lacks_its_log(const std::string& path) {
    constexpr std::streamoff kReadVersionAt = 19;
    constexpr int kWriteAhead = 2;
    std::ifstream file(path, std::ios::binary);
    file.seekg(kReadVersionAt);
    std::error_code error;
    return file.get() == kWriteAhead && !std::filesystem::exists(path + "-wal", error);
}

/// "file:" URI: SQLite reads it as it lies there, without locks, logs or files beside it.
std::string immutable_uri(const std::string& path) {
    std::string uri = "file:";
    for (const char c : std::filesystem::absolute(path).string()) {
        const bool plain =
            std::isalnum(static_cast<unsigned char>(c)) != 0 || std::strchr("/._-", c) != nullptr;
        uri += plain ? std::string(1, c) : fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
    return uri + "?immutable=1";
}

std::unique_ptr<SQLite::Database> open_read_only(const std::string& path) {
    return lacks_its_log(path)
               ? std::make_unique<SQLite::Database>(immutable_uri(path), kOneReader | SQLite::OPEN_URI)
               : std::make_unique<SQLite::Database>(path, kOneReader, kBusyTimeoutMs);
}

void distrust(SQLite::Database& database) {
    database.exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA query_only=ON");
    // No cell of ours is larger than the longest text.
    sqlite3_limit(database.getHandle(), SQLITE_LIMIT_LENGTH, static_cast<int>(kMaxTextBytes) + 4096);
}

Status check_version(SQLite::Database& database, const std::string& path) {
    if (database.execAndGet("PRAGMA application_id").getInt() != kApplicationId)
        return not_a_session(path, "an SQLite file of something else");
    const int version = database.execAndGet("PRAGMA user_version").getInt();
    if (version > kFormatVersion)
        return Error{fmt::format("'{}' has session format {}, and this Pitwall reads up to {}", path, version,
                                 kFormatVersion),
                     "open it with a newer Pitwall"};
    if (version < 1) return not_a_session(path, fmt::format("its format is {}", version));
    return {};
}

/// A real table (no view, no virtual table, no generated column) with exactly the columns of the file's format.
Status check_table(SQLite::Database& database, const std::string& path, TableSpec table) {
    const int format = database.execAndGet("PRAGMA user_version").getInt();
    if (format_of(table.name) > format) return {};
    std::erase_if(table.columns,
                  [&](const std::string& column) { return format_of(table.name, column) > format; });
    SQLite::Statement definition(database, "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?");
    definition.bind(1, std::string(table.name));
    if (!definition.executeStep()) return damage_error(path, fmt::format("it has no table {}", table.name));
    if (!definition.getColumn(0).getString().starts_with("CREATE TABLE"))
        return damage_error(path, fmt::format("{} is no plain table", table.name));
    SQLite::Statement info(database, fmt::format("PRAGMA table_xinfo({})", table.name));
    size_t column = 0;
    for (; info.executeStep(); ++column) {
        const bool same = column < table.columns.size() &&
                          info.getColumn(1).getString() == table.columns[column] &&
                          info.getColumn(6).getInt() == 0;
        if (!same) return damage_error(path, fmt::format("table {} has other columns", table.name));
    }
    if (column != table.columns.size())
        return damage_error(path, fmt::format("table {} lacks columns", table.name));
    return {};
}

Status check_pages(SQLite::Database& database, const std::string& path) {
    std::error_code error;
    if (std::filesystem::file_size(path, error) > kCheckWholeBytes) return {};
    const std::string found = database.execAndGet("PRAGMA quick_check(1)").getString();
    if (found == "ok") return {};
    return damage_error(path, found.substr(0, found.find('\n')));
}

Status check_all(SQLite::Database& database, const std::string& path, PageCheck check) {
    distrust(database);
    if (Status status = check_version(database, path); !status.ok()) return status;
    for (const TableSpec& table : session_tables())
        if (Status status = check_table(database, path, table); !status.ok()) return status;
    return check == PageCheck::kWhole ? check_pages(database, path) : Status();
}

}  // namespace

Error damage_error(const std::string& path, const std::string& what) {
    return {fmt::format("'{}' is damaged ({})", path, in_short(what)), "use another copy of it"};
}

Result<std::unique_ptr<SQLite::Database>> open_own_recording(const std::string& path) {
    try {
        auto database = std::make_unique<SQLite::Database>(path, kOneReader);
        distrust(*database);
        return database;
    } catch (const SQLite::Exception& e) {
        return damage_error(path, e.what());
    }
}

Result<std::unique_ptr<SQLite::Database>> open_session_database(const std::string& path, PageCheck check) {
    if (Status status = check_header(path); !status.ok()) return status.error();
    try {
        auto database = open_read_only(path);
        if (Status status = check_all(*database, path, check); !status.ok()) return status.error();
        return database;
    } catch (const SQLite::Exception& e) {
        if (e.getErrorCode() == SQLITE_NOTADB) return not_a_session(path, "not an SQLite file");
        if (e.getErrorCode() == SQLITE_CANTOPEN || e.getErrorCode() == SQLITE_READONLY)
            return Error{fmt::format("cannot read '{}' with its log ({})", path, e.what()),
                         "copy it and '" + path + "-wal' to a folder that you may write to"};
        return damage_error(path, e.what());
    }
}

}  // namespace pitwall::telemetry
