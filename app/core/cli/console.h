// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "telemetry/base/result.h"

namespace pitwall::app {

/// Without bytes that end the line or rule the terminal: of what was typed, or of a file's strings.
std::string in_one_line(std::string_view text);

/// Last on stderr: "pitwall: what: hint", in one line. Gives `exit_code`.
int report(const Error& error, int exit_code);

/// To stderr as it is; where that is closed there is nobody to tell.
void tell(const std::string& text);
/// "pitwall: sentence" on stderr, for what is worth knowing and no failure.
void remark(std::string_view sentence);

/// JSON on one line, or with `indent` on many, and a newline. Text that is no UTF-8 (a path, a damaged file's strings)
/// becomes U+FFFD, where the library's own dump() would throw.
std::string json_text(const nlohmann::ordered_json& value, int indent = -1);
/// The same on stdout.
void print_json(const nlohmann::ordered_json& value, int indent = -1);

}  // namespace pitwall::app
