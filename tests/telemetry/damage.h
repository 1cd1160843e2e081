// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace pitwall::telemetry::testing {

/// Opens the file and, where that goes, takes everything from it that a replay would: all events into a store and a
/// summary, and a seek. Gives "" where nothing was wrong, else the sentence.
std::string exercise(const std::string& path);

/// Statements that put a value that cannot be into a session: `choice` picks table, row, column and value.
std::string nonsense_update(const std::string& path, unsigned long long choice);

}  // namespace pitwall::telemetry::testing
