// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "presets/advice.h"
#include "presets/byte_size.h"
#include "presets/knob.h"
#include "presets/nearest.h"

namespace pitwall::presets {

namespace {

std::string number_text(double value) {
    const bool whole = std::abs(value) < 9e15 && value == std::floor(value);
    return whole ? fmt::format("{}", static_cast<int64_t>(value)) : fmt::format("{}", value);
}

std::string joined(std::span<const std::string_view> words) {
    return fmt::format("{}", fmt::join(words, ", "));
}

/// "1 to 4096 sequences, or off"
std::string range_text(const KnobSpec& knob) {
    if (knob.type == KnobType::kBoolean) return "true or false";
    if (knob.type == KnobType::kChoice) return "one of " + joined(knob.choices);
    const bool off_is_lowest = has_off(knob) && knob.off_value == knob.minimum;
    const double lowest = off_is_lowest ? knob.minimum + 1 : knob.minimum;
    std::string text = fmt::format("{} to {}", number_text(lowest), number_text(knob.maximum));
    if (is_size(knob))
        text += fmt::format(" bytes ({} to {})", byte_size_text(lowest), byte_size_text(knob.maximum));
    else if (!knob.unit.empty())
        text += fmt::format(" {}", knob.unit);
    if (has_off(knob)) text += ", or off";
    return text;
}

Error refused(const KnobSpec& knob, std::string_view text, std::string_view why) {
    return {fmt::format("{}={} {}", knob.name, shown(text), why),
            fmt::format("give {} {}", knob.name, range_text(knob))};
}

Result<double> parse_boolean(const KnobSpec& knob, std::string_view text) {
    for (const std::string_view word : {"true", "on", "yes", "1"})
        if (text == word) return 1.0;
    for (const std::string_view word : {"false", "off", "no", "0"})
        if (text == word) return 0.0;
    return refused(knob, text, "is neither true nor false");
}

Result<double> parse_choice(const KnobSpec& knob, std::string_view text) {
    const auto found = std::find(knob.choices.begin(), knob.choices.end(), text);
    if (found != knob.choices.end()) return static_cast<double>(found - knob.choices.begin());
    return Error{fmt::format("{} has no choice \"{}\"", knob.name, shown(text)),
                 did_you_mean(text, knob.choices, "it is " + range_text(knob))};
}

std::optional<double> plain_number(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole_text = error == std::errc{} && end == text.data() + text.size();
    return whole_text && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

Result<double> parse_number(const KnobSpec& knob, std::string_view text) {
    if (has_off(knob) && text == "off") return knob.off_value;
    const auto value = is_size(knob) ? parse_byte_size(text) : plain_number(text);
    if (!value) return refused(knob, text, is_size(knob) ? "is no size" : "is not a number");
    if (knob.type == KnobType::kInteger && *value != std::floor(*value))
        return refused(knob, text, "is not a whole number");
    if (*value < knob.minimum || *value > knob.maximum) return refused(knob, text, "is out of range");
    return *value;
}

}  // namespace

Result<double> parse_value(const KnobSpec& knob, std::string_view text) {
    if (knob.type == KnobType::kBoolean) return parse_boolean(knob, text);
    if (knob.type == KnobType::kChoice) return parse_choice(knob, text);
    return parse_number(knob, text);
}

std::string format_value(const KnobSpec& knob, double value) {
    if (knob.type == KnobType::kBoolean) return value != 0 ? "true" : "false";
    if (knob.type == KnobType::kChoice) {
        const auto index =
            static_cast<size_t>(std::clamp(value, 0.0, static_cast<double>(knob.choices.size() - 1)));
        return std::string(knob.choices[index]);
    }
    if (has_off(knob) && value == knob.off_value) return "off";
    return number_text(value);
}

std::string display_value(const KnobSpec& knob, double value) {
    if (knob.type == KnobType::kBoolean) return value != 0 ? "on" : "off";
    std::string text =
        knob.type == KnobType::kReal ? fmt::format("{:.2f}", value) : format_value(knob, value);
    if (knob.unit.empty() || knob.type == KnobType::kChoice || text == "off") return text;
    if (is_size(knob)) return byte_size_text(value);
    return fmt::format("{} {}", text, knob.unit);
}

KnobValues::KnobValues() {
    for (const KnobSpec& row : knob_table()) values_[static_cast<size_t>(row.id)] = row.default_value;
}

Status KnobValues::set_from_text(std::string_view assignment) {
    const size_t equals = assignment.find('=');
    if (equals == std::string_view::npos || equals == 0)
        return Error{fmt::format("\"{}\" is no setting", shown(assignment)),
                     "write KNOB=VALUE, such as max_num_seqs=8"};
    const std::string_view name = assignment.substr(0, equals);
    const KnobSpec* knob = find_knob(name);
    if (!knob) return Error{fmt::format("there is no knob \"{}\"", shown(name)), knob_advice(name)};
    auto value = parse_value(*knob, assignment.substr(equals + 1));
    if (!value.ok()) return value.error();
    set(knob->id, value.value());
    return {};
}

}  // namespace pitwall::presets
