// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/console.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

namespace pitwall::app {

namespace {

std::string in_one_line(std::string_view text) {
    std::string line(text);
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
    return line;
}

}  // namespace

int report(const Error& error, int exit_code) {
    const std::string_view hint = error.hint.empty() ? "see `pitwall --help`" : std::string_view(error.hint);
    std::fflush(stdout);
    fmt::print(stderr, "pitwall: {}: {}\n", in_one_line(error.what), in_one_line(hint));
    return exit_code;
}

void remark(std::string_view sentence) { fmt::print(stderr, "pitwall: {}\n", in_one_line(sentence)); }

std::string json_line(const nlohmann::ordered_json& value) {
    return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

void print_json(const nlohmann::ordered_json& value) {
    const std::string line = json_line(value);
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
}

}  // namespace pitwall::app
