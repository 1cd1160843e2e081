// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace pitwall::engine::jinja {

/// What is wrong with a template, and where. Thrown from deep within nested expressions and caught in template.cpp
/// alone, which makes a Result of it.
struct Failure {
    uint32_t line;
    std::string what;
};

[[noreturn]] inline void fail(uint32_t line, std::string what) { throw Failure{line, std::move(what)}; }

}  // namespace pitwall::engine::jinja
