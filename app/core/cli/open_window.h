// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "telemetry/base/result.h"

namespace CLI {
class App;
}

namespace pitwall::app {

struct CommandContext;

/// The options of every command that opens a window, as given.
struct WindowWords {
    std::string opengl;  ///< "": what PITWALL_OPENGL says, or auto
    std::string screenshots_dir, size, theme;
    double after_s = 10;
};

void add_window_options(CLI::App& app, WindowWords& words);

/// Refuses words that only a window can do, for a command that opens none.
Status check_windowless(const WindowWords& words);

/// Opens the window, live or as a replay of `replay_path`, and gives the exit code. A program that has no window says
/// so, and `instead`: what to do.
int open_window(const CommandContext& context, const std::string& replay_path, const char* instead);

}  // namespace pitwall::app
