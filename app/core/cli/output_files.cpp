// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/output_files.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/core/cli/commands.h"
#include "app/core/cli/console.h"
#include "presets/json_text.h"
#include "telemetry/record/session_file.h"

namespace pitwall::app {

namespace {

bool same_file(const std::string& a, const std::string& b) {
    std::error_code error;
    return std::filesystem::weakly_canonical(a, error) == std::filesystem::weakly_canonical(b, error);
}

}  // namespace

Status check_output_files(const std::string& record_path, const std::string& summary_path, bool overwrite) {
    if (!record_path.empty())
        if (auto status = telemetry::check_session_path(record_path, overwrite); !status.ok()) return status;
    if (summary_path.empty()) return {};
    if (!record_path.empty() && same_file(record_path, summary_path))
        return Error{fmt::format("--record and --summary are both {}", summary_path), "give two names"};
    return presets::check_json_path(summary_path, overwrite);
}

int write_summary(const CommandContext& context, const std::string& path,
                  const nlohmann::ordered_json& figures) {
    Status written;
    if (!path.empty()) written = presets::write_json_file(path, json_text(figures, 2));
    // What took a session to find out is not lost for want of a file.
    if (context.json || path.empty() || !written.ok()) print_json(figures, context.json ? -1 : 2);
    return written.ok() ? kExitDone : report(written.error(), kExitFailed);
}

}  // namespace pitwall::app
