// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/core/cli/commands.h"
#include "app/core/cli/console.h"
#include "presets/export.h"
#include "presets/json_text.h"
#include "presets/preset.h"

namespace pitwall::app {

namespace {

int save(const CommandContext& context, const std::string& path, const std::string& name) {
    if (auto status = presets::check_json_path(path, context.session.overwrite); !status.ok())
        return report(status.error(), kExitWrongUse);
    presets::Preset preset{name, context.preset_description, context.session.knobs};
    if (preset.name.empty()) preset.name = context.preset_name;
    if (preset.name.empty()) preset.name = std::filesystem::path(path).stem().string();
    const Status saved = presets::save_preset(path, preset);
    return saved.ok() ? kExitDone : report(saved.error(), kExitWrongUse);
}

int check(const CommandContext& context, const std::string& path) {
    const auto preset = presets::load_preset(path);
    if (!preset.ok()) return report(preset.error(), kExitWrongUse);
    nlohmann::ordered_json settings = nlohmann::ordered_json::object();
    for (const presets::KnobSpec& knob : presets::knob_table())
        if (preset.value().values.given(knob.id))
            settings[std::string(knob.name)] =
                presets::format_value(knob, preset.value().values.get(knob.id));
    if (context.json)
        print_json({{"valid", true}, {"path", path}, {"name", preset.value().name}, {"settings", settings}});
    else
        fmt::print("{} is a valid preset \"{}\" of {} setting{}\n", path, preset.value().name,
                   settings.size(), settings.size() == 1 ? "" : "s");
    return kExitDone;
}

int export_preset(const CommandContext& context, const std::string& path, const std::string& to) {
    const auto target = presets::parse_target(to);
    if (!target.ok()) return report(target.error(), kExitWrongUse);
    const auto preset = presets::load_preset(path);
    if (!preset.ok()) return report(preset.error(), kExitWrongUse);
    const presets::Exported out = presets::export_to(target.value(), preset.value().values);
    if (context.json) {
        print_json({{"to", to}, {"text", out.text}, {"notes", out.notes}, {"missing", out.missing}});
        return kExitDone;
    }
    fmt::print("{}", out.text);
    for (const std::string& note : out.notes) remark(note);
    for (const std::string& missing : out.missing) remark(missing);
    return kExitDone;
}

}  // namespace

void add_preset(CLI::App& app, CommandContext& context) {
    CLI::App* command =
        app.add_subcommand("preset", "settings as a file: save, check, export to other engines");
    command->require_subcommand(1);
    struct Options {
        std::string path, name, to;
    };
    const auto options = std::make_shared<Options>();

    CLI::App* saving =
        command->add_subcommand("save", "writes the settings given with --set and --preset to FILE");
    saving->add_option("FILE", options->path)->required();
    saving->add_option("--name", options->name, "instead of the file's");
    saving->callback([&context, options] {
        context.chosen = [&context, options] { return save(context, options->path, options->name); };
    });

    CLI::App* checking = command->add_subcommand("check", "says whether FILE is a valid preset");
    checking->add_option("FILE", options->path)->required();
    checking->callback([&context, options] {
        context.chosen = [&context, options] { return check(context, options->path); };
    });

    CLI::App* exporting =
        command->add_subcommand("export", "the settings of FILE as another engine spells them");
    exporting->add_option("FILE", options->path)->required();
    exporting->add_option("--to", options->to, "vllm, sglang, tensorrt-llm or llama-server")->required();
    exporting->callback([&context, options] {
        context.chosen = [&context, options] { return export_preset(context, options->path, options->to); };
    });

    CLI::App* schema = command->add_subcommand("schema", "the JSON Schema of preset files");
    schema->callback([&context] {
        context.chosen = [] {
            fmt::print("{}", presets::preset_schema_text());
            return kExitDone;
        };
    });
    for (CLI::App* each : {saving, checking, exporting, schema}) each->fallthrough();
    command->fallthrough();
}

}  // namespace pitwall::app
