// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "presets/advice.h"
#include "presets/nearest.h"

namespace pitwall::presets {

namespace {

constexpr std::array<std::string_view, 4> kNames = {"vllm", "sglang", "tensorrt-llm", "llama-server"};
constexpr std::array<std::string_view, 4> kPrograms = {"vllm serve MODEL",
                                                       "python3 -m sglang.launch_server --model-path MODEL",
                                                       "", "llama-server --model MODEL"};

/// One setting in the other engine's words: a flag (or YAML path) and its value, "" for none.
struct Item {
    std::string flag, value;
};

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        const size_t at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

std::vector<Item> boolean_items(const Spelling& theirs, bool on, bool yaml) {
    if (yaml) return {{std::string(theirs.flag), on ? "true" : "false"}};
    const std::string_view words = on ? theirs.flag : theirs.off;
    if (words.empty()) return {};
    const auto parts = split(words, ' ');
    return {{std::string(parts[0]), parts.size() > 1 ? std::string(parts[1]) : std::string()}};
}

/// The value in their words; nothing when they have none for it.
std::optional<std::string> value_text(const KnobSpec& knob, const Spelling& theirs, double value) {
    if (knob.type == KnobType::kChoice) {
        const auto words = split(theirs.choices, ',');
        const auto index = static_cast<size_t>(value);
        if (index >= words.size() || words[index] == "-") return std::nullopt;
        return std::string(words[index]);
    }
    if (has_off(knob) && value == knob.off_value && !theirs.has_off) return std::nullopt;
    const double scaled = value * theirs.scale;
    return knob.type == KnobType::kInteger ? fmt::format("{}", static_cast<int64_t>(scaled))
                                           : fmt::format("{}", scaled);
}

/// What the setting becomes there; nothing when it has no equivalent.
std::optional<std::vector<Item>> translate(const KnobSpec& knob, const Spelling& theirs, double value,
                                           bool yaml) {
    if (theirs.flag.empty() && theirs.off.empty()) return std::nullopt;
    if (knob.type == KnobType::kBoolean) return boolean_items(theirs, value != 0, yaml);
    const auto text = value_text(knob, theirs, value);
    if (!text) return std::nullopt;
    std::vector<Item> items;
    if (text->empty()) return items;
    const auto flags = split(theirs.flag, ' '), words = split(*text, '/');
    for (size_t i = 0; i < flags.size(); ++i)
        items.push_back({std::string(flags[i]), std::string(words[std::min(i, words.size() - 1)])});
    return items;
}

std::string with_note(std::string_view sentence, std::string_view note) {
    return note.empty() ? std::string(sentence) : fmt::format("{} ({})", sentence, note);
}

std::string command_line(Target target, const std::vector<Item>& items) {
    std::string text(kPrograms[static_cast<size_t>(target)]);
    for (const Item& item : items)
        text += fmt::format(" \\\n  {}{}{}", item.flag, item.value.empty() ? "" : " ", item.value);
    return text + "\n";
}

/// One level of nesting is all that the table's paths need.
std::string yaml(const std::vector<Item>& items, const std::vector<std::string>& missing) {
    std::string text;
    std::map<std::string, std::string> sections;
    for (const Item& item : items) {
        const size_t dot = item.flag.find('.');
        if (dot == std::string::npos)
            text += fmt::format("{}: {}\n", item.flag, item.value);
        else
            sections[item.flag.substr(0, dot)] +=
                fmt::format("  {}: {}\n", item.flag.substr(dot + 1), item.value);
    }
    for (const auto& [section, lines] : sections) text.append(section).append(":\n").append(lines);
    for (const std::string& sentence : missing) text += "# " + sentence + "\n";
    return text.empty() ? "{}\n" : text;
}

}  // namespace

Result<Target> parse_target(std::string_view name) {
    const auto found = std::find(kNames.begin(), kNames.end(), name);
    if (found != kNames.end()) return static_cast<Target>(found - kNames.begin());
    return Error{fmt::format("no exporter is called \"{}\"", shown(name)),
                 did_you_mean(name, kNames, fmt::format("there are {}", fmt::join(kNames, ", ")))};
}

std::string_view target_name(Target target) { return kNames[static_cast<size_t>(target)]; }

const Spelling& spelling(const KnobSpec& knob, Target target) {
    switch (target) {
        case Target::kVllm:
            return knob.vllm;
        case Target::kSglang:
            return knob.sglang;
        case Target::kTensorRtLlm:
            return knob.tensorrt_llm;
        case Target::kLlamaServer:
            break;
    }
    return knob.llama_server;
}

Exported export_to(Target target, const KnobValues& values) {
    Exported out;
    std::vector<Item> items;
    std::map<std::string, std::string_view> taken;  // flag -> knob that uses it
    for (const KnobSpec& knob : knob_table()) {
        if (!values.given(knob.id)) continue;
        const Spelling& theirs = spelling(knob, target);
        const std::string ours = fmt::format("{}={}", knob.name, format_value(knob, values.get(knob.id)));
        const auto translated = translate(knob, theirs, values.get(knob.id), target == Target::kTensorRtLlm);
        const std::string_view note = note_of(theirs, values.get(knob.id));
        if (!translated) {
            out.missing.push_back(
                with_note(fmt::format("{} has no equivalent in {}", ours, target_name(target)), note));
            continue;
        }
        if (!note.empty()) out.notes.push_back(fmt::format("{}: {}", ours, note));
        for (const Item& item : *translated) {
            if (taken.emplace(item.flag, knob.name).second)
                items.push_back(item);
            else
                out.missing.push_back(
                    fmt::format("{} is left out: {} already sets {}", ours, taken[item.flag], item.flag));
        }
    }
    out.text = target == Target::kTensorRtLlm ? yaml(items, out.missing) : command_line(target, items);
    return out;
}

}  // namespace pitwall::presets
