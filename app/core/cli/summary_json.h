// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "telemetry/summary/session_summary.h"

namespace pitwall::app {

/// What --summary writes: figures from the events alone, times in ms, ratios without a denominator null.
nlohmann::ordered_json summary_json(const telemetry::SessionSummary& summary);

/// One line for people, such as a live run prints each second.
std::string summary_line(const telemetry::SummaryFigures& now, const telemetry::SummaryFigures& second_ago);

}  // namespace pitwall::app
