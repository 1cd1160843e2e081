// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace pitwall::telemetry::testing {

/// Opens the file and, where that goes, takes everything from it that a replay would: all events into a store and a
/// summary, and a seek. Gives "" where nothing was wrong, else the sentence.
std::string exercise(const std::string& path);

/// Puts values that cannot be into a session: each choice picks table, row, column and value. Gives the statements.
std::string nonsense_updates(const std::string& path, std::span<const uint64_t> choices);

}  // namespace pitwall::telemetry::testing
