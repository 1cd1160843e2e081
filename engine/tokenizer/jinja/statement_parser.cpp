// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/jinja/statement_parser.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/tokenizer/jinja/failure.h"

namespace pitwall::engine::jinja {
namespace {

using Kind = Statement::Kind;
constexpr uint32_t kDeepest = 64;

Statement statement(Kind kind, uint32_t line) {
    Statement s;
    s.kind = kind;
    s.line = line;
    return s;
}

}  // namespace

Body StatementParser::parse() {
    std::string end;
    return parse_body(1, {}, end);
}

Body StatementParser::parse_body(uint32_t begin_line, std::initializer_list<std::string_view> ends,
                                 std::string& end) {
    if (++depth_ > kDeepest) fail(tokens_.line(), "has tags that are nested too deeply");
    Body body;
    while (true) {
        const uint32_t line = tokens_.line();
        if (tokens_.is(Token::Kind::kText)) {
            body.statements.push_back(statement(Kind::kText, line));
            body.statements.back().text = tokens_.take().text;
        } else if (tokens_.is(Token::Kind::kPrintBegin)) {
            tokens_.take();
            body.statements.push_back(statement(Kind::kPrint, line));
            body.statements.back().value = expressions_.parse_tuple();
            tokens_.expect(Token::Kind::kPrintEnd);
        } else if (tokens_.is(Token::Kind::kTagBegin)) {
            tokens_.take();
            const auto here = [&](std::string_view word) { return tokens_.is_name(word); };
            if (std::any_of(ends.begin(), ends.end(), here)) {
                end = tokens_.take().text;
                break;
            }
            body.statements.push_back(parse_tag());
        } else if (ends.size() != 0) {
            fail(begin_line, fmt::format("has a tag without its {}", *(ends.end() - 1)));
        } else {
            break;
        }
    }
    --depth_;
    return body;
}

Statement StatementParser::parse_tag() {
    const uint32_t line = tokens_.line();
    const std::string word = tokens_.expect_any_name();
    if (word == "if") return parse_if(line);
    if (word == "for") return parse_for(line);
    if (word == "set") return parse_set(line);
    if (word == "generation") return parse_generation(line);
    if (word == "break") return parse_jump(Kind::kBreak, line);
    if (word == "continue") return parse_jump(Kind::kContinue, line);
    fail(line, fmt::format("uses the tag '{}', which is not supported", word.substr(0, 40)));
}

Statement StatementParser::parse_if(uint32_t line) {
    Statement s = statement(Kind::kIf, line);
    std::string end = "if";
    while (end != "endif") {
        ExpressionPtr condition = end == "else" ? nullptr : expressions_.parse_tuple();
        end_tag();
        Body body =
            condition ? parse_body(line, {"elif", "else", "endif"}, end) : parse_body(line, {"endif"}, end);
        s.branches.push_back({std::move(condition), std::move(body)});
    }
    end_tag();
    return s;
}

Statement StatementParser::parse_for(uint32_t line) {
    Statement s = statement(Kind::kFor, line);
    s.targets = parse_targets();
    tokens_.expect_name("in");
    s.value = expressions_.parse_without_conditional();
    if (tokens_.is_operator(",")) fail(line, "loops over a list without brackets, which is not supported");
    if (tokens_.skip_name("if")) s.filter = expressions_.parse();
    if (tokens_.is_name("recursive")) fail(line, "has a recursive loop, which is not supported");
    end_tag();
    ++loops_;
    std::string end;
    s.body = parse_body(line, {"else", "endfor"}, end);
    --loops_;
    if (end == "else") {
        end_tag();
        s.otherwise = parse_body(line, {"endfor"}, end);
    }
    end_tag();
    return s;
}

Statement StatementParser::parse_set(uint32_t line) {
    Statement s = statement(Kind::kSet, line);
    s.targets = parse_targets();
    if (s.targets.size() == 1 && tokens_.skip_operator(".")) s.attribute = tokens_.expect_any_name();
    if (tokens_.skip_operator("=")) {
        s.value = expressions_.parse_tuple();
        end_tag();
        return s;
    }
    if (!tokens_.is(Token::Kind::kTagEnd) || s.targets.size() != 1 || !s.attribute.empty())
        tokens_.unexpected("'='");
    s.kind = Kind::kSetBlock;
    end_tag();
    std::string end;
    s.body = parse_body(line, {"endset"}, end);
    end_tag();
    return s;
}

/// Marks what the model said, for training: no more than its body here.
Statement StatementParser::parse_generation(uint32_t line) {
    Statement s = statement(Kind::kGroup, line);
    end_tag();
    std::string end;
    s.body = parse_body(line, {"endgeneration"}, end);
    end_tag();
    return s;
}

Statement StatementParser::parse_jump(Kind kind, uint32_t line) {
    if (loops_ == 0) fail(line, "leaves a loop where there is none");
    end_tag();
    return statement(kind, line);
}

std::vector<std::string> StatementParser::parse_targets() {
    const bool parenthesis = tokens_.skip_operator("(");
    std::vector<std::string> targets = {parse_target()};
    while (tokens_.skip_operator(",")) targets.push_back(parse_target());
    if (parenthesis) tokens_.expect_operator(")");
    return targets;
}

std::string StatementParser::parse_target() {
    constexpr std::string_view kReserved[] = {"true", "True", "false", "False", "none", "None", "loop"};
    const uint32_t line = tokens_.line();
    std::string name = tokens_.expect_any_name();
    if (std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved)) {
        fail(line, fmt::format("assigns to '{}'", name));
    }
    return name;
}

}  // namespace pitwall::engine::jinja
