// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/tokenizer/jinja/ast.h"
#include "engine/tokenizer/jinja/expression_parser.h"
#include "engine/tokenizer/jinja/token_stream.h"

namespace pitwall::engine::jinja {

/// A whole template. Throws Failure.
class StatementParser {
  public:
    explicit StatementParser(std::vector<Token> tokens) : tokens_(std::move(tokens)), expressions_(tokens_) {}
    Body parse();

  private:
    /// Statements up to a tag whose first word is one of `ends`; that tag's "{%" and word are taken, the word is told.
    /// `line` is that of the tag it belongs to.
    Body parse_body(uint32_t line, std::initializer_list<std::string_view> ends, std::string& end);
    Statement parse_tag();
    Statement parse_if(uint32_t line);
    Statement parse_for(uint32_t line);
    Statement parse_set(uint32_t line);
    Statement parse_generation(uint32_t line);
    Statement parse_jump(Statement::Kind kind, uint32_t line);
    std::vector<std::string> parse_targets();
    std::string parse_target();
    void end_tag() { tokens_.expect(Token::Kind::kTagEnd); }

    TokenStream tokens_;
    ExpressionParser expressions_;
    uint32_t depth_ = 0, loops_ = 0;
};

}  // namespace pitwall::engine::jinja
