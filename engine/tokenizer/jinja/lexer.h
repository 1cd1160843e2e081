// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pitwall::engine::jinja {

struct Token {
    enum class Kind : uint8_t {
        kText,        ///< template text outside of tags, whitespace control applied
        kTagBegin,    ///< {%
        kTagEnd,      ///< %}
        kPrintBegin,  ///< {{
        kPrintEnd,    ///< }}
        kName,
        kInteger,
        kFloat,
        kString,  ///< escapes resolved
        kOperator,
        kEnd,
    };
    Kind kind = Kind::kEnd;
    std::string text;
    uint32_t line = 0;  ///< from 1
};

/// Cuts a template into tokens, ended by one kEnd. Throws Failure.
std::vector<Token> tokenize(std::string_view source);

}  // namespace pitwall::engine::jinja
