// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/command_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <system_error>

#include "app/core/cli/checks.h"
#include "app/core/cli/commands.h"
#include "app/core/cli/console.h"
#include "app/core/cli/interrupts.h"
#include "app/core/cli/open_window.h"
#include "app/core/session/engine_parts.h"
#include "presets/advice.h"
#include "presets/preset.h"

namespace pitwall::app {

namespace {

void add_common_options(CLI::App& app, CommandContext& context) {
    app.add_option(
        "--model", context.session.model,
        "FILE (GGUF) or synthetic:SHAPE (tiny, smollm2-135m, llama-3.1-8b, ...; SHAPE:bf16 in bfloat16)");
    app.add_option("--draft-model", context.session.draft_model,
                   "FILE or synthetic:SHAPE of the same vocabulary: drafts (speculative_method=draft)");
    app.add_option(
           "--device", context.session.device,
           "auto, cpu, cuda, cuda:N, sim or sim:PROFILE; auto is a GPU where there is one; cuda:0,1 or "
           "cuda:0-3: several GPUs share the model (tensor parallel)")
        ->capture_default_str();
    app.add_option("--threads", context.session.threads,
                   "threads of the CPU executor; 0: as many as there are cores")
        ->check(CLI::Range(0, 1024));
    app.add_option("--preset", context.session.preset_path, "FILE of settings, read before --set");
    app.add_option("--set", context.settings, "KNOB=VALUE, repeatable; `pitwall knobs` lists them")
        ->allow_extra_args(false);
    app.add_option("--seed", context.session.seed, "of the workload and of random weights")
        ->check(whole_number())
        ->capture_default_str();
    app.add_flag("--json", context.json, "results as JSON");
    app.add_flag(
        "--overwrite", context.session.overwrite,
        "replace what is there at the name of a file to be written: a session by a session, JSON by JSON");
}

constexpr const char* kExitStatuses =
    "Exit status: 0 done, also where single requests were rejected or failed; 1 failed while running; 2 "
    "wrong use "
    "or an input that cannot be used; 130 interrupted";

void add_commands(CLI::App& app, CommandContext& context) {
    add_run(app, context);
    add_replay(app, context);
    add_generate(app, context);
    add_tokenize(app, context);
    add_detokenize(app, context);
    add_score(app, context);
    add_bench(app, context);
    add_knobs(app, context);
    add_preset(app, context);
    add_inspect(app, context);
    app.footer(kExitStatuses);
    for (CLI::App* command : app.get_subcommands(nullptr))
        command->footer(std::string("Options that hold everywhere, such as --model, --device, --set and "
                                    "--json: `pitwall --help`\n") +
                        kExitStatuses);
}

/// The deepest command that was named: its options are those that a misspelt word is compared with.
const CLI::App* named_command(const CLI::App& app) {
    const CLI::App* named = &app;
    while (!named->get_subcommands().empty()) named = named->get_subcommands().front();
    return named;
}

/// "pitwall preset export".
std::string words_of(const CLI::App* command) {
    if (command->get_parent() == nullptr) return "pitwall";
    return words_of(command->get_parent()) + " " + command->get_name();
}

std::vector<std::string> option_names(const CLI::App& app, const CLI::App& command) {
    std::vector<std::string> names;
    for (const CLI::App* each : {&command, &app})
        for (const CLI::Option* option : each->get_options())
            if (!option->get_lnames().empty()) names.push_back("--" + option->get_lnames().front());
    return names;
}

std::vector<std::string> command_names(const CLI::App& command) {
    std::vector<std::string> names;
    for (const CLI::App* each : command.get_subcommands(nullptr)) names.push_back(each->get_name());
    return names;
}

std::string advice_of(const std::string& word, const std::vector<std::string>& names,
                      const std::string& help) {
    const std::vector<std::string_view> views(names.begin(), names.end());
    return presets::did_you_mean(word, views, "see " + help);
}

/// Another engine's name for it says more than a guess at a misspelling.
std::string option_advice(const CLI::App& app, const std::string& word, const std::string& help) {
    const std::string here = presets::called_here(word);
    return here.empty()
               ? advice_of(word.substr(0, word.find('=')), option_names(app, *named_command(app)), help)
               : here;
}

Error unexpected(const CLI::App& app, const std::string& word) {
    const CLI::App* command = named_command(app);
    const std::string help = fmt::format("`{} --help`", words_of(command));
    if (word.starts_with("-"))
        return {fmt::format("there is no option {}", word), option_advice(app, word, help)};
    const auto commands = command_names(*command);
    if (!commands.empty())
        return {fmt::format("there is no command \"{}\"", word), advice_of(word, commands, help)};
    return {fmt::format("\"{}\" was not expected", word), fmt::format("see {}", help)};
}

Error wrong_words(const CLI::App& app, const CLI::ParseError& error) {
    const auto rest = app.remaining(true);
    const bool unknown_word =
        dynamic_cast<const CLI::ExtrasError*>(&error) || dynamic_cast<const CLI::RequiredError*>(&error);
    if (unknown_word && !rest.empty()) return unexpected(app, rest.front());
    const CLI::App* command = named_command(app);
    return {error.what(), fmt::format("see `{} --help`", words_of(command))};
}

Status read_preset(CommandContext& context) {
    auto preset = presets::load_preset(context.session.preset_path);
    if (!preset.ok()) return preset.error();
    context.session.knobs = preset.value().values;
    context.preset_name = preset.value().name, context.preset_description = preset.value().description;
    return {};
}

/// The preset first, then the settings in order; the last word on a knob holds.
Status read_settings(CommandContext& context) {
    presets::KnobValues by_hand;
    if (!context.session.preset_path.empty())
        if (auto status = read_preset(context); !status.ok()) return status;
    const presets::KnobValues of_preset = context.session.knobs;
    for (const std::string& setting : context.settings)
        for (presets::KnobValues* values : {&by_hand, &context.session.knobs})
            if (auto status = values->set_from_text(setting); !status.ok()) return status.error();
    for (const presets::KnobSpec& knob : presets::knob_table())
        if (of_preset.given(knob.id) && !by_hand.given(knob.id))
            context.session.from_preset.push_back(knob.id);
    // Who gives one means to use it.
    const auto method = presets::KnobId::kSpeculativeMethod;
    if (!context.session.draft_model.empty() && !context.session.knobs.given(method))
        context.session.knobs.set(method, static_cast<double>(presets::SpeculativeMethod::kDraft));
    const auto device = parse_device(context.session.device);
    return device.ok() ? Status() : Status(device.error());
}

/// What nobody below knows how to answer is still one sentence, and whatever was begun is taken down in order.
int run_chosen(const CommandContext& context) {
    try {
        if (context.chosen) return context.chosen();
        return open_window(
            context, "",
            "start `pitwall`, or say `pitwall-headless run --headless --workload chat --duration 30`");
    } catch (const Interrupted&) {
        return kExitInterrupted;
    } catch (const std::bad_alloc&) {
        return report({"there is not enough memory for this", "ask for less: a smaller model, fewer blocks"},
                      kExitFailed);
    } catch (const std::system_error& error) {  // a thread that cannot be started, for one
        return report({fmt::format("the system refused what this needs ({})", error.what()),
                       "ask for fewer threads, or end other programs"},
                      kExitFailed);
    } catch (const std::exception& error) {
        return report({fmt::format("this could not go on ({})", error.what()), "please report it"},
                      kExitFailed);
    }
}

/// A result that did not reach whoever reads it was not given.
int finish(int code) {
    std::cout.flush();
    if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return code;
    const Error lost{fmt::format("cannot write to standard output: {}", std::strerror(errno)),
                     "is the disk full, or the output closed?"};
    return report(lost, code == kExitDone ? kExitFailed : code);
}

}  // namespace

ProgressFn opening_progress(const CommandContext& context, Interrupts& interrupts) {
    const bool shown = !context.json && ::isatty(STDERR_FILENO);
    return [shown, &interrupts](const Progress& progress) {
        if (interrupts.pending()) throw Interrupted{};
        if (!shown) return;
        const double share = progress.total > 0 ? 100.0 * static_cast<double>(progress.done) /
                                                      static_cast<double>(progress.total)
                                                : 100;
        tell(fmt::format("\r\033[K{} {:.0f} %{}", progress.stage, share,
                         progress.done >= progress.total ? "\r\033[K" : ""));
    };
}

int run_command_line(int argc, char** argv, const WindowEntry& window) {
    CLI::App app("Pitwall: the pit wall for LLM inference", "pitwall");
    CommandContext context;
    context.window = window;
    context.session.remark = remark;
    app.fallthrough();
    app.set_version_flag("--version", std::string("pitwall ") + PITWALL_VERSION);
    add_common_options(app, context);
    add_window_options(app, context.window_words);
    add_commands(app, context);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& help) {
        return finish(app.exit(help));
    } catch (const CLI::ParseError& error) {
        return report(wrong_words(app, error), kExitWrongUse);
    }
    if (auto status = read_settings(context); !status.ok()) return report(status.error(), kExitWrongUse);
    return finish(run_chosen(context));
}

}  // namespace pitwall::app
