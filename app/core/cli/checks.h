// SPDX-License-Identifier: GPL-3.0-or-later
//
// What CLI11's own checks let through.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "telemetry/base/whole_number.h"

namespace pitwall::app {

/// As CLI::Range, which takes a NaN for a number in every range.
inline CLI::Validator number_between(double least, double most) {
    const CLI::Range range(least, most);
    return {[range](std::string& text) {
                const std::string problem = range(text);
                const bool is_number =
                    text.find_first_of("nN") == std::string::npos;  // nan; inf is out of range
                return !problem.empty() || is_number ? problem : "\"" + text + "\" is not a number";
            },
            range.get_description()};
}

/// Whole, from 0 to 2^64 - 1: what does not fit would wrap around, or become the largest.
inline CLI::Validator whole_number() {
    return {[](std::string& text) -> std::string {
                if (pitwall::whole_number<uint64_t>(text)) return {};
                return "\"" + text + "\" is not a whole number from 0 to 18446744073709551615";
            },
            "0 .. 2^64-1"};
}

}  // namespace pitwall::app
