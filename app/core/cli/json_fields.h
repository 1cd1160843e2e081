// SPDX-License-Identifier: GPL-3.0-or-later
//
// JSON lines of somebody else's making, read strictly: what every command that takes them shares.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/base/ids.h"
#include "telemetry/base/result.h"
#include "telemetry/control.h"

namespace pitwall::app {

struct TextLine {
    size_t number;  ///< from 1
    std::string_view text;
};
/// The lines that hold more than white space.
std::vector<TextLine> lines_of(std::string_view text);

/// `where` names the line, for the sentence.
Result<nlohmann::json> parse_json_object(std::string_view text, std::string_view where);
Error unknown_field(std::string_view where, std::string_view field, std::span<const std::string_view> known);

/// Both give "" or what is wrong with the value.
std::string read_token_ids(const nlohmann::json& value, uint32_t vocab_size, size_t most,
                           std::vector<TokenId>& out);
std::string read_messages(const nlohmann::json& value, std::vector<telemetry::ChatMessage>& out);

/// All of stdin, up to `max_bytes`.
Result<std::string> read_stdin(size_t max_bytes);
inline constexpr size_t kMaxInputBytes = size_t{1} << 30;

}  // namespace pitwall::app
