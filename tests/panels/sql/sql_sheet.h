// SPDX-License-Identifier: GPL-3.0-or-later
//
// The same numbers from the session file with plain SQL, by telemetry/FORMAT.md alone: nothing here knows the store,
// the statistics or the reader of recordings. Only how a number is written (panels/common/format.h) is the panels'.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include "tests/panels/sql/sheet.h"

namespace pitwall::testing {

/// A session file as it was after event `last_seq`.
class SessionSql {
  public:
    SessionSql(const std::string& path, uint64_t last_seq);

    /// The only value of a SELECT; NaN for NULL.
    double number(const std::string& select);
    int64_t integer(const std::string& select);
    std::string text(const std::string& select);
    /// Rows as they are printed, columns parted by a blank, NULL as nothing.
    std::vector<std::string> rows(const std::string& select);
    /// Quantile of the values `v` that a SELECT gives, linear between order statistics; NaN where there is none.
    double quantile(const std::string& select_v, double q);
    /// The effective value of a knob, `otherwise` where none was told.
    double knob(const std::string& name, double otherwise = 0);

    const uint64_t last_seq;
    int64_t now_ns = 0;  ///< of the newest event, the end of the newest step included
    SQLite::Database db;
};

/// The KV cache's format in force, which all blocks with something in them have: "f16".
std::string kv_format(SessionSql& sql);

/// " column in range" for a WHERE.
inline std::string within(const char* column, int64_t begin_ns, int64_t end_ns) {
    return fmt::format(" {0} >= {1} AND {0} < {2} ", column, begin_ns, end_ns);
}

struct SqlRange {
    std::string name;
    int64_t begin_ns, end_ns;
    double seconds() const { return double(end_ns - begin_ns) * 1e-9; }
};

/// All that `frame`'s panel_sheet() has.
Sheet sql_sheet(const std::string& path, const Frame& frame, uint64_t last_seq);

void compute_ranges(SessionSql& sql, const std::vector<SqlRange>& ranges, const Frame& frame, Sheet& sheet);
void compute_sparks(SessionSql& sql, Sheet& sheet);
void compute_charts(SessionSql& sql, const std::vector<SqlRange>& ranges, const Frame& frame, Sheet& sheet);
void compute_steps(SessionSql& sql, const Frame& frame, Sheet& sheet);
void compute_blocks(SessionSql& sql, Sheet& sheet);
void compute_memory(SessionSql& sql, const std::vector<SqlRange>& ranges, Sheet& sheet);
void compute_device(SessionSql& sql, const std::vector<SqlRange>& ranges, Sheet& sheet);
void compute_requests(SessionSql& sql, Sheet& sheet);
void compute_knobs(SessionSql& sql, Sheet& sheet);
/// After compute_knobs(), whose ranges of changes it takes.
void compute_precision(SessionSql& sql, const std::vector<SqlRange>& ranges, const Frame& frame,
                       Sheet& sheet);

}  // namespace pitwall::testing
