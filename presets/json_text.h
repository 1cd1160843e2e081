// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "telemetry/base/result.h"

namespace pitwall::presets {

/// JSON of somebody else's making: at most `max_depth` levels, no key twice in an object. `name` is what the
/// sentence calls the text ("preset p.json", "requests.jsonl line 3").
Result<nlohmann::json> parse_json(std::string_view text, std::string_view name, size_t max_depth = 16);

/// The whole of a regular file, refused above `max_bytes` before anything is allocated for it. `what` names
/// the kind of file for the hint ("a preset file").
Result<std::string> read_text_file(const std::string& path, size_t max_bytes, std::string_view what);

/// Writes beside the file and renames, so that a reader never sees half of it.
Status write_text_file(const std::string& path, std::string_view text);

}  // namespace pitwall::presets
