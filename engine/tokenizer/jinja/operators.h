// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "engine/tokenizer/jinja/value.h"

namespace pitwall::engine::jinja {

// Python's operators. All throw Failure without a line where the kinds do not fit.

/// "+", "-", "*", "/", "//", "%", "**" or "~".
Value arithmetic(std::string_view op, const Value& a, const Value& b, Arena& arena);
/// "==", "!=", "<", "<=", ">", ">=", "in" or "not in".
bool compare(std::string_view op, const Value& a, const Value& b, Arena& arena);
Value negate(const Value& value);

/// The elements that a loop over `value` sees: of a list its items, of a dict its keys, of a text its characters.
std::vector<Value> elements(const Value& value, Arena& arena);
Value item(const Value& container, const Value& key, Arena& arena);  ///< undefined where there is none
Value attribute(const Value& container, std::string_view name, Arena& arena);
/// Python's slice; bounds that are none count as left out.
Value slice(const Value& container, const Value& begin, const Value& end, const Value& step, Arena& arena);
int64_t length(const Value& value, Arena& arena);

}  // namespace pitwall::engine::jinja
