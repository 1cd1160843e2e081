// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "engine/tokenizer/jinja/evaluator.h"
#include "engine/tokenizer/jinja/failure.h"
#include "engine/tokenizer/jinja/operators.h"

namespace pitwall::engine::jinja {

using Kind = Statement::Kind;

std::string Evaluator::run(const Body& body) {
    run_body(body);
    return std::move(out_);
}

void Evaluator::write(std::string_view text) {
    arena_.spend_bytes(text.size());
    out_ += text;
}

Evaluator::Flow Evaluator::run_body(const Body& body) {
    for (const Statement& s : body.statements) {
        const Flow flow = run_statement(s);
        if (flow != Flow::kNext) return flow;
    }
    return Flow::kNext;
}

Evaluator::Flow Evaluator::run_statement(const Statement& s) {
    arena_.spend_steps(1);
    line_ = s.line;
    switch (s.kind) {
        case Kind::kText:
            write(s.text);
            break;
        case Kind::kPrint: {
            const Value value = evaluate(*s.value);
            if (value.is(Value::Kind::kText)) {
                write(value.text);
            } else {
                write(to_text(value, arena_));
            }
            break;
        }
        case Kind::kIf:
            return run_if(s);
        case Kind::kFor:
            return run_for(s);
        case Kind::kSet:
            run_set(s);
            break;
        case Kind::kSetBlock:
            run_set_block(s);
            break;
        case Kind::kBreak:
            return Flow::kBreak;
        case Kind::kContinue:
            return Flow::kContinue;
        case Kind::kGroup:
            return run_body(s.body);
    }
    return Flow::kNext;
}

Evaluator::Flow Evaluator::run_if(const Statement& s) {
    for (const auto& [condition, body] : s.branches) {
        if (condition == nullptr || truthy(evaluate(*condition))) return run_body(body);
    }
    return Flow::kNext;
}

void Evaluator::run_set(const Statement& s) {
    const Value value = evaluate(*s.value);
    if (s.attribute.empty()) return bind_targets(s, value);
    const Value target = look_up(s.targets[0]);
    if (!target.is(Value::Kind::kDict) || !target.dict->is_namespace) {
        fail(s.line, fmt::format("assigns to an attribute of '{}', which is no namespace", s.targets[0]));
    }
    const Value key = Value::of(std::string_view(s.attribute));
    for (auto& [known, old] : target.dict->entries) {
        if (equal(known, key, arena_)) {
            old = value;
            return;
        }
    }
    arena_.spend_bytes(2 * sizeof(Value));
    target.dict->entries.emplace_back(key, value);
}

void Evaluator::run_set_block(const Statement& s) {
    std::string outside = std::move(out_);
    out_.clear();
    scopes_.emplace_back();
    run_body(s.body);
    scopes_.pop_back();
    std::swap(out_, outside);
    assign(s.targets[0], Value::of(arena_.keep(std::move(outside))));
}

void Evaluator::bind_targets(const Statement& s, const Value& value) {
    if (s.targets.size() == 1) return assign(s.targets[0], value);
    const std::vector<Value> parts = elements(value, arena_);
    if (parts.size() != s.targets.size()) {
        fail(s.line, fmt::format("takes {} values apart into {} names", parts.size(), s.targets.size()));
    }
    for (size_t i = 0; i < parts.size(); ++i) assign(s.targets[i], parts[i]);
}

/// What the loop runs over: the filter is applied first, so that loop.length and the like know.
std::vector<Value> Evaluator::loop_items(const Statement& s) {
    std::vector<Value> all = elements(evaluate(*s.value), arena_);
    if (!s.filter) return all;
    std::vector<Value> picked;
    for (const Value& value : all) {
        scopes_.emplace_back();
        bind_targets(s, value);
        if (truthy(evaluate(*s.filter))) picked.push_back(value);
        scopes_.pop_back();
    }
    return picked;
}

Dict* Evaluator::begin_loop(size_t count) {
    Dict loop;
    loop.is_loop = true;
    const auto add = [&](std::string_view name, Value value) {
        loop.entries.emplace_back(Value::of(name), value);
    };
    for (const std::string_view name :
         {"index", "index0", "revindex", "revindex0", "first", "last", "previtem", "nextitem"}) {
        add(name, Value::none());
    }
    add("length", Value::of(static_cast<int64_t>(count)));
    add("depth", Value::of(int64_t{1}));  // counts recursive loops, which there are none of
    add("depth0", Value::of(int64_t{0}));
    return arena_.keep(std::move(loop));
}

/// The entries that change from turn to turn, in begin_loop's order.
void Evaluator::turn_loop(Dict& loop, const std::vector<Value>& items, size_t index) {
    const auto i = static_cast<int64_t>(index), left = static_cast<int64_t>(items.size() - index);
    const Value values[] = {Value::of(i + 1),
                            Value::of(i),
                            Value::of(left),
                            Value::of(left - 1),
                            Value::of(index == 0),
                            Value::of(left == 1),
                            index == 0 ? Value::undefined("loop.previtem") : items[index - 1],
                            left == 1 ? Value::undefined("loop.nextitem") : items[index + 1]};
    for (size_t k = 0; k < std::size(values); ++k) loop.entries[k].second = values[k];
}

Evaluator::Flow Evaluator::run_for(const Statement& s) {
    const std::vector<Value> items = loop_items(s);
    if (items.empty()) {
        scopes_.emplace_back();
        const Flow flow = run_body(s.otherwise);
        scopes_.pop_back();
        return flow;
    }
    Dict* loop = begin_loop(items.size());
    Flow flow = Flow::kNext;
    for (size_t i = 0; i < items.size() && flow != Flow::kBreak; ++i) {
        turn_loop(*loop, items, i);
        scopes_.push_back({{"loop", Value::of(loop)}});  // names set in one turn are gone in the next
        bind_targets(s, items[i]);
        flow = run_body(s.body);
        scopes_.pop_back();
    }
    return Flow::kNext;
}

}  // namespace pitwall::engine::jinja
