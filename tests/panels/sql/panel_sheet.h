// SPDX-License-Identifier: GPL-3.0-or-later
//
// Every number that the panels show of a store, read from their presenters.
#pragma once

#include "telemetry/store/store.h"
#include "tests/panels/sql/sheet.h"

namespace pitwall::testing {

Shown panel_sheet(const telemetry::Store& store, uint64_t last_seq);

// Its parts: the panels over a range of time, the charts, and what is now.
void show_ranges(const telemetry::Store& store, Shown& shown);
void show_charts(const telemetry::Store& store, Shown& shown);
void show_steps(const telemetry::Store& store, Shown& shown);
void show_blocks(const telemetry::Store& store, Shown& shown);
void show_requests(const telemetry::Store& store, Shown& shown);
void show_knobs(const telemetry::Store& store, Shown& shown);
void show_precision(const telemetry::Store& store, telemetry::TimeRange range, const std::string& name,
                    Shown& shown);
void show_memory(const telemetry::Store& store, telemetry::TimeRange range, const std::string& name,
                 Sheet& sheet);
void show_device(const telemetry::Store& store, telemetry::TimeRange range, const std::string& name,
                 Sheet& sheet);
void show_speculation(const telemetry::Store& store, telemetry::TimeRange range, const std::string& name,
                      Sheet& sheet);
void show_precision_charts(const telemetry::Store& store, telemetry::TimeRange window,
                           const std::string& name, Shown& shown);

}  // namespace pitwall::testing
