// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdint>
#include <nlohmann/json.hpp>

#include "presets/preset.h"

namespace pitwall::presets {

namespace {

using nlohmann::ordered_json;

std::string text(std::string_view view) { return std::string(view); }

ordered_json number_schema(const KnobSpec& knob) {
    ordered_json number;
    if (knob.type == KnobType::kInteger) {
        number["type"] = "integer";
        number["minimum"] = static_cast<int64_t>(knob.minimum),
        number["maximum"] = static_cast<int64_t>(knob.maximum);
    } else {
        number["type"] = "number";
        number["minimum"] = knob.minimum, number["maximum"] = knob.maximum;
    }
    if (!has_off(knob)) return number;
    ordered_json either;
    either["anyOf"] = ordered_json::array({number, ordered_json{{"const", "off"}}});
    return either;
}

ordered_json knob_schema(const KnobSpec& knob) {
    ordered_json schema;
    if (knob.type == KnobType::kBoolean) {
        schema["type"] = "boolean";
    } else if (knob.type == KnobType::kChoice) {
        for (const std::string_view choice : knob.choices) schema["enum"].push_back(text(choice));
    } else {
        schema = number_schema(knob);
    }
    const std::string unit = knob.unit.empty() ? "" : " Unit: " + text(knob.unit) + ".";
    schema["description"] =
        text(knob.help) + unit + (knob.live ? "" : " Not live: " + text(knob.reload_reason) + ".");
    if (knob.type == KnobType::kBoolean)
        schema["default"] = knob.default_value != 0;
    else if (knob.type == KnobType::kChoice || format_value(knob, knob.default_value) == "off")
        schema["default"] = format_value(knob, knob.default_value);
    else if (knob.type == KnobType::kInteger)
        schema["default"] = static_cast<int64_t>(knob.default_value);
    else
        schema["default"] = knob.default_value;
    return schema;
}

}  // namespace

std::string preset_schema_text() {
    ordered_json settings{
        {"type", "object"}, {"additionalProperties", false}, {"properties", ordered_json::object()}};
    for (const KnobSpec& knob : knob_table()) settings["properties"][text(knob.name)] = knob_schema(knob);
    settings["description"] = "The settings given; a knob that is not here keeps its value.";
    ordered_json schema;
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
    schema["title"] = "Pitwall preset";
    schema["type"] = "object";
    schema["additionalProperties"] = false;
    schema["required"] = {"pitwall_preset", "settings"};
    schema["properties"]["pitwall_preset"] = {{"const", kPresetVersion},
                                              {"description", "Version of this schema."}};
    schema["properties"]["name"] = {{"type", "string"}, {"maxLength", 200}};
    schema["properties"]["description"] = {{"type", "string"}, {"maxLength", 2000}};
    schema["properties"]["settings"] = std::move(settings);
    return schema.dump(2) + "\n";
}

}  // namespace pitwall::presets
