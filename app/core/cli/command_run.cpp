// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/core/cli/commands.h"
#include "app/core/cli/console.h"
#include "app/core/cli/interrupts.h"
#include "app/core/cli/summary_json.h"
#include "app/core/cli/summary_pump.h"
#include "presets/json_text.h"

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
        fmt::print(stderr, "{}\n", summary_line(now, last));
        last = now;
    }
}

int run_headless(const CommandContext& context, const RunOptions& options) {
    Interrupts interrupts;
    auto opened = open_live_session(context.session, progress_on_stderr(context));
    if (!opened.ok()) return report(opened.error(), kExitWrongUse);
    Session& session = *opened.value();
    SummaryPump pump(session);
    session.start();
    watch(session, pump, context.json, interrupts);
    session.stop();
    const Status recorded = session.end_recording();
    const auto summary = summary_json(pump.finish());
    if (!options.summary_path.empty())
        if (auto written = presets::write_text_file(options.summary_path, summary.dump(2) + "\n");
            !written.ok())
            return report(written.error(), kExitFailed);
    if (context.json || options.summary_path.empty())
        fmt::print("{}\n", context.json ? summary.dump() : summary.dump(2));
    // The engine went on, so the figures above are whole; the file is not, and that is a failure.
    if (!recorded.ok()) return report(recorded.error(), kExitFailed);
    return interrupts.pending() ? kExitInterrupted : kExitDone;
}

/// Said before the session and not after it.
Status check_summary_path(const std::string& path) {
    if (path.empty()) return {};
    const auto folder = std::filesystem::absolute(path).parent_path();
    if (::access(folder.c_str(), W_OK) == 0) return {};
    return Error{fmt::format("cannot write {}: {}", path, std::strerror(errno)),
                 "is the folder there and writable?"};
}

int run(CommandContext& context, const RunOptions& options) {
    if (auto status = check_summary_path(options.summary_path); !status.ok())
        return report(status.error(), kExitWrongUse);
    if (!options.workload.empty())
        if (auto status = context.session.knobs.set_from_text("workload=" + options.workload); !status.ok())
            return report(status.error(), kExitWrongUse);
    context.session.duration_ns = static_cast<int64_t>(options.duration_s * 1e9);
    if (options.headless) return run_headless(context, options);
    if (!context.window) return report({"this program has no window", "add --headless"}, kExitWrongUse);
    WindowOptions window;
    window.session = context.session;
    window.session.paced = true;
    return context.window(window);
}

}  // namespace

void add_run(CLI::App& app, CommandContext& context) {
    CLI::App* command = app.add_subcommand("run", "a session under a workload");
    const auto options = std::make_shared<RunOptions>();
    command->add_flag("--headless", options->headless, "with no window: a text summary a second");
    command->add_option("--workload", options->workload, "chat, documents, code, burst, mix or none");
    command->add_option("--duration", options->duration_s, "seconds of session time; without it until Ctrl-C")
        ->check(CLI::Range(0.001, 1e8));
    command->add_option("--record", context.session.record_path, "FILE: records the session");
    command->add_option("--summary", options->summary_path,
                        "FILE: the figures at the end as JSON, instead of on stdout");
    command->callback(
        [&context, options] { context.chosen = [&context, options] { return run(context, *options); }; });
}

}  // namespace pitwall::app
