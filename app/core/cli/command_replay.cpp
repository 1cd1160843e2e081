// SPDX-License-Identifier: GPL-3.0-or-later
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/core/cli/commands.h"
#include "app/core/cli/console.h"
#include "app/core/cli/interrupts.h"
#include "app/core/cli/output_files.h"
#include "app/core/cli/summary_json.h"
#include "telemetry/replay/session_reader.h"

namespace pitwall::app {

namespace {

struct ReplayOptions {
    std::string path, summary_path;
    bool headless = false;
};

/// As fast as the file can be read: nobody watches.
int replay_headless(const CommandContext& context, const ReplayOptions& options) {
    constexpr size_t kBatchEvents = 16384;
    Interrupts interrupts;
    if (auto status = check_output_files("", options.summary_path, context.session.overwrite); !status.ok())
        return report(status.error(), kExitWrongUse);
    auto file = telemetry::SessionReader::open(options.path);
    if (!file.ok()) return report(file.error(), kExitWrongUse);
    telemetry::SessionSummary summary;
    while (!interrupts.pending()) {
        const auto events = file.value()->next(kBatchEvents);
        if (events.empty()) break;
        summary.apply(events);
    }
    if (!file.value()->status().ok()) return report(file.value()->status().error(), kExitWrongUse);
    if (interrupts.pending()) return kExitInterrupted;
    return write_summary(context, options.summary_path, summary_json(summary));
}

int replay(CommandContext& context, const ReplayOptions& options) {
    if (options.headless || !options.summary_path.empty()) {
        const Status asked = check_windowless(context.window_words);
        return asked.ok() ? replay_headless(context, options) : report(asked.error(), kExitWrongUse);
    }
    // Said here, and not by a window that opens for nothing.
    if (auto file = telemetry::SessionReader::open(options.path); !file.ok())
        return report(file.error(), kExitWrongUse);
    return open_window(context, options.path, "add --headless");
}

}  // namespace

void add_replay(CLI::App& app, CommandContext& context) {
    CLI::App* command = app.add_subcommand("replay", "a recorded session again");
    const auto options = std::make_shared<ReplayOptions>();
    command->add_option("FILE", options->path, "a session file")->required();
    command->add_flag("--headless", options->headless, "with no window, as fast as it can");
    command->add_option("--summary", options->summary_path,
                        "FILE: its figures as JSON, equal to the run's; with no window");
    command->callback(
        [&context, options] { context.chosen = [&context, options] { return replay(context, *options); }; });
}

}  // namespace pitwall::app
