// SPDX-License-Identifier: GPL-3.0-or-later
#include "telemetry/base/environment.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "telemetry/base/whole_number.h"

namespace pitwall {

namespace {

Error not_understood(const char* name, const std::string& text, const std::string& allowed) {
    constexpr size_t kShown = 60;
    const std::string shown = text.size() > kShown ? text.substr(0, kShown) + "..." : text;
    return {fmt::format("the environment variable {}={} is not understood", name, shown),
            fmt::format("set it to {}, or leave it out", allowed)};
}

}  // namespace

std::string environment_text(const char* name) {
    const char* const text = std::getenv(name);
    return text ? text : "";
}

Result<std::string> environment_word(const char* name, std::initializer_list<std::string_view> allowed) {
    std::string text = environment_text(name);
    if (text.empty() || std::find(allowed.begin(), allowed.end(), text) != allowed.end()) return text;
    return not_understood(name, text, fmt::format("{}", fmt::join(allowed, " or ")));
}

Result<bool> environment_switch(const char* name, bool unset) {
    const auto word = environment_word(name, {"on", "off"});
    if (!word.ok()) return word.error();
    return word.value().empty() ? unset : word.value() == "on";
}

Result<std::vector<uint64_t>> environment_numbers(const char* name, uint64_t minimum, uint64_t maximum,
                                                  size_t most) {
    const std::string text = environment_text(name);
    std::vector<uint64_t> numbers;
    const Error wrong = not_understood(
        name, text,
        most == 1 ? fmt::format("a whole number from {} to {}", minimum, maximum)
                  : fmt::format("whole numbers from {} to {} with commas between", minimum, maximum));
    for (size_t begin = 0; !text.empty() && begin <= text.size();) {
        const size_t end = std::min(text.find(',', begin), text.size());
        const auto number = whole_number<uint64_t>(std::string_view(text).substr(begin, end - begin));
        if (!number || *number < minimum || *number > maximum || numbers.size() == most) return wrong;
        numbers.push_back(*number);
        begin = end + 1;
    }
    return numbers;
}

}  // namespace pitwall
