// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "telemetry/event.h"
#include "telemetry/record/recorder.h"
#include "telemetry/summary/session_summary.h"

namespace pitwall::telemetry::testing {

/// A folder of its own for one test, removed with it.
class TemporaryFolder {
  public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    std::string path(const std::string& name) const { return (folder_ / name).string(); }
    std::vector<std::string> names() const;  ///< of the files in it, sorted

  private:
    std::filesystem::path folder_;
};

/// Sends `events` over a bus into a recorder. The bus gives the numbers 1, 2, ... again.
Status record(const std::vector<Event>& events, const std::string& path, RecorderOptions options = {});

/// Everything a session file gives, or what is wrong with it.
Result<std::vector<Event>> read_session(const std::string& path, size_t at_once = 1000);

/// The bytes that an event's kind uses; the rest is undefined.
std::string payload(const Event& event);
/// "" or a sentence about the first difference.
std::string difference(std::span<const Event> expected, std::span<const Event> got);

/// Every figure of a summary as text, to the last bit.
std::string as_text(const SummaryFigures& figures);
/// What must hold in every session file, as SQL that counts the exceptions.
void expect_sound_views(SQLite::Database& database);

/// A query's only value.
SQLite::Column one(SQLite::Database& database, const std::string& sql);

}  // namespace pitwall::telemetry::testing
