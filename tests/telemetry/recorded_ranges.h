// SPDX-License-Identifier: GPL-3.0-or-later
//
// The figures of range_stats.h by SQL over a session file: what the store's must equal.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include "telemetry/stats/range_stats.h"

namespace pitwall::telemetry::testing {

/// `slo` in place of the knobs'. An SQLite::Exception where the file is damaged.
RangeStats recorded_range_stats(const SQLite::Database& database, TimeRange range, const Slo& slo);

}  // namespace pitwall::telemetry::testing
