// SPDX-License-Identifier: GPL-3.0-or-later
//
// The figures of range_stats.h from a session file, for ranges that the store has let go: the recording, finished or
// still being written, or a scratch session.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "telemetry/base/result.h"
#include "telemetry/record/recorded_request.h"
#include "telemetry/stats/range_stats.h"

namespace SQLite {
class Database;
}

namespace pitwall::telemetry {

/// One request as v_request has it.
struct RequestTimesRow {
    RequestId request{};
    RequestTimes times;
    int64_t scheduled_ns = -1;
    uint32_t prompt_tokens = 0, cached_tokens = 0;
};

/// One thread. Each call sees the file as it is then.
class SessionQuery {
  public:
    static Result<std::unique_ptr<SessionQuery>> open(const std::string& path);
    static Result<std::unique_ptr<SessionQuery>> open_own(
        const std::string& path);  ///< see open_own_recording()
    ~SessionQuery();
    SessionQuery(const SessionQuery&) = delete;
    SessionQuery& operator=(const SessionQuery&) = delete;

    /// Equal to range_stats() of a store that saw the same events, with `slo` in place of the knobs'.
    Result<RangeStats> range_stats(TimeRange range, const Slo& slo,
                                   Formula formula = Formula::kPitwall) const;
    Result<LatencySamples> latency_samples(TimeRange range, Formula formula = Formula::kPitwall) const;
    /// The prompt and the tokens of a request that has ended. Costs what happened while it lived, not what the file holds.
    Result<RecordedRequest> request(const RequestRow& row) const;

  private:
    SessionQuery(std::string path, std::unique_ptr<SQLite::Database> database);
    std::vector<RequestTimesRow> requests(TimeRange range) const;
    void add_steps(RangeStats& stats) const;
    uint64_t count(const std::string& from_where, TimeRange range) const;

    std::string path_;
    std::unique_ptr<SQLite::Database> database_;
};

/// SessionQuery::request(), or nothing where the file does not hold every token of it.
std::optional<RecordedRequest> recall_request(const Result<std::unique_ptr<SessionQuery>>& query,
                                              const RequestRow& row);

}  // namespace pitwall::telemetry
