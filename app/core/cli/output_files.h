// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "telemetry/base/result.h"

namespace pitwall::app {

struct CommandContext;

/// Whether the files that a command is to write may be written: asked before anything is opened, so that nothing is lost
/// and nothing computed for a command that is refused. Empty paths are of files not asked for.
Status check_output_files(const std::string& record_path, const std::string& summary_path, bool overwrite);

/// The figures go to `path`, or to stdout with "" and where they cannot be written there. Gives the exit code.
int write_summary(const CommandContext& context, const std::string& path,
                  const nlohmann::ordered_json& figures);

}  // namespace pitwall::app
