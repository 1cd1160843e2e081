// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/printable.h"

#include <fmt/format.h>

namespace pitwall::engine {

std::string printable(std::string_view text, bool whole) {
    constexpr size_t kLongest = 64;
    std::string out;
    for (const char c : whole ? text : text.substr(0, kLongest)) {
        const auto byte = static_cast<unsigned char>(c);
        // A path in another script stays readable; only control characters could break the line.
        const bool plain = byte >= 0x20 && byte != 0x7f && (whole || byte < 0x80);
        if (plain) {
            out += c;
        } else {
            out += fmt::format("\\x{:02x}", byte);
        }
    }
    if (!whole && text.size() > kLongest) out += "...";
    return out;
}

}  // namespace pitwall::engine
