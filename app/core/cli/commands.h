// SPDX-License-Identifier: GPL-3.0-or-later
//
// One file a command. Each adds itself to the parser; parsing chooses what runs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/core/cli/command_line.h"
#include "app/core/cli/open_window.h"
#include "app/core/session/session.h"

namespace CLI {
class App;
}

namespace pitwall::app {

/// What every command knows: the options that hold everywhere, and how a window is opened.
struct CommandContext {
    // As given.
    SessionOptions session;
    std::vector<std::string> settings;  ///< "KNOB=VALUE", in order
    bool json = false;
    WindowWords window_words;
    // Read from them before the command runs.
    std::string preset_name, preset_description;
    WindowEntry window;
    std::function<int()> chosen;  ///< null: no words
};

/// Each keeps its own options alive in the closure that it hands to the parser; `context` outlives both.
void add_run(CLI::App& app, CommandContext& context);
void add_replay(CLI::App& app, CommandContext& context);
void add_generate(CLI::App& app, CommandContext& context);
void add_tokenize(CLI::App& app, CommandContext& context);
void add_detokenize(CLI::App& app, CommandContext& context);
void add_score(CLI::App& app, CommandContext& context);
void add_bench(CLI::App& app, CommandContext& context);
void add_knobs(CLI::App& app, CommandContext& context);
void add_preset(CLI::App& app, CommandContext& context);
void add_inspect(CLI::App& app, CommandContext& context);

class Interrupts;
/// What opening takes long for, on stderr where that is a terminal and --json is not given. Throws Interrupted out of it.
ProgressFn opening_progress(const CommandContext& context, Interrupts& interrupts);

}  // namespace pitwall::app
