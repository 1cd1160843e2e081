// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/console.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

namespace pitwall::app {

std::string in_one_line(std::string_view text) {
    std::string line(text);
    std::replace_if(
        line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
    return line;
}

int report(const Error& error, int exit_code) {
    const std::string_view hint = error.hint.empty() ? "see `pitwall --help`" : std::string_view(error.hint);
    std::fflush(stdout);
    tell(fmt::format("pitwall: {}: {}\n", in_one_line(error.what), in_one_line(hint)));
    return exit_code;
}

void tell(const std::string& text) {
    std::fputs(text.c_str(), stderr);
    std::fflush(stderr);
}

void remark(std::string_view sentence) { tell(fmt::format("pitwall: {}\n", in_one_line(sentence))); }

std::string json_text(const nlohmann::ordered_json& value, int indent) {
    return value.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

void print_json(const nlohmann::ordered_json& value, int indent) {
    const std::string text = json_text(value, indent);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

}  // namespace pitwall::app
