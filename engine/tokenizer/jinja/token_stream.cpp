// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/jinja/token_stream.h"

#include <fmt/format.h>

#include "engine/tokenizer/jinja/failure.h"

namespace pitwall::engine::jinja {
namespace {

using Kind = Token::Kind;

std::string shown(const Token& token) {
    switch (token.kind) {
        case Kind::kText:
            return "text";
        case Kind::kTagBegin:
            return "{%";
        case Kind::kTagEnd:
            return "%}";
        case Kind::kPrintBegin:
            return "{{";
        case Kind::kPrintEnd:
            return "}}";
        case Kind::kString:
            return "a string";
        case Kind::kEnd:
            return "the end of the template";
        default:
            return "'" + token.text.substr(0, 40) + "'";
    }
}

}  // namespace

Token TokenStream::take() {
    Token token = peek();
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
}

bool TokenStream::is_operator(std::string_view text, size_t ahead) const {
    return peek(ahead).kind == Kind::kOperator && peek(ahead).text == text;
}
bool TokenStream::is_name(std::string_view text, size_t ahead) const {
    return peek(ahead).kind == Kind::kName && peek(ahead).text == text;
}
bool TokenStream::skip_operator(std::string_view text) { return is_operator(text) && (take(), true); }
bool TokenStream::skip_name(std::string_view text) { return is_name(text) && (take(), true); }

void TokenStream::expect_operator(std::string_view text) {
    if (!skip_operator(text)) unexpected(fmt::format("'{}'", text));
}
void TokenStream::expect_name(std::string_view text) {
    if (!skip_name(text)) unexpected(fmt::format("'{}'", text));
}
std::string TokenStream::expect_any_name() {
    if (!is(Kind::kName)) unexpected("a name");
    return take().text;
}
void TokenStream::expect(Kind kind) {
    if (!is(kind)) unexpected(shown({kind, "", 0}));
    take();
}

void TokenStream::unexpected(std::string_view wanted) const {
    fail(line(), fmt::format("has {} where {} should be", shown(peek()), wanted));
}

}  // namespace pitwall::engine::jinja
