// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tokenizer/jinja/ast.h"
#include "engine/tokenizer/jinja/builtins.h"
#include "engine/tokenizer/jinja/value.h"

namespace pitwall::engine::jinja {

/// Runs a template once. Throws Failure, whose line may be 0: then line() is where.
class Evaluator {
  public:
    using Scope = std::vector<std::pair<std::string_view, Value>>;
    Evaluator(Arena& arena, Scope globals) : arena_(arena), scopes_{std::move(globals)} {}

    std::string run(const Body& body);
    uint32_t line() const { return line_; }

  private:
    enum class Flow : uint8_t { kNext, kBreak, kContinue };
    Flow run_body(const Body& body);
    Flow run_statement(const Statement& s);
    Flow run_if(const Statement& s);
    Flow run_for(const Statement& s);
    void run_set(const Statement& s);
    void run_set_block(const Statement& s);
    std::vector<Value> loop_items(const Statement& s);
    void bind_targets(const Statement& s, const Value& value);
    Dict* begin_loop(size_t count);
    void turn_loop(Dict& loop, const std::vector<Value>& items, size_t index);
    void write(std::string_view text);

    Value evaluate(const Expression& e);
    Value evaluate_parts(const Expression& e, bool tuple);
    Value evaluate_dict(const Expression& e);
    Value evaluate_slice(const Expression& e);
    Value evaluate_call(const Expression& e);
    Value evaluate_binary(const Expression& e);
    Value evaluate_compare(const Expression& e);
    Value evaluate_conditional(const Expression& e);
    Call arguments_of(const Expression& e, std::string_view name);
    Value look_up(std::string_view name);
    void assign(std::string_view name, const Value& value);

    Arena& arena_;
    std::vector<Scope> scopes_;  ///< innermost last
    std::string out_;
    uint32_t line_ = 0;
};

}  // namespace pitwall::engine::jinja
