// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/open_window.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "app/core/cli/checks.h"
#include "app/core/cli/commands.h"
#include "app/core/cli/console.h"
#include "telemetry/base/environment.h"

namespace pitwall::app {

namespace {

/// The environment counts only where a window opens: a wrong word in it must not stop `pitwall knobs`.
Status read_opengl(const std::string& given, WindowOptions& options) {
    if (!given.empty()) return options.opengl = given, Status();  // one of them: the parser looked
    auto word = environment_word("PITWALL_OPENGL", {"auto", "on", "off"});
    if (!word.ok()) return word.error();
    if (!word.value().empty()) options.opengl = std::move(word).value();
    return {};
}

Status read_size(const std::string& text, WindowOptions& options) {
    if (text.empty()) return {};
    int width = 0, height = 0, end = 0;
    const bool read = std::sscanf(text.c_str(), "%dx%d%n", &width, &height, &end) == 2 &&
                      static_cast<size_t>(end) == text.size();
    if (!read || width < 320 || height < 200 || width > 16384 || height > 16384)
        return Error{fmt::format("--size {} is no size of a window", text), "write it as 1280x800"};
    options.width = width, options.height = height, options.size_given = true;
    return {};
}

}  // namespace

void add_window_options(CLI::App& app, WindowWords& words) {
    app.add_option(
           "--opengl", words.opengl,
           "auto, on or off: draw dense panels with OpenGL; auto does where a graphics card is there; "
           "PITWALL_OPENGL says the same")
        ->check(CLI::IsMember({"auto", "on", "off"}));
    app.add_option("--screenshots", words.screenshots_dir,
                   "DIR: run the window for a while, write its pictures there, exit");
    app.add_option("--size", words.size, "WxH of the window");
    app.add_option("--theme", words.theme, "light or dark")->check(CLI::IsMember({"light", "dark"}));
    app.add_option("--after", words.after_s, "seconds before the pictures are taken")
        ->check(number_between(0, 3600));
}

Status check_windowless(const WindowWords& words) {
    if (words.screenshots_dir.empty()) return {};
    return Error{"--screenshots needs the window, and this command opens none", "leave one of the two out"};
}

int open_window(const CommandContext& context, const std::string& replay_path, const char* instead) {
    if (!context.window) return report({"this program has no window", instead}, kExitWrongUse);
    const WindowWords& words = context.window_words;
    WindowOptions options;
    options.session = context.session;
    options.session.paced = true;
    options.replay_path = replay_path;
    options.screenshots_dir = words.screenshots_dir;
    options.theme = words.theme, options.after_s = words.after_s;
    for (const Status& read : {read_opengl(words.opengl, options), read_size(words.size, options)})
        if (!read.ok()) return report(read.error(), kExitWrongUse);
    return context.window(options);
}

}  // namespace pitwall::app
