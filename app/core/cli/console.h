// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "telemetry/base/result.h"

namespace pitwall::app {

/// Last on stderr: "pitwall: what: hint", in one line. Gives `exit_code`.
int report(const Error& error, int exit_code);

/// "pitwall: sentence" on stderr, for what is worth knowing and no failure.
void remark(std::string_view sentence);

/// One JSON object (or array) and a newline on stdout; text that is no UTF-8 becomes U+FFFD.
void print_json(const nlohmann::ordered_json& value);
std::string json_line(const nlohmann::ordered_json& value);

}  // namespace pitwall::app
