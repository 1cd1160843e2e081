// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/jinja/lexer.h"

namespace pitwall::engine::jinja {

/// The tokens of a template, looked at from the front. Ends with kEnd, which is never passed.
class TokenStream {
  public:
    explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

    const Token& peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
    uint32_t line() const { return peek().line; }
    Token take();
    bool is(Token::Kind kind) const { return peek().kind == kind; }
    bool is_operator(std::string_view text, size_t ahead = 0) const;
    bool is_name(std::string_view text, size_t ahead = 0) const;
    bool skip_operator(std::string_view text);  ///< true where it was there
    bool skip_name(std::string_view text);
    void expect_operator(std::string_view text);  ///< throws Failure
    void expect_name(std::string_view text);
    std::string expect_any_name();  ///< and gives it
    void expect(Token::Kind kind);
    [[noreturn]] void unexpected(std::string_view wanted) const;

  private:
    std::vector<Token> tokens_;
    size_t at_ = 0;
};

}  // namespace pitwall::engine::jinja
