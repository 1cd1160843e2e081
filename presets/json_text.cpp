// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/json_text.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <vector>

namespace pitwall::presets {

namespace {

using nlohmann::json;

/// Depth of brackets outside strings; what is no JSON at all is left to the parser.
size_t depth_of(std::string_view text) {
    size_t depth = 0, deepest = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') ++i;
            if (c == '"') in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            deepest = std::max(deepest, ++depth);
        } else if ((c == '}' || c == ']') && depth > 0) {
            --depth;
        }
    }
    return deepest;
}

/// Remembers the first key that an object has twice; the parser itself would keep the last in silence.
class DuplicateFinder {
  public:
    bool operator()(json::parse_event_t event, json& parsed) {
        if (event == json::parse_event_t::object_start) open_.emplace_back();
        if (event == json::parse_event_t::object_end && !open_.empty()) open_.pop_back();
        if (event == json::parse_event_t::key && !open_.empty()) {
            const auto key = parsed.get<std::string>();
            if (!open_.back().insert(key).second && first_.empty()) first_ = key;
        }
        return true;
    }
    const std::string& first() const { return first_; }

  private:
    std::vector<std::set<std::string>> open_;
    std::string first_;
};

std::string place(std::string_view text, size_t byte) {
    const std::string_view before = text.substr(0, std::min(byte > 0 ? byte - 1 : 0, text.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t column =
        before.size() - (before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1) + 1;
    return line == 1 ? fmt::format("column {}", column) : fmt::format("line {}, column {}", line, column);
}

}  // namespace

Result<json> parse_json(std::string_view text, std::string_view name, size_t max_depth) {
    if (depth_of(text) > max_depth)
        return Error{fmt::format("{} nests deeper than {} levels", name, max_depth), "flatten it"};
    DuplicateFinder duplicates;
    try {
        json value = json::parse(
            text, [&](int, json::parse_event_t event, json& parsed) { return duplicates(event, parsed); });
        if (duplicates.first().empty()) return value;
    } catch (const json::parse_error& e) {
        if (e.byte > text.size())
            return Error{fmt::format("{} ends in the middle of its JSON", name),
                         "it seems cut short: give the whole"};
        return Error{fmt::format("{} is not valid JSON at {}", name, place(text, e.byte)),
                     "correct it there"};
    } catch (const json::exception&) {
        return Error{fmt::format("{} holds a number that is out of every range", name), "give a smaller one"};
    }
    return Error{fmt::format("{} has the key \"{}\" twice", name, duplicates.first()), "keep one of them"};
}

Result<std::string> read_text_file(const std::string& path, size_t max_bytes, std::string_view what) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return Error{fmt::format("cannot open {}: {}", path, std::strerror(errno)),
                     fmt::format("give {}", what)};
    if (!S_ISREG(status.st_mode))
        return Error{fmt::format("{} is not a file", path), fmt::format("give {}", what)};
    if (static_cast<uint64_t>(status.st_size) > max_bytes)
        return Error{
            fmt::format("{} has {} bytes, more than the {} that are read", path, status.st_size, max_bytes),
            fmt::format("give {}", what)};
    std::ifstream in(path, std::ios::binary);
    std::string text(static_cast<size_t>(status.st_size), '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!in && text.size() > 0)
        return Error{fmt::format("cannot read {}: {}", path, std::strerror(errno)), "is it readable?"};
    text.resize(static_cast<size_t>(in.gcount()));
    return text;
}

Status write_text_file(const std::string& path, std::string_view text) {
    // A device or a pipe (/dev/stdout) is written to, never replaced.
    std::error_code ignored;
    const bool special =
        std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored);
    const std::string target = special ? path : path + ".part";
    std::ofstream out(target, std::ios::binary | std::ios::trunc);
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    out.close();
    if (!out)
        return Error{fmt::format("cannot write {}: {}", path, std::strerror(errno)),
                     "is the folder there, writable and not full?"};
    if (special) return {};
    std::error_code failed;
    std::filesystem::rename(target, path, failed);
    if (failed)
        return Error{fmt::format("cannot write {}: {}", path, failed.message()), "is the folder writable?"};
    return {};
}

}  // namespace pitwall::presets
