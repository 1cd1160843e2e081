// SPDX-License-Identifier: GPL-3.0-or-later
//
// Environment variables, read in one way: set to nothing is not set, and what is not understood is an error that names the
// variable, what it says and what it may say. docs/pitwall.1 lists them all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/base/result.h"

namespace pitwall {

/// What it says; "" where it is not set.
std::string environment_text(const char* name);

/// One of `allowed`, "" where it is not set.
Result<std::string> environment_word(const char* name, std::initializer_list<std::string_view> allowed);

/// Whether a variable that says on or off says on; `unset` where it is not set.
Result<bool> environment_switch(const char* name, bool unset);

/// Whole numbers with commas between, `most` at most, each from `minimum` to `maximum`; none where it is not set.
Result<std::vector<uint64_t>> environment_numbers(const char* name, uint64_t minimum, uint64_t maximum,
                                                  size_t most = 1);

}  // namespace pitwall
