// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the store has let go of a request, from its session file: the recording, finished or still being written, or a
// scratch session.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "telemetry/base/result.h"
#include "telemetry/record/recorded_request.h"
#include "telemetry/store/store.h"

namespace SQLite {
class Database;
}

namespace pitwall::telemetry {

/// One thread. Each call sees the file as it is then.
class SessionQuery {
  public:
    static Result<std::unique_ptr<SessionQuery>> open(const std::string& path);
    static Result<std::unique_ptr<SessionQuery>> open_own(
        const std::string& path);  ///< see open_own_recording()
    ~SessionQuery();
    SessionQuery(const SessionQuery&) = delete;
    SessionQuery& operator=(const SessionQuery&) = delete;

    /// The prompt and the tokens of a request that has ended. Costs what happened while it lived, not what the file holds.
    Result<RecordedRequest> request(const RequestRow& row) const;

  private:
    SessionQuery(std::string path, std::unique_ptr<SQLite::Database> database);

    std::string path_;
    std::unique_ptr<SQLite::Database> database_;
};

/// SessionQuery::request(), or nothing where the file does not hold every token of it.
std::optional<RecordedRequest> recall_request(const Result<std::unique_ptr<SessionQuery>>& query,
                                              const RequestRow& row);

}  // namespace pitwall::telemetry
