// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <string>

#include "app/core/session/session.h"

namespace pitwall::app {

/// Exit codes of both programs.
inline constexpr int kExitDone = 0, kExitFailed = 1, kExitWrongUse = 2, kExitInterrupted = 130;

/// What the command line says when a window is to be opened.
struct WindowOptions {
    SessionOptions session;
    std::string replay_path;  ///< "replay FILE" without --headless; "" for a live session
    /// "" unless --screenshots: one PNG of the whole and one of each panel, then exit.
    std::string screenshots_dir;
    int width = 1280, height = 800;
    bool size_given = false;
    std::string theme;            ///< "light", "dark" or "" for the one remembered
    double after_s = 10;          ///< how long the workload runs before the pictures are taken
    std::string opengl = "auto";  ///< "auto", "on" or "off": whether it draws dense panels
};

/// Opens the window and gives the exit code; null in a program that has none.
using WindowEntry = std::function<int(const WindowOptions&)>;

/// Both programs' main(): results to stdout, progress and errors to stderr, and an exit code. An error's last line on
/// stderr is "pitwall: what is wrong: what to do".
int run_command_line(int argc, char** argv, const WindowEntry& window);

}  // namespace pitwall::app
