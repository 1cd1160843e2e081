// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a request's row says, cell by cell. Free functions over the store, so that tests need no table.
#pragma once

#include <QString>
#include <vector>

#include "telemetry/store/store.h"

namespace pitwall::panels {

enum class RequestColumn {
    kRequest,
    kState,
    kPrompt,
    kCached,
    kOutput,
    kBlocks,
    kTtft,
    kTpot,
    kCauses,
    kCount
};
inline constexpr int kRequestColumns = static_cast<int>(RequestColumn::kCount);

QString column_title(RequestColumn column);
QString column_help(RequestColumn column);  ///< definition and unit, for the header's tool tip
bool is_number(RequestColumn column);       ///< right-aligned, in the number font

/// "waiting", "decode", "stop", "cancelled": the state, or how it ended.
QString state_text(const telemetry::RequestRow& row);
QString cell_text(const telemetry::RequestRow& row, RequestColumn column);
/// The value that a column sorts by; a value that is not there yet comes last either way (NaN).
double sort_value(const telemetry::RequestRow& row, RequestColumn column);

struct CauseSlice {
    telemetry::Cause cause;
    int64_t ns;
};
/// The causes that took time, in their fixed order.
std::vector<CauseSlice> cause_slices(const telemetry::RequestRow& row);
int64_t cause_total_ns(const telemetry::RequestRow& row);
/// The `count` longest of them, still in their fixed order.
std::vector<CauseSlice> longest_slices(const telemetry::RequestRow& row, size_t count);
const char* short_cause_name(telemetry::Cause cause);   ///< "budget wait": fits under a bar
QString cause_table(const telemetry::RequestRow& row);  ///< every cause with its time and share, a line each

/// The SLO that the session runs under, in ns; negative where none is known.
struct SloLimits {
    double ttft_ns = -1, tpot_ns = -1;
};
SloLimits slo_limits(const telemetry::Store& store);
bool missed(const telemetry::RequestRow& row, RequestColumn column, const SloLimits& slo);

/// "decode, 465 tokens"
QString detail_phrase(const telemetry::RequestRow& row);
/// "3.20 s so far"; of an ended one "3.20 s".
QString detail_time(const telemetry::RequestRow& row, int64_t now_ns);

QString csv_header();
QString csv_line(const telemetry::RequestRow& row, const telemetry::Store& store);

}  // namespace pitwall::panels
