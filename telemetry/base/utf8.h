// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string_view>

namespace pitwall {

/// Bytes of `text` up to the last whole UTF-8 character: what a stream may show now. A tail that can no
/// longer become a character counts as whole, so that bad bytes are not held back for ever.
inline size_t whole_utf8_bytes(std::string_view text) {
    const size_t size = text.size();
    for (size_t back = 1; back <= 3 && back <= size; ++back) {
        const auto byte = static_cast<unsigned char>(text[size - back]);
        if ((byte & 0xC0) == 0x80) continue;  // a continuation: look further back for what it continues
        const size_t wanted = byte >= 0xF0 && byte < 0xF8   ? 4
                              : byte >= 0xE0 && byte < 0xF0 ? 3
                              : byte >= 0xC0 && byte < 0xE0 ? 2
                                                            : 1;
        return wanted > back ? size - back : size;
    }
    return size;
}

}  // namespace pitwall
