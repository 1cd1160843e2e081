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

/// Whether JSON may be written to `path`, without touching it. JSON that is there already may be replaced where
/// `overwrite` says so; an empty file, a device or a pipe may be written to in any case, and any other file never.
Status check_json_path(const std::string& path, bool overwrite);
/// Writes beside the file and renames, so that a reader never sees half of it. Replaces JSON that is there, and nothing
/// else.
Status write_json_file(const std::string& path, std::string_view text);

}  // namespace pitwall::presets
