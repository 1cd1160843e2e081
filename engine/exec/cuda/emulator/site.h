// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstring>

namespace pitwall::cuda::emulator {

/// Where in a kernel's source something was asked for; as std::source_location, which clang 14 lacks.
struct Site {
    const char* file = "";
    int line = 0;

    static constexpr Site current(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
        return {file, line};
    }
    bool operator==(const Site& other) const {
        return line == other.line && std::strcmp(file, other.file) == 0;
    }
};

}  // namespace pitwall::cuda::emulator
