// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/json_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "presets/advice.h"
#include "presets/json_text.h"
#include "presets/nearest.h"

namespace pitwall::app {

using nlohmann::json;

std::vector<TextLine> lines_of(std::string_view text) {
    std::vector<TextLine> lines;
    for (size_t number = 1, begin = 0; begin < text.size(); ++number) {
        const size_t newline = std::min(text.find('\n', begin), text.size());
        const std::string_view line = text.substr(begin, newline - begin);
        if (line.find_first_not_of(" \t\r") != std::string_view::npos) lines.push_back({number, line});
        begin = newline + 1;
    }
    return lines;
}

Result<json> parse_json_object(std::string_view text, std::string_view where) {
    auto value = presets::parse_json(text, where);
    if (value.ok() && !value.value().is_object())
        return Error{fmt::format("{} is not a JSON object", where), "give one object a line"};
    return value;
}

Error unknown_field(std::string_view where, std::string_view field, std::span<const std::string_view> known) {
    return {fmt::format("{} has an unknown field \"{}\"", where, presets::shown(field)),
            presets::did_you_mean(field, known, fmt::format("there are {}", fmt::join(known, ", ")))};
}

std::string read_token_ids(const json& value, uint32_t vocab_size, size_t most, std::vector<TokenId>& out) {
    if (!value.is_array() || value.empty()) return "must be a list of token ids that is not empty";
    if (value.size() > most) return fmt::format("must have at most {} ids", most);
    out.reserve(value.size());
    for (const json& id : value) {
        const bool whole =
            id.is_number_integer() && !(id.is_number_unsigned() && id.get<uint64_t>() > INT32_MAX);
        if (!whole || id.get<int64_t>() < 0 || id.get<int64_t>() >= vocab_size)
            return fmt::format("must hold token ids from 0 to {}", vocab_size - 1);
        out.push_back(id.get<TokenId>());
    }
    return "";
}

std::string read_messages(const json& value, std::vector<telemetry::ChatMessage>& out) {
    constexpr const char* kShape = R"(must be a list of {"role": text, "content": text} that is not empty)";
    if (!value.is_array() || value.empty()) return kShape;
    for (const json& message : value) {
        if (!message.is_object() || message.size() != 2 || !message.contains("role") ||
            !message.contains("content"))
            return kShape;
        if (!message["role"].is_string() || !message["content"].is_string()) return kShape;
        out.push_back({message["role"].get<std::string>(), message["content"].get<std::string>()});
    }
    return "";
}

Result<std::string> read_stdin(size_t max_bytes) {
    std::string text;
    char part[65536];
    while (const size_t got = std::fread(part, 1, sizeof part, stdin)) {
        text.append(part, got);
        if (text.size() > max_bytes)
            return Error{fmt::format("more than {} bytes came on stdin", max_bytes), "give it in pieces"};
    }
    if (std::ferror(stdin))
        return Error{fmt::format("cannot read standard input: {}", std::strerror(errno)),
                     "give it a file or a pipe"};
    return text;
}

}  // namespace pitwall::app
