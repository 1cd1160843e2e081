// SPDX-License-Identifier: GPL-3.0-or-later
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/core/cli/checks.h"
#include "app/core/cli/commands.h"
#include "app/core/cli/console.h"
#include "app/core/cli/interrupts.h"
#include "app/core/cli/output_files.h"
#include "app/core/cli/summary_json.h"
#include "app/core/cli/summary_pump.h"

namespace pitwall::app {

namespace {

struct RunOptions {
    bool headless = false;
    std::string workload, summary_path;
    double duration_s = 0;
};

/// One line a second on stderr until the session ends by itself or is interrupted.
void watch(const Session& session, const SummaryPump& pump, bool silent, Interrupts& interrupts) {
    constexpr auto kTick = std::chrono::milliseconds(50);
    auto next_line = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    telemetry::SummaryFigures last{};
    while (!session.finished() && !interrupts.wait(kTick)) {
        if (silent || std::chrono::steady_clock::now() < next_line) continue;
        next_line += std::chrono::seconds(1);
        const telemetry::SummaryFigures now = pump.figures();
        tell(summary_line(now, last) + "\n");
        last = now;
    }
}

int run_headless(const CommandContext& context, const RunOptions& options) {
    Interrupts interrupts;
    auto opened = open_live_session(context.session, opening_progress(context, interrupts));
    if (!opened.ok()) return report(opened.error(), kExitWrongUse);
    Session& session = *opened.value();
    SummaryPump pump(session);
    session.start();
    watch(session, pump, context.json, interrupts);
    session.stop();
    const Status recorded = session.end_recording();
    if (const int code = write_summary(context, options.summary_path, summary_json(pump.finish()));
        code != kExitDone)
        return code;
    // The engine went on, so the figures above are whole; the file is not, and that is a failure.
    if (!recorded.ok()) return report(recorded.error(), kExitFailed);
    return interrupts.pending() ? kExitInterrupted : kExitDone;
}

int run(CommandContext& context, const RunOptions& options) {
    const SessionOptions& session = context.session;
    if (auto status = check_output_files(session.record_path, options.summary_path, session.overwrite);
        !status.ok())
        return report(status.error(), kExitWrongUse);
    if (!options.workload.empty()) {
        if (auto status = context.session.knobs.set_from_text("workload=" + options.workload); !status.ok())
            return report(status.error(), kExitWrongUse);
        std::erase(context.session.from_preset, presets::KnobId::kWorkload);  // by hand, from here on
    }
    context.session.duration_ns = static_cast<int64_t>(options.duration_s * 1e9);
    if (options.headless || !options.summary_path.empty()) {
        const Status asked = check_windowless(context.window_words);
        return asked.ok() ? run_headless(context, options) : report(asked.error(), kExitWrongUse);
    }
    return open_window(context, "", "add --headless");
}

}  // namespace

void add_run(CLI::App& app, CommandContext& context) {
    CLI::App* command = app.add_subcommand("run", "a session under a workload");
    const auto options = std::make_shared<RunOptions>();
    command->add_flag("--headless", options->headless, "with no window: a text summary a second");
    command->add_option("--workload", options->workload, "chat, documents, code, burst, mix or none");
    command->add_option("--duration", options->duration_s, "seconds of session time; without it until Ctrl-C")
        ->check(number_between(0.001, 1e8));
    command->add_option("--record", context.session.record_path, "FILE: records the session");
    command->add_option("--summary", options->summary_path,
                        "FILE: the figures at the end as JSON, instead of on stdout; with no window");
    command->callback(
        [&context, options] { context.chosen = [&context, options] { return run(context, *options); }; });
}

}  // namespace pitwall::app
