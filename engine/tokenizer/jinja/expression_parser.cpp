// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/jinja/expression_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/tokenizer/jinja/failure.h"

namespace pitwall::engine::jinja {
namespace {

using Kind = Expression::Kind;
constexpr uint32_t kDeepest = 100;  ///< nested parentheses, brackets, calls
constexpr uint32_t kHighest = 400;  ///< of an expression's tree, long chains of operators included

}  // namespace

ExpressionPtr ExpressionParser::make(Kind kind, std::string text) {
    auto node = std::make_unique<Expression>();
    node->kind = kind;
    node->line = tokens_.line();
    node->text = std::move(text);
    return node;
}

ExpressionPtr ExpressionParser::finished(ExpressionPtr node) const {
    uint32_t below = 0;
    for (const ExpressionPtr& part : node->parts) below = std::max(below, part ? part->height : 0);
    for (const ExpressionPtr& part : node->arguments.positional) below = std::max(below, part->height);
    for (const auto& [name, part] : node->arguments.named) below = std::max(below, part->height);
    node->height = below + 1;
    if (node->height > kHighest) fail(node->line, "has an expression that is nested too deeply");
    return node;
}

ExpressionPtr ExpressionParser::parse_tuple() {
    ExpressionPtr first = parse();
    if (!tokens_.is_operator(",")) return first;
    ExpressionPtr tuple = make(Kind::kTuple);
    tuple->parts.push_back(std::move(first));
    while (tokens_.skip_operator(",")) {
        if (tokens_.is_operator(")") || tokens_.is(Token::Kind::kTagEnd) ||
            tokens_.is(Token::Kind::kPrintEnd))
            break;
        tuple->parts.push_back(parse());
    }
    return finished(std::move(tuple));
}

ExpressionPtr ExpressionParser::parse() {
    if (++depth_ > kDeepest) fail(tokens_.line(), "has an expression that is nested too deeply");
    ExpressionPtr value = parse_or();
    while (tokens_.is_name("if")) {
        ExpressionPtr node = make(Kind::kConditional);
        tokens_.take();
        node->parts.push_back(std::move(value));
        node->parts.push_back(parse_or());
        node->parts.push_back(tokens_.skip_name("else") ? parse() : nullptr);
        value = finished(std::move(node));
    }
    --depth_;
    return value;
}

ExpressionPtr ExpressionParser::parse_or() {
    ExpressionPtr left = parse_and();
    while (tokens_.is_name("or")) {
        ExpressionPtr node = make(Kind::kBinary, tokens_.take().text);
        node->parts.push_back(std::move(left));
        node->parts.push_back(parse_and());
        left = finished(std::move(node));
    }
    return left;
}

ExpressionPtr ExpressionParser::parse_and() {
    ExpressionPtr left = parse_not();
    while (tokens_.is_name("and")) {
        ExpressionPtr node = make(Kind::kBinary, tokens_.take().text);
        node->parts.push_back(std::move(left));
        node->parts.push_back(parse_not());
        left = finished(std::move(node));
    }
    return left;
}

ExpressionPtr ExpressionParser::parse_not() {
    if (!tokens_.is_name("not")) return parse_compare();
    ExpressionPtr node = make(Kind::kNot);
    tokens_.take();
    if (++depth_ > kDeepest) fail(tokens_.line(), "has an expression that is nested too deeply");
    node->parts.push_back(parse_not());
    --depth_;
    return finished(std::move(node));
}

ExpressionPtr ExpressionParser::parse_compare() {
    ExpressionPtr first = parse_sum();
    ExpressionPtr node = make(Kind::kCompare);
    node->parts.push_back(std::move(first));
    while (true) {
        std::string op;
        for (const std::string_view known : {"==", "!=", "<", "<=", ">", ">="}) {
            if (tokens_.is_operator(known)) op = known;
        }
        if (tokens_.is_name("in")) op = "in";
        if (tokens_.is_name("not") && tokens_.is_name("in", 1)) {
            tokens_.take();
            op = "not in";
        }
        if (op.empty()) break;
        tokens_.take();
        node->operators.push_back(op);
        node->parts.push_back(parse_sum());
    }
    return node->operators.empty() ? std::move(node->parts[0]) : finished(std::move(node));
}

ExpressionPtr ExpressionParser::binary_chain(Level next, std::initializer_list<std::string_view> operators) {
    ExpressionPtr left = (this->*next)();
    const auto here = [&](std::string_view op) { return tokens_.is_operator(op); };
    while (std::any_of(operators.begin(), operators.end(), here)) {
        ExpressionPtr node = make(Kind::kBinary, tokens_.take().text);
        node->parts.push_back(std::move(left));
        node->parts.push_back((this->*next)());
        left = finished(std::move(node));
    }
    return left;
}

ExpressionPtr ExpressionParser::parse_sum() {
    return binary_chain(&ExpressionParser::parse_concat, {"+", "-"});
}
ExpressionPtr ExpressionParser::parse_concat() {
    return binary_chain(&ExpressionParser::parse_product, {"~"});
}
ExpressionPtr ExpressionParser::parse_product() {
    return binary_chain(&ExpressionParser::parse_power, {"*", "/", "//", "%"});
}

/// Jinja's power binds to the left, unlike Python's.
ExpressionPtr ExpressionParser::parse_power() {
    ExpressionPtr left = parse_unary(true);
    while (tokens_.is_operator("**")) {
        ExpressionPtr node = make(Kind::kBinary, tokens_.take().text);
        node->parts.push_back(std::move(left));
        node->parts.push_back(parse_unary(true));
        left = finished(std::move(node));
    }
    return left;
}

ExpressionPtr ExpressionParser::parse_unary(bool with_filters) {
    ExpressionPtr value;
    if (tokens_.is_operator("-") || tokens_.is_operator("+")) {
        ExpressionPtr node = make(tokens_.is_operator("-") ? Kind::kNegate : Kind::kPlus);
        tokens_.take();
        if (++depth_ > kDeepest) fail(tokens_.line(), "has an expression that is nested too deeply");
        node->parts.push_back(parse_unary(false));
        --depth_;
        value = finished(std::move(node));
    } else {
        value = parse_primary();
    }
    value = parse_postfix(std::move(value));
    return with_filters ? parse_filters_and_tests(std::move(value)) : std::move(value);
}

ExpressionPtr ExpressionParser::parse_primary() {
    if (tokens_.is_operator("(")) return parse_parenthesis();
    if (tokens_.is_operator("[")) return parse_list();
    if (tokens_.is_operator("{")) return parse_dict();
    if (tokens_.is(Token::Kind::kName)) return parse_name();
    return parse_literal();
}

ExpressionPtr ExpressionParser::parse_literal() {
    ExpressionPtr node = make(Kind::kText);
    const std::string& digits = tokens_.peek().text;
    if (tokens_.is(Token::Kind::kString)) {
        while (tokens_.is(Token::Kind::kString)) node->text += tokens_.take().text;  // adjacent ones are one
        return node;
    }
    if (tokens_.is(Token::Kind::kInteger)) {
        node->kind = Kind::kInteger;
        if (std::from_chars(digits.data(), digits.data() + digits.size(), node->integer).ec != std::errc()) {
            fail(node->line, "has a whole number that is too large");
        }
    } else if (tokens_.is(Token::Kind::kFloat)) {
        node->kind = Kind::kFloat;
        if (std::from_chars(digits.data(), digits.data() + digits.size(), node->real).ec != std::errc()) {
            fail(node->line, "has a number that is too large");
        }
    } else {
        tokens_.unexpected("an expression");
    }
    tokens_.take();
    return node;
}

ExpressionPtr ExpressionParser::parse_name() {
    ExpressionPtr node = make(Kind::kName, tokens_.take().text);
    if (node->text == "true" || node->text == "True" || node->text == "false" || node->text == "False") {
        node->kind = Kind::kBool;
        node->integer = node->text[0] == 't' || node->text[0] == 'T';
    } else if (node->text == "none" || node->text == "None") {
        node->kind = Kind::kNone;
    }
    return node;
}

ExpressionPtr ExpressionParser::parse_parenthesis() {
    ExpressionPtr empty = make(Kind::kTuple);
    tokens_.expect_operator("(");
    ExpressionPtr value = tokens_.is_operator(")") ? std::move(empty) : parse_tuple();
    tokens_.expect_operator(")");
    return value;
}

ExpressionPtr ExpressionParser::parse_list() {
    ExpressionPtr node = make(Kind::kList);
    tokens_.expect_operator("[");
    while (!tokens_.is_operator("]")) {
        node->parts.push_back(parse());
        if (!tokens_.skip_operator(",")) break;
    }
    tokens_.expect_operator("]");
    return finished(std::move(node));
}

ExpressionPtr ExpressionParser::parse_dict() {
    ExpressionPtr node = make(Kind::kDict);
    tokens_.expect_operator("{");
    while (!tokens_.is_operator("}")) {
        node->parts.push_back(parse());
        tokens_.expect_operator(":");
        node->parts.push_back(parse());
        if (!tokens_.skip_operator(",")) break;
    }
    tokens_.expect_operator("}");
    return finished(std::move(node));
}

ExpressionPtr ExpressionParser::parse_postfix(ExpressionPtr value) {
    while (true) {
        if (tokens_.is_operator(".")) {
            tokens_.take();
            ExpressionPtr node = make(Kind::kAttribute);
            if (!tokens_.is(Token::Kind::kName)) tokens_.unexpected("a name after '.'");
            node->text = tokens_.take().text;
            node->parts.push_back(std::move(value));
            value = finished(std::move(node));
        } else if (tokens_.is_operator("[")) {
            value = parse_subscript(std::move(value));
        } else if (tokens_.is_operator("(")) {
            ExpressionPtr node = make(Kind::kCall);
            node->parts.push_back(std::move(value));
            node->arguments = parse_arguments();
            value = finished(std::move(node));
        } else {
            return value;
        }
    }
}

ExpressionPtr ExpressionParser::parse_filters_and_tests(ExpressionPtr value) {
    while (true) {
        if (tokens_.is_operator("|")) {
            value = parse_filter(std::move(value));
        } else if (tokens_.is_name("is")) {
            value = parse_test(std::move(value));
        } else if (tokens_.is_operator("(")) {
            value = parse_postfix(std::move(value));
        } else {
            return value;
        }
    }
}

ExpressionPtr ExpressionParser::parse_subscript(ExpressionPtr value) {
    ExpressionPtr node = make(Kind::kItem);
    tokens_.expect_operator("[");
    node->parts.push_back(std::move(value));
    bool slice = false;
    size_t colons = 0;
    node->parts.resize(4);
    while (!tokens_.is_operator("]")) {
        if (tokens_.skip_operator(":")) {
            slice = true;
            if (++colons > 2) tokens_.unexpected("']'");
        } else {
            if (node->parts[1 + colons]) tokens_.unexpected("']'");
            node->parts[1 + colons] = parse();
        }
    }
    if (!slice && !node->parts[1]) tokens_.unexpected("an index");
    node->kind = slice ? Kind::kSlice : Kind::kItem;
    tokens_.expect_operator("]");
    return finished(std::move(node));
}

ExpressionPtr ExpressionParser::parse_filter(ExpressionPtr value) {
    tokens_.expect_operator("|");
    ExpressionPtr node = make(Kind::kFilter);
    node->text = tokens_.expect_any_name();
    if (!is_known_filter(node->text))
        fail(node->line, fmt::format("uses the filter '{}', which is not supported", node->text));
    node->parts.push_back(std::move(value));
    if (tokens_.is_operator("(")) node->arguments = parse_arguments();
    return finished(std::move(node));
}

/// A test takes one argument without parentheses: `x is divisibleby 3`.
bool ExpressionParser::begins_test_argument() const {
    using T = Token::Kind;
    const Token& t = tokens_.peek();
    if (t.kind == T::kString || t.kind == T::kInteger || t.kind == T::kFloat) return true;
    if (t.kind == T::kOperator) return t.text == "[" || t.text == "{";
    constexpr std::string_view kNotArguments[] = {"else", "or", "and", "is", "if", "in", "not"};
    return t.kind == T::kName &&
           std::find(std::begin(kNotArguments), std::end(kNotArguments), t.text) == std::end(kNotArguments);
}

ExpressionPtr ExpressionParser::parse_test(ExpressionPtr value) {
    tokens_.expect_name("is");
    const bool negated = tokens_.skip_name("not");
    ExpressionPtr node = make(Kind::kTest);
    node->text = tokens_.expect_any_name();
    if (!is_known_test(node->text))
        fail(node->line, fmt::format("uses the test '{}', which is not supported", node->text));
    node->parts.push_back(std::move(value));
    if (tokens_.is_operator("(")) {
        node->arguments = parse_arguments();
    } else if (begins_test_argument()) {
        ExpressionPtr argument = parse_primary();
        node->arguments.positional.push_back(parse_postfix(std::move(argument)));
    }
    ExpressionPtr test = finished(std::move(node));
    if (!negated) return test;
    ExpressionPtr inverse = make(Kind::kNot);
    inverse->parts.push_back(std::move(test));
    return finished(std::move(inverse));
}

Arguments ExpressionParser::parse_arguments() {
    Arguments out;
    tokens_.expect_operator("(");
    while (!tokens_.is_operator(")")) {
        if (tokens_.is_operator("*") || tokens_.is_operator("**")) {
            fail(tokens_.line(), "unpacks arguments with '*', which is not supported");
        }
        if (tokens_.is(Token::Kind::kName) && tokens_.is_operator("=", 1)) {
            std::string name = tokens_.take().text;
            tokens_.take();
            out.named.emplace_back(std::move(name), parse());
        } else if (!out.named.empty()) {
            tokens_.unexpected("an argument with a name");
        } else {
            out.positional.push_back(parse());
        }
        if (!tokens_.skip_operator(",")) break;
    }
    tokens_.expect_operator(")");
    return out;
}

}  // namespace pitwall::engine::jinja
