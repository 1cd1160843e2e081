// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/jinja/template.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/tokenizer/jinja/ast.h"
#include "engine/tokenizer/jinja/evaluator.h"
#include "engine/tokenizer/jinja/failure.h"
#include "engine/tokenizer/jinja/lexer.h"
#include "engine/tokenizer/jinja/statement_parser.h"
#include "engine/tokenizer/jinja/value.h"

namespace pitwall::engine::jinja {
namespace {

constexpr size_t kMostSourceBytes = 1 << 20;
constexpr size_t kMostBytes = size_t{64} << 20;  ///< of values and text that one run makes
constexpr uint64_t kMostSteps = 3'000'000;

Error error_of(const Failure& failure, uint32_t line) {
    return {fmt::format("line {} {}", failure.line != 0 ? failure.line : line, failure.what), ""};
}

Evaluator::Scope globals(const nlohmann::ordered_json& context, Arena& arena) {
    Evaluator::Scope scope = {{"range", Value::of(Builtin::kRange)},
                              {"namespace", Value::of(Builtin::kNamespace)},
                              {"dict", Value::of(Builtin::kDict)},
                              {"raise_exception", Value::of(Builtin::kRaise)}};
    const Value names = from_json(context, arena);
    for (const auto& [name, value] : names.dict->entries) scope.emplace_back(name.text, value);
    return scope;
}

}  // namespace

Template::Template(std::unique_ptr<Body> body) : body_(std::move(body)) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

Result<Template> Template::parse(std::string_view source) {
    if (source.size() > kMostSourceBytes) return Error{"the template is longer than 1 MiB", ""};
    try {
        return Template(std::make_unique<Body>(StatementParser(tokenize(source)).parse()));
    } catch (const Failure& failure) {
        return error_of(failure, 1);
    }
}

Result<std::string> Template::render(const nlohmann::ordered_json& context) const {
    if (!context.is_object()) return Error{"the context of a template must be an object", ""};
    Arena arena(kMostBytes, kMostSteps);
    uint32_t line = 1;
    try {
        Evaluator evaluator(arena, globals(context, arena));
        try {
            return evaluator.run(*body_);
        } catch (const Failure& failure) {
            line = evaluator.line();
            throw;
        }
    } catch (const Failure& failure) {
        return error_of(failure, line);
    }
}

}  // namespace pitwall::engine::jinja
