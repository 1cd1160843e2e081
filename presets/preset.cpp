// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/preset.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "presets/advice.h"
#include "presets/json_text.h"
#include "presets/nearest.h"

namespace pitwall::presets {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kVersionKey = "pitwall_preset";
constexpr std::array<std::string_view, 4> kKeys = {kVersionKey, "name", "description", "settings"};
constexpr size_t kMaxNameBytes = 200, kMaxDescriptionBytes = 2000;

Error wrong(std::string_view origin, std::string_view what, std::string_view hint) {
    return {fmt::format("preset {} {}", origin, what), std::string(hint)};
}

Status check_keys(const json& file, std::string_view origin) {
    for (const auto& [key, value] : file.items())
        if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end())
            return wrong(origin, fmt::format("has an unknown key \"{}\"", shown(key)),
                         did_you_mean(key, kKeys, fmt::format("it may have {}", fmt::join(kKeys, ", "))));
    const auto version = file.find(kVersionKey);
    if (version == file.end())
        return wrong(origin, fmt::format("has no \"{}\"", kVersionKey), "is it a preset of Pitwall?");
    if (!version->is_number_integer() || *version != kPresetVersion)
        return wrong(origin, fmt::format("has version {}", version->dump().substr(0, 20)),
                     fmt::format("this program reads version {}", kPresetVersion));
    if (!file.contains("settings") || !file["settings"].is_object())
        return wrong(origin, "has no object \"settings\"", "give {} for no settings");
    return {};
}

Result<std::string> text_field(const json& file, const char* key, size_t max_bytes, std::string_view origin) {
    const auto found = file.find(key);
    if (found == file.end()) return std::string();
    if (!found->is_string())
        return wrong(origin, fmt::format("has a \"{}\" that is no text", key), "put it in quotes");
    if (found->get_ref<const std::string&>().size() > max_bytes)
        return wrong(origin, fmt::format("has a \"{}\" that is too long", key), "shorten it");
    return found->get<std::string>();
}

/// The setting as `--set` would take it; "" when the JSON type is not the knob's.
std::string setting_text(const KnobSpec& knob, const json& value) {
    const bool off = has_off(knob) && value == "off";
    if (value.is_string()) return knob.type == KnobType::kChoice || off ? value.get<std::string>() : "";
    if (knob.type == KnobType::kBoolean)
        return value.is_boolean() ? (value.get<bool>() ? "true" : "false") : "";
    if (knob.type == KnobType::kChoice || !value.is_number()) return "";
    return value.dump();
}

Status read_setting(const std::string& key, const json& value, std::string_view origin, KnobValues& values) {
    const KnobSpec* knob = find_knob(key);
    if (!knob)
        return wrong(origin, fmt::format("has an unknown setting \"{}\"", shown(key)), knob_advice(key));
    const auto parsed = parse_value(*knob, setting_text(*knob, value));
    if (!parsed.ok()) return wrong(origin, "says " + parsed.error().what, parsed.error().hint);
    values.set(knob->id, parsed.value());
    return {};
}

json setting_json(const KnobSpec& knob, double value) {
    if (knob.type == KnobType::kBoolean) return value != 0;
    const std::string text = format_value(knob, value);
    if (knob.type == KnobType::kChoice || text == "off") return text;
    return knob.type == KnobType::kInteger ? json(static_cast<int64_t>(value)) : json(value);
}

}  // namespace

Result<Preset> parse_preset(std::string_view text, std::string_view origin) {
    if (text.empty())
        return wrong(origin, "is empty", "give a preset file, such as `pitwall preset save` writes");
    if (text.size() > kMaxPresetBytes)
        return wrong(origin, fmt::format("has more than {} bytes", kMaxPresetBytes), "give a preset file");
    auto file = parse_json(text, fmt::format("preset {}", origin), 4);
    if (!file.ok()) return file.error();
    if (!file.value().is_object())
        return wrong(origin, "is not a JSON object",
                     "give a preset file, such as `pitwall preset save` writes");
    if (auto status = check_keys(file.value(), origin); !status.ok()) return status.error();
    Preset preset;
    auto name = text_field(file.value(), "name", kMaxNameBytes, origin);
    if (!name.ok()) return name.error();
    auto description = text_field(file.value(), "description", kMaxDescriptionBytes, origin);
    if (!description.ok()) return description.error();
    preset.name = std::move(name).value(), preset.description = std::move(description).value();
    for (const auto& [key, value] : file.value()["settings"].items())
        if (auto status = read_setting(key, value, origin, preset.values); !status.ok())
            return status.error();
    return preset;
}

Result<Preset> load_preset(const std::string& path) {
    auto text = read_text_file(path, kMaxPresetBytes, "a preset file, such as `pitwall preset save` writes");
    if (!text.ok()) return text.error();
    return parse_preset(text.value(), path);
}

std::string preset_text(const Preset& preset) {
    ordered_json file;
    file[std::string(kVersionKey)] = kPresetVersion;
    file["name"] = preset.name;
    if (!preset.description.empty()) file["description"] = preset.description;
    ordered_json settings = ordered_json::object();
    for (const KnobSpec& knob : knob_table())
        if (preset.values.given(knob.id))
            settings[std::string(knob.name)] = setting_json(knob, preset.values.get(knob.id));
    file["settings"] = std::move(settings);
    return file.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Status save_preset(const std::string& path, const Preset& preset) {
    return write_json_file(path, preset_text(preset));
}

}  // namespace pitwall::presets
