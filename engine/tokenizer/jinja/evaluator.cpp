// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/jinja/evaluator.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/tokenizer/jinja/failure.h"
#include "engine/tokenizer/jinja/operators.h"

namespace pitwall::engine::jinja {
namespace {

using ValueKind = Value::Kind;
constexpr size_t kNamesAStep = 16;  ///< compared while looking for one

}  // namespace

/// Many names make every look-up slow, so that is paid for as well.
Value Evaluator::look_up(std::string_view name) {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
        arena_.spend_steps(scope->size() / kNamesAStep);
        for (const auto& [known, value] : *scope) {
            if (known == name) return value;
        }
    }
    return Value::undefined(name);
}

void Evaluator::assign(std::string_view name, const Value& value) {
    arena_.spend_steps(1 + scopes_.back().size() / kNamesAStep);
    for (auto& [known, old] : scopes_.back()) {
        if (known == name) {
            old = value;
            return;
        }
    }
    scopes_.back().emplace_back(name, value);
}

Value Evaluator::evaluate(const Expression& e) {
    using Kind = Expression::Kind;
    arena_.spend_steps(1);
    line_ = e.line;
    switch (e.kind) {
        case Kind::kText:
            return Value::of(std::string_view(e.text));
        case Kind::kInteger:
            return Value::of(e.integer);
        case Kind::kFloat:
            return Value::of(e.real);
        case Kind::kBool:
            return Value::of(e.integer != 0);
        case Kind::kNone:
            return Value::none();
        case Kind::kName:
            return look_up(e.text);
        case Kind::kList:
            return evaluate_parts(e, false);
        case Kind::kTuple:
            return evaluate_parts(e, true);
        case Kind::kDict:
            return evaluate_dict(e);
        case Kind::kAttribute:
            return attribute(evaluate(*e.parts[0]), e.text, arena_);
        case Kind::kItem: {
            const Value container = evaluate(*e.parts[0]);
            return item(container, evaluate(*e.parts[1]), arena_);
        }
        case Kind::kSlice:
            return evaluate_slice(e);
        case Kind::kCall:
            return evaluate_call(e);
        case Kind::kFilter: {
            const Value in = evaluate(*e.parts[0]);
            return apply_filter(arguments_of(e, e.text), in);
        }
        case Kind::kTest: {
            const Value in = evaluate(*e.parts[0]);
            return Value::of(apply_test(arguments_of(e, e.text), in));
        }
        case Kind::kNot:
            return Value::of(!truthy(evaluate(*e.parts[0])));
        case Kind::kNegate:
            return negate(evaluate(*e.parts[0]));
        case Kind::kPlus:
            return arithmetic("+", Value::of(int64_t{0}), evaluate(*e.parts[0]), arena_);
        case Kind::kBinary:
            return evaluate_binary(e);
        case Kind::kCompare:
            return evaluate_compare(e);
        case Kind::kConditional:
            return evaluate_conditional(e);
    }
    return Value::none();
}

Value Evaluator::evaluate_parts(const Expression& e, bool tuple) {
    List list{{}, tuple};
    for (const ExpressionPtr& part : e.parts) list.items.push_back(evaluate(*part));
    return Value::of(arena_.keep(std::move(list)));
}

Value Evaluator::evaluate_dict(const Expression& e) {
    Dict dict;
    for (size_t i = 0; i < e.parts.size(); i += 2) {
        const Value key = evaluate(*e.parts[i]), value = evaluate(*e.parts[i + 1]);
        const bool simple = key.is(ValueKind::kText) || key.is_number() || key.is(ValueKind::kNone);
        if (!simple) fail(0, fmt::format("has a dict with {} as a key", kind_name(key)));
        const auto same = std::find_if(dict.entries.begin(), dict.entries.end(),
                                       [&](const auto& entry) { return equal(entry.first, key, arena_); });
        if (same != dict.entries.end()) {
            same->second = value;
        } else {
            dict.entries.emplace_back(key, value);
        }
    }
    return Value::of(arena_.keep(std::move(dict)));
}

Value Evaluator::evaluate_slice(const Expression& e) {
    const Value container = evaluate(*e.parts[0]);
    const auto bound = [&](size_t i) { return e.parts[i] ? evaluate(*e.parts[i]) : Value::none(); };
    const Value begin = bound(1), end = bound(2), step = bound(3);
    return slice(container, begin, end, step, arena_);
}

Call Evaluator::arguments_of(const Expression& e, std::string_view name) {
    Call call{arena_, name, {}, {}};
    for (const ExpressionPtr& part : e.arguments.positional) call.positional.push_back(evaluate(*part));
    for (const auto& [parameter, part] : e.arguments.named)
        call.named.emplace_back(parameter, evaluate(*part));
    line_ = e.line;
    return call;
}

Value Evaluator::evaluate_call(const Expression& e) {
    const Expression& callee = *e.parts[0];
    if (callee.kind == Expression::Kind::kAttribute) {
        const Value object = evaluate(*callee.parts[0]);
        return call_method(arguments_of(e, callee.text), object);
    }
    const Value function = evaluate(callee);
    if (function.is(ValueKind::kUndefined))
        fail(0, fmt::format("calls '{}', which is undefined", function.text));
    if (!function.is(ValueKind::kFunction)) fail(0, fmt::format("calls {}", kind_name(function)));
    return call_function(arguments_of(e, callee.text), function.function);
}

Value Evaluator::evaluate_binary(const Expression& e) {
    const Value left = evaluate(*e.parts[0]);
    if (e.text == "and") return truthy(left) ? evaluate(*e.parts[1]) : left;
    if (e.text == "or") return truthy(left) ? left : evaluate(*e.parts[1]);
    const Value right = evaluate(*e.parts[1]);
    line_ = e.line;
    return arithmetic(e.text, left, right, arena_);
}

Value Evaluator::evaluate_compare(const Expression& e) {
    Value left = evaluate(*e.parts[0]);
    for (size_t i = 0; i < e.operators.size(); ++i) {
        const Value right = evaluate(*e.parts[i + 1]);
        line_ = e.line;
        if (!compare(e.operators[i], left, right, arena_)) return Value::of(false);
        left = right;
    }
    return Value::of(true);
}

Value Evaluator::evaluate_conditional(const Expression& e) {
    if (truthy(evaluate(*e.parts[1]))) return evaluate(*e.parts[0]);
    return e.parts[2] ? evaluate(*e.parts[2]) : Value::undefined("the value of an if without else");
}

}  // namespace pitwall::engine::jinja
