// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/json_text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <vector>

#include "presets/nearest.h"

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

Error cannot_write(const std::string& path, std::string_view why) {
    return {fmt::format("cannot write {}: {}", path, why), "is the folder there, writable and not full?"};
}

bool begins_as_json(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    char first = 0;
    return file >> first && first == '{';
}

/// A new file beside `path`, of nobody else's; "" with errno where there can be none.
std::string make_part(const std::string& path) {
    for (int i = 0; i < 100; ++i) {
        std::string part = i == 0 ? path + ".part" : fmt::format("{}.part{}", path, i);
        const int file = ::open(part.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
        if (file >= 0) return ::close(file), part;
        if (errno != EEXIST) break;
    }
    return "";
}

/// False with errno.
bool write_whole(const std::string& path, std::string_view text) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    out.close();
    return static_cast<bool>(out);
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
    return Error{fmt::format("{} has the key \"{}\" twice", name, shown(duplicates.first())),
                 "keep one of them"};
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

Status check_json_path(const std::string& path, bool overwrite) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    const auto name = std::filesystem::path(path);
    if (std::filesystem::is_directory(status) || name.filename().empty())
        return Error{fmt::format("cannot write to {}, a folder", path), "name a file in it"};
    const bool special = std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
    const bool full = std::filesystem::is_regular_file(status) && std::filesystem::file_size(name, error) > 0;
    if (full && !overwrite)
        return Error{fmt::format("{} is there already", path),
                     "choose another file name, or add --overwrite"};
    if (full && !begins_as_json(path))
        return Error{fmt::format("{} is no JSON file, and is left alone", path), "choose another file name"};
    const auto folder = std::filesystem::absolute(name).parent_path();
    if (!special && ::access(folder.c_str(), W_OK) != 0) return cannot_write(path, std::strerror(errno));
    return {};
}

Status write_json_file(const std::string& path, std::string_view text) {
    if (Status allowed = check_json_path(path, true); !allowed.ok()) return allowed;
    // A device or a pipe (/dev/stdout) is written to, never replaced.
    std::error_code failed;
    const bool special =
        std::filesystem::exists(path, failed) && !std::filesystem::is_regular_file(path, failed);
    if (special) return write_whole(path, text) ? Status() : cannot_write(path, std::strerror(errno));
    const std::string part = make_part(path);
    if (part.empty()) return cannot_write(path, std::strerror(errno));
    std::string why;
    if (!write_whole(part, text)) why = std::strerror(errno);
    if (why.empty()) std::filesystem::rename(part, path, failed);
    if (why.empty() && failed) why = failed.message();
    if (why.empty()) return {};
    std::filesystem::remove(part, failed);
    return cannot_write(path, why);
}

}  // namespace pitwall::presets
