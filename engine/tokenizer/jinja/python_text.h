// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pitwall::engine::jinja {

// Texts behave as Python's str: counted in characters, white space as Unicode has it. All are valid UTF-8.

bool is_space(uint32_t code_point);  ///< str.isspace of one character
std::string_view strip_left(std::string_view text);
std::string_view strip_right(std::string_view text);
/// Without the characters of `characters` at the chosen ends.
std::string_view strip_characters(std::string_view text, std::string_view characters, bool left, bool right);

size_t text_length(std::string_view text);  ///< in characters
std::vector<std::string_view> characters(std::string_view text);
std::string_view character_at(std::string_view text, size_t index);  ///< precondition: there is one
/// Where `part` is, or npos. In time of the sum of their lengths, which string_view::find() does not promise.
size_t find_text(std::string_view text, std::string_view part);
/// str.split(): at runs of white space (`separator` empty) or at each `separator`, `most` times at most.
std::vector<std::string_view> split_text(std::string_view text, std::string_view separator, int64_t most);
size_t count_text(std::string_view text, std::string_view part);  ///< str.count()
/// str.replace(): the first `most` times, all where it is negative.
std::string replace_text(std::string_view text, std::string_view from, std::string_view to, int64_t most);

bool is_ascii(std::string_view text);
std::string ascii_upper(std::string_view text);
std::string ascii_lower(std::string_view text);

/// As Python writes a str within a list: quoted, escaped.
std::string quoted_text(std::string_view text);
/// As json.dumps with ensure_ascii=False does.
std::string json_text(std::string_view text);
/// str(float): the shortest digits that give the number back.
std::string float_text(double value);

}  // namespace pitwall::engine::jinja
