// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/command_line.h"
#include "app/window/window_entry.h"

int main(int argc, char** argv) {
    return pitwall::app::run_command_line(argc, argv, pitwall::app::run_window);
}
