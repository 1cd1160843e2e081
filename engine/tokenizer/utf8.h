// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pitwall::engine {

/// What stands at the beginning of a text that may not be UTF-8.
struct Utf8Step {
    enum class State : uint8_t {
        kWhole,   ///< a character of `length` bytes
        kBroken,  ///< `length` bytes that no character begins with: one U+FFFD (Unicode 3.9, maximal subparts)
        kCut,     ///< the text ends within what may become a character
    };
    State state = State::kWhole;
    uint8_t length = 0;
    uint32_t code_point = 0;  ///< of a whole character
};

/// Precondition: `text` is not empty.
Utf8Step utf8_step(std::string_view text);

/// Length of the longest prefix that is whole characters, in bytes.
size_t valid_utf8_prefix(std::string_view text);

void append_utf8(std::string& out, uint32_t code_point);

inline constexpr std::string_view kReplacement = "\xef\xbf\xbd";  ///< U+FFFD

/// `text` with everything broken or cut as U+FFFD.
std::string repaired_utf8(std::string_view text);

}  // namespace pitwall::engine
