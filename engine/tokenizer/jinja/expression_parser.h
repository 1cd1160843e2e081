// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/tokenizer/jinja/ast.h"
#include "engine/tokenizer/jinja/token_stream.h"

namespace pitwall::engine::jinja {

/// Expressions by recursive descent, in Jinja's order of precedence. Throws Failure.
class ExpressionParser {
  public:
    explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

    /// An expression, or with commas a tuple.
    ExpressionPtr parse_tuple();
    ExpressionPtr parse();
    /// Without "a if b": what follows `in` in a for tag, where `if` begins the filter.
    ExpressionPtr parse_without_conditional() { return parse_or(); }

  private:
    ExpressionPtr parse_or();
    ExpressionPtr parse_and();
    ExpressionPtr parse_not();
    ExpressionPtr parse_compare();
    ExpressionPtr parse_sum();
    ExpressionPtr parse_concat();
    ExpressionPtr parse_product();
    ExpressionPtr parse_power();
    ExpressionPtr parse_unary(bool with_filters);
    ExpressionPtr parse_primary();
    ExpressionPtr parse_literal();
    ExpressionPtr parse_name();
    ExpressionPtr parse_parenthesis();
    ExpressionPtr parse_list();
    ExpressionPtr parse_dict();
    ExpressionPtr parse_postfix(ExpressionPtr value);
    ExpressionPtr parse_filters_and_tests(ExpressionPtr value);
    ExpressionPtr parse_subscript(ExpressionPtr value);
    ExpressionPtr parse_filter(ExpressionPtr value);
    ExpressionPtr parse_test(ExpressionPtr value);
    Arguments parse_arguments();
    bool begins_test_argument() const;

    ExpressionPtr make(Expression::Kind kind, std::string text = "");
    ExpressionPtr finished(ExpressionPtr node) const;  ///< with its height, checked
    using Level = ExpressionPtr (ExpressionParser::*)();
    ExpressionPtr binary_chain(Level next, std::initializer_list<std::string_view> operators);

    TokenStream& tokens_;
    uint32_t depth_ = 0;
};

}  // namespace pitwall::engine::jinja
