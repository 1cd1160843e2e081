// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "app/core/cli/commands.h"
#include "app/core/cli/console.h"
#include "presets/byte_size.h"
#include "presets/export.h"
#include "presets/knob.h"

namespace pitwall::app {

namespace {

using namespace presets;
using nlohmann::ordered_json;

std::string_view type_name(KnobType type) {
    switch (type) {
        case KnobType::kInteger:
            return "integer";
        case KnobType::kReal:
            return "real";
        case KnobType::kBoolean:
            return "boolean";
        case KnobType::kChoice:
            break;
    }
    return "choice";
}

std::string_view effect_name(KnobEffect effect) {
    switch (effect) {
        case KnobEffect::kSchedule:
            return "schedule";
        case KnobEffect::kNumerics:
            return "numerics";
        case KnobEffect::kLimits:
            return "limits";
        case KnobEffect::kWorkload:
            return "workload";
        case KnobEffect::kView:
            break;
    }
    return "view";
}

ordered_json knob_json(const KnobSpec& knob, double value) {
    ordered_json row{
        {"name", knob.name}, {"group", knob.group}, {"type", type_name(knob.type)}, {"unit", knob.unit}};
    if (knob.type == KnobType::kChoice) row["choices"] = knob.choices;
    if (knob.type == KnobType::kInteger || knob.type == KnobType::kReal)
        row["minimum"] = knob.minimum, row["maximum"] = knob.maximum;
    row["default"] = format_value(knob, knob.default_value);
    row["value"] = format_value(knob, value);
    row["live"] = knob.live;
    if (!knob.live) row["reload_reason"] = knob.reload_reason;
    row["effect"] = effect_name(knob.effect);
    row["help"] = knob.help;
    for (const Target target : {Target::kVllm, Target::kSglang, Target::kTensorRtLlm, Target::kLlamaServer}) {
        const Spelling& theirs = spelling(knob, target);
        auto& spelt = row["spelling"][std::string(target_name(target))];
        spelt = {{"flag", theirs.flag}, {"off", theirs.off}, {"note", theirs.note}};
        if (!theirs.choice_notes.empty()) spelt["choice_notes"] = theirs.choice_notes;
    }
    return row;
}

std::string range_column(const KnobSpec& knob) {
    if (knob.type == KnobType::kChoice) return fmt::format("{}", fmt::join(knob.choices, "|"));
    if (knob.type == KnobType::kBoolean) return "true|false";
    if (is_size(knob))
        return fmt::format("{} .. {}", display_value(knob, knob.minimum), display_value(knob, knob.maximum));
    return fmt::format("{:.12g} .. {:.12g}", knob.minimum, knob.maximum);
}

void print_table(const KnobValues& values) {
    std::string_view group;
    for (const KnobSpec& knob : knob_table()) {
        if (knob.group != group) fmt::print("{}{}\n", group.empty() ? "" : "\n", knob.group);
        group = knob.group;
        fmt::print("  {:<30}{:<22}{}{}\n", knob.name, display_value(knob, values.get(knob.id)),
                   range_column(knob), knob.live ? "" : "  (not live)");
        fmt::print("      {}\n", knob.help);
    }
}

}  // namespace

void add_knobs(CLI::App& app, CommandContext& context) {
    CLI::App* command = app.add_subcommand("knobs", "the knob table: names, values, ranges, help");
    command->callback([&context] {
        context.chosen = [&context] {
            const KnobValues& values = context.session.knobs;
            if (!context.json) return print_table(values), kExitDone;
            ordered_json knobs = ordered_json::array();
            for (const KnobSpec& knob : knob_table()) knobs.push_back(knob_json(knob, values.get(knob.id)));
            print_json({{"knobs", knobs}});
            return kExitDone;
        };
    });
}

}  // namespace pitwall::app
