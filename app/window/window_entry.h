// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "app/core/cli/command_line.h"

namespace pitwall::app {

/// Opens the window, or takes the pictures that the options ask for, and gives the exit code. Where there is no
/// display it says so and runs the same session headless.
int run_window(const WindowOptions& options);

/// True where Qt can open a window: a display is named, or a platform that needs none.
bool has_display();

/// The words that run the same session without a window.
std::vector<std::string> headless_words(const WindowOptions& options);

}  // namespace pitwall::app
