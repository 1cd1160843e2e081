// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pitwall::engine::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

/// Arguments of a call, a filter or a test.
struct Arguments {
    std::vector<ExpressionPtr> positional;
    std::vector<std::pair<std::string, ExpressionPtr>> named;
};

/// One node; which members count is said with each kind.
struct Expression {
    enum class Kind : uint8_t {
        kText,     ///< text
        kInteger,  ///< integer
        kFloat,    ///< real
        kBool,     ///< integer
        kNone,
        kName,         ///< text
        kList,         ///< parts
        kTuple,        ///< parts
        kDict,         ///< parts: key, value, key, value, ...
        kAttribute,    ///< parts[0] . text
        kItem,         ///< parts[0] [ parts[1] ]
        kSlice,        ///< parts[0] [ parts[1] : parts[2] : parts[3] ], null where left out
        kCall,         ///< parts[0] ( arguments )
        kFilter,       ///< parts[0] | text ( arguments )
        kTest,         ///< parts[0] is text arguments
        kNot,          ///< parts[0]
        kNegate,       ///< parts[0]
        kPlus,         ///< parts[0]
        kBinary,       ///< parts[0] text parts[1]: arithmetic, and, or
        kCompare,      ///< parts[0] operators[0] parts[1] operators[1] parts[2] ...
        kConditional,  ///< parts[0] if parts[1] else parts[2] (may be null)
    };
    Kind kind = Kind::kNone;
    uint32_t line = 0;
    uint32_t height = 1;  ///< of the tree below: evaluation recurses that deep
    std::string text;
    int64_t integer = 0;
    double real = 0;
    std::vector<ExpressionPtr> parts;
    std::vector<std::string> operators;
    Arguments arguments;
};

struct Statement;
struct Branch;
struct Body {
    std::vector<Statement> statements;
};

struct Statement {
    enum class Kind : uint8_t {
        kText,      ///< text
        kPrint,     ///< value
        kIf,        ///< branches
        kFor,       ///< targets in value [if filter]: body, otherwise
        kSet,       ///< targets = value, or targets[0].attribute = value
        kSetBlock,  ///< targets[0] = what body writes
        kBreak,
        kContinue,
        kGroup,  ///< body, as it is
    };
    Kind kind = Kind::kText;
    uint32_t line = 0;
    std::string text, attribute;
    std::vector<std::string> targets;
    ExpressionPtr value, filter;
    std::vector<Branch> branches;
    Body body, otherwise;
};

struct Branch {
    ExpressionPtr condition;  ///< null: else
    Body body;
};

bool is_known_filter(std::string_view name);
bool is_known_test(std::string_view name);

}  // namespace pitwall::engine::jinja
