// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/jinja/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/tokenizer/jinja/failure.h"
#include "engine/tokenizer/jinja/python_text.h"
#include "engine/tokenizer/utf8.h"

namespace pitwall::engine::jinja {
namespace {

using Kind = Token::Kind;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_begin(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name(char c) { return is_name_begin(c) || is_digit(c); }

/// "\r\n" and "\r" count as "\n", and one newline at the very end is no part of the template.
std::string normalized(std::string_view source) {
    std::string out;
    out.reserve(source.size());
    for (size_t i = 0; i < source.size(); ++i) {
        if (source[i] == '\r') {
            out += '\n';
            if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
        } else {
            out += source[i];
        }
    }
    if (out.ends_with('\n')) out.pop_back();
    return out;
}

/// Longer operators first, so that the first that fits is the right one.
constexpr std::array<std::string_view, 27> kOperators = {"**", "//", "==", "!=", "<=", ">=", "+", "-", "*",
                                                         "/",  "%",  "~",  "<",  ">",  "=",  "(", ")", "[",
                                                         "]",  "{",  "}",  ",",  ".",  ":",  "|", ";", "!"};

class Lexer {
  public:
    explicit Lexer(std::string source) : source_(std::move(source)) {}

    std::vector<Token> run() {
        if (const size_t valid = valid_utf8_prefix(source_); valid != source_.size()) {
            fail(line_at(valid), "has bytes that are no UTF-8");
        }
        while (at_ < source_.size()) text();
        push(Kind::kEnd, "");
        return std::move(tokens_);
    }

  private:
    uint32_t line_at(size_t position) const {
        return 1 + static_cast<uint32_t>(
                       std::count(source_.begin(), source_.begin() + static_cast<ptrdiff_t>(position), '\n'));
    }
    char peek(size_t ahead) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }
    std::string_view rest() const { return std::string_view(source_).substr(at_); }
    void push(Kind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }
    void advance(size_t count) {
        line_ +=
            static_cast<uint32_t>(std::count(source_.begin() + static_cast<ptrdiff_t>(at_),
                                             source_.begin() + static_cast<ptrdiff_t>(at_ + count), '\n'));
        at_ += count;
    }

    /// Text up to the next tag, then that tag.
    void text() {
        size_t begin = at_;
        while (begin < source_.size() &&
               !(source_[begin] == '{' && begin + 1 < source_.size() &&
                 std::string_view("{%#").find(source_[begin + 1]) != std::string_view::npos)) {
            ++begin;
        }
        std::string_view shown = std::string_view(source_).substr(at_, begin - at_);
        const char kind = begin + 1 < source_.size() ? source_[begin + 1] : '\0';
        const char sign = begin + 2 < source_.size() ? source_[begin + 2] : '\0';
        if (kind != '\0' && sign == '-') {
            shown = strip_right(shown);
        } else if (kind != '\0' && kind != '{' && sign != '+') {
            shown = without_indent(shown);
        }
        if (!shown.empty()) push(Kind::kText, std::string(shown));
        advance(begin - at_);
        if (at_ == source_.size()) return;
        advance(2 + ((sign == '-' || sign == '+') ? 1 : 0));
        if (kind == '#') return comment();
        push(kind == '%' ? Kind::kTagBegin : Kind::kPrintBegin, "");
        expression(kind == '%' ? "%}" : "}}");
    }

    /// lstrip_blocks: nothing but white space between the line's beginning and the tag goes away.
    std::string_view without_indent(std::string_view shown) const {
        const size_t newline = shown.rfind('\n');
        const size_t line = newline == std::string_view::npos ? 0 : newline + 1;
        if (line == 0 && !at_line_begin_) return shown;
        return strip_right(shown.substr(line)).empty() ? shown.substr(0, line) : shown;
    }

    void comment() {
        const size_t end = source_.find("#}", at_);
        if (end == std::string::npos) fail(line_, "has a comment that does not end");
        const bool strip = end > at_ && source_[end - 1] == '-', keep = end > at_ && source_[end - 1] == '+';
        advance(end - at_ + 2);
        after_tag(strip, !keep);
    }

    /// What a tag's end takes with it: all white space after "-%}", else (not after a print) one newline.
    void after_tag(bool strip, bool one_newline) {
        size_t count = 0;
        if (strip) {
            count = rest().size() - strip_left(rest()).size();
        } else if (one_newline && peek(0) == '\n') {
            count = 1;
        }
        at_line_begin_ = count > 0 ? source_[at_ + count - 1] == '\n' : false;
        advance(count);
    }

    void expression(std::string_view end) {
        const uint32_t begin_line = line_;
        size_t depth = 0;
        while (true) {
            while (at_ < source_.size() &&
                   std::string_view(" \t\n\v\f").find(peek(0)) != std::string_view::npos)
                advance(1);
            if (at_ == source_.size())
                fail(begin_line, fmt::format("has a tag that does not end with {}", end));
            const bool sign = peek(0) == '-' || peek(0) == '+';
            if (depth == 0 && rest().substr(sign ? 1 : 0).starts_with(end))
                return close(end, sign ? peek(0) : '\0');
            if (is_name_begin(peek(0))) {
                name();
            } else if (is_digit(peek(0))) {
                number();
            } else if (peek(0) == '\'' || peek(0) == '"') {
                string();
            } else {
                symbol(depth);
            }
        }
    }

    void close(std::string_view end, char sign) {
        const bool tag = end == "%}";
        if (sign == '+' && !tag) fail(line_, "has '+}}', which means nothing");
        push(tag ? Kind::kTagEnd : Kind::kPrintEnd, "");
        advance(end.size() + (sign != '\0' ? 1 : 0));
        after_tag(sign == '-', tag && sign != '+');
    }

    void name() {
        size_t length = 1;
        while (is_name(peek(length))) ++length;
        push(Kind::kName, source_.substr(at_, length));
        advance(length);
    }

    void number() {
        size_t length = 1;
        while (is_digit(peek(length))) ++length;
        Kind kind = Kind::kInteger;
        if (peek(length) == '.' && is_digit(peek(length + 1))) {
            kind = Kind::kFloat;
            ++length;
            while (is_digit(peek(length))) ++length;
        }
        const size_t sign = peek(length + 1) == '+' || peek(length + 1) == '-' ? 1 : 0;
        if ((peek(length) | 32) == 'e' && is_digit(peek(length + 1 + sign))) {
            kind = Kind::kFloat;
            length += 2 + sign;
            while (is_digit(peek(length))) ++length;
        }
        if (is_name(peek(length))) fail(line_, "has a number that goes on with a letter");
        push(kind, source_.substr(at_, length));
        advance(length);
    }

    void string() {
        const char quote = peek(0);
        const uint32_t begin_line = line_;
        std::string out;
        advance(1);
        while (peek(0) != quote || at_ >= source_.size()) {
            if (at_ >= source_.size()) fail(begin_line, "has a string that does not end");
            if (peek(0) == '\\' && at_ + 1 < source_.size()) {
                escape(out);
            } else {
                out += peek(0);
                advance(1);
            }
        }
        advance(1);
        tokens_.push_back({Kind::kString, std::move(out), begin_line});
    }

    /// Python's escapes; one that it does not know stays as it is.
    void escape(std::string& out) {
        constexpr std::string_view kNames = "ntrabfv\\'\"", kValues = "\n\t\r\a\b\f\v\\'\"";
        const char c = peek(1);
        if (const size_t i = kNames.find(c); i != std::string_view::npos) {
            out += kValues[i];
        } else if (c == '\n') {
            // a line that goes on
        } else if (c == 'x' || c == 'u' || c == 'U') {
            return numbered_escape(out, c == 'x' ? 2 : c == 'u' ? 4 : 8);
        } else if (is_digit(c)) {
            fail(line_, "has an octal escape, which is not supported");
        } else {
            out += '\\';
            out += c;
        }
        advance(2);
    }

    void numbered_escape(std::string& out, size_t digits) {
        uint32_t value = 0;
        for (size_t i = 0; i < digits; ++i) {
            const size_t digit = std::string_view("0123456789abcdefABCDEF").find(peek(2 + i));
            if (digit == std::string_view::npos || peek(2 + i) == '\0')
                fail(line_, "has an escape of too few hexadecimal digits");
            value = value << 4 | static_cast<uint32_t>(digit >= 16 ? digit - 6 : digit);
        }
        if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
            fail(line_, "has an escape that is no character");
        append_utf8(out, value);
        advance(2 + digits);
    }

    void symbol(size_t& depth) {
        for (const std::string_view op : kOperators) {
            if (!rest().starts_with(op)) continue;
            if (std::string_view("([{").find(op[0]) != std::string_view::npos) ++depth;
            if (std::string_view(")]}").find(op[0]) != std::string_view::npos && depth > 0) --depth;
            push(Kind::kOperator, std::string(op));
            return advance(op.size());
        }
        const Utf8Step step = utf8_step(rest());
        const std::string shown = static_cast<unsigned char>(peek(0)) < 0x20
                                      ? "a control character"
                                      : fmt::format("'{}'", rest().substr(0, step.length));
        fail(line_, fmt::format("has {} where an expression should be", shown));
    }

    std::string source_;
    size_t at_ = 0;
    uint32_t line_ = 1;
    bool at_line_begin_ = true;
    std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) { return Lexer(normalized(source)).run(); }

}  // namespace pitwall::engine::jinja
