// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/jinja/python_text.h"

#include <fmt/format.h>

#include <string.h>

#include <algorithm>
#include <cmath>

#include "engine/tokenizer/utf8.h"

namespace pitwall::engine::jinja {
namespace {

/// The last character of a text that is not empty.
std::string_view last_character(std::string_view text) {
    size_t at = text.size() - 1;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
    return text.substr(at);
}

std::string_view first_character(std::string_view text) { return text.substr(0, utf8_step(text).length); }

bool is_space_text(std::string_view character) { return is_space(utf8_step(character).code_point); }

template <class Goes>
std::string_view strip(std::string_view text, bool left, bool right, Goes goes) {
    while (left && !text.empty() && goes(first_character(text)))
        text.remove_prefix(first_character(text).size());
    while (right && !text.empty() && goes(last_character(text)))
        text.remove_suffix(last_character(text).size());
    return text;
}

std::vector<std::string_view> split_at_spaces(std::string_view text, int64_t most) {
    std::vector<std::string_view> out;
    text = strip_left(text);
    while (!text.empty()) {
        if (most >= 0 && std::ssize(out) == most) {
            out.push_back(strip_right(text));
            break;
        }
        size_t end = 0;
        while (end < text.size() && !is_space_text(text.substr(end)))
            end += utf8_step(text.substr(end)).length;
        out.push_back(text.substr(0, end));
        text = strip_left(text.substr(end));
    }
    return out;
}

}  // namespace

bool is_space(uint32_t c) {
    if (c <= 0x20) return c == 0x20 || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

std::string_view strip_left(std::string_view text) { return strip(text, true, false, is_space_text); }
std::string_view strip_right(std::string_view text) { return strip(text, false, true, is_space_text); }

std::string_view strip_characters(std::string_view text, std::string_view set, bool left, bool right) {
    return strip(text, left, right,
                 [set](std::string_view c) { return set.find(c) != std::string_view::npos; });
}

size_t text_length(std::string_view text) {
    return static_cast<size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::vector<std::string_view> characters(std::string_view text) {
    std::vector<std::string_view> out;
    for (; !text.empty(); text.remove_prefix(out.back().size())) out.push_back(first_character(text));
    return out;
}

std::string_view character_at(std::string_view text, size_t index) {
    for (; index > 0; --index) text.remove_prefix(first_character(text).size());
    return first_character(text);
}

size_t find_text(std::string_view text, std::string_view part) {
    const void* found = ::memmem(text.data(), text.size(), part.data(), part.size());
    return found == nullptr ? std::string_view::npos
                            : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

std::vector<std::string_view> split_text(std::string_view text, std::string_view separator, int64_t most) {
    if (separator.empty()) return split_at_spaces(text, most);
    std::vector<std::string_view> out;
    while (most < 0 || std::ssize(out) < most) {
        const size_t found = find_text(text, separator);
        if (found == std::string_view::npos) break;
        out.push_back(text.substr(0, found));
        text.remove_prefix(found + separator.size());
    }
    out.push_back(text);
    return out;
}

size_t count_text(std::string_view text, std::string_view part) {
    if (part.empty()) return text_length(text) + 1;
    size_t found = 0;
    for (size_t at = find_text(text, part); at != std::string_view::npos; at = find_text(text, part)) {
        text.remove_prefix(at + part.size());
        ++found;
    }
    return found;
}

std::string replace_text(std::string_view text, std::string_view from, std::string_view to, int64_t most) {
    std::string out;
    int64_t done = 0;
    if (from.empty()) {  // Python: before every character and at the end
        for (const std::string_view c : characters(text)) {
            if (most < 0 || done++ < most) out += to;
            out += c;
        }
        if (most < 0 || done < most) out += to;
        return out;
    }
    for (; most < 0 || done < most; ++done) {
        const size_t found = find_text(text, from);
        if (found == std::string_view::npos) break;
        out += text.substr(0, found);
        out += to;
        text.remove_prefix(found + from.size());
    }
    out += text;
    return out;
}

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string ascii_upper(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    return out;
}

std::string ascii_lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return out;
}

std::string quoted_text(std::string_view text) {
    const bool double_quotes =
        text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
    const char quote = double_quotes ? '"' : '\'';
    std::string out(1, quote);
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\n') {
            out += "\\n";
        } else if (c == '\r') {
            out += "\\r";
        } else if (c == '\t') {
            out += "\\t";
        } else if (c == '\\' || c == quote) {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += c;
        }
    }
    return out + quote;
}

std::string json_text(std::string_view text) {
    constexpr std::string_view kNames = "nrtbf\"\\", kValues = "\n\r\t\b\f\"\\";
    std::string out = "\"";
    for (const char c : text) {
        if (const size_t i = kValues.find(c); i != std::string_view::npos) {
            out += '\\';
            out += kNames[i];
        } else if (static_cast<unsigned char>(c) < 0x20) {
            out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
            out += c;
        }
    }
    return out + '"';
}

std::string float_text(double value) {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
    std::string out = fmt::format("{}", value);
    if (out.find_first_of(".e") == std::string::npos) out += ".0";
    return out;
}

}  // namespace pitwall::engine::jinja
