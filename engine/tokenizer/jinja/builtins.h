// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tokenizer/jinja/value.h"

namespace pitwall::engine::jinja {

/// A filter, test, method or function with its arguments evaluated.
struct Call {
    Arena& arena;
    std::string_view name;
    std::vector<Value> positional;
    std::vector<std::pair<std::string_view, Value>> named;

    /// The arguments by parameter, null where not given. Throws Failure for one too many or of an unknown name.
    std::vector<const Value*> bind(std::initializer_list<std::string_view> parameters) const;
};

// All throw Failure without a line where the arguments do not fit.
Value apply_filter(const Call& call, const Value& in);
bool apply_test(const Call& call, const Value& in);
Value call_method(const Call& call, const Value& object);
Value call_function(const Call& call, Builtin function);

// Of an argument; `otherwise` where it is null.
std::string_view text_argument(const Call& call, const Value* value, std::string_view otherwise);
std::string_view required_text(const Call& call, const Value* value);
int64_t integer_argument(const Call& call, const Value* value, int64_t otherwise);
bool bool_argument(const Value* value, bool otherwise);
/// str.replace(), its result paid for before it is made.
std::string replaced(const Call& call, std::string_view text, std::string_view from, std::string_view to,
                     int64_t most);
/// str.strip() of the characters of `set`.
std::string_view stripped(const Call& call, std::string_view text, std::string_view set, bool left,
                          bool right);
/// Refuses what Python's str methods of Unicode would change and ours would not.
std::string cased(const Call& call, std::string_view text);  ///< name: upper, lower, title or capitalize

}  // namespace pitwall::engine::jinja
