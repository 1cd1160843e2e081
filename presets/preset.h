// SPDX-License-Identifier: GPL-3.0-or-later
//
// A preset file: JSON with a schema version, a name and the settings somebody gave. docs/preset-schema.json
// describes it and is made from the knob table.
#pragma once

#include <string>
#include <string_view>

#include "presets/knob.h"

namespace pitwall::presets {

inline constexpr int kPresetVersion = 1;
inline constexpr size_t kMaxPresetBytes = size_t{64} * 1024;

struct Preset {
    std::string name;
    std::string description;  ///< may be empty
    KnobValues values;        ///< those of the file are `given`
};

/// `origin` is what the sentence calls the text: a file's path. Unknown keys are refused with the nearest known one.
Result<Preset> parse_preset(std::string_view text, std::string_view origin);
Result<Preset> load_preset(const std::string& path);

/// The settings given, as the file holds them; ends with a newline.
std::string preset_text(const Preset& preset);
Status save_preset(const std::string& path, const Preset& preset);

/// The JSON Schema (2020-12) of preset files, made from the knob table.
std::string preset_schema_text();

}  // namespace pitwall::presets
