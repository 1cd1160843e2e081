// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/jinja/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "engine/tokenizer/jinja/failure.h"
#include "engine/tokenizer/jinja/python_text.h"

namespace pitwall::engine::jinja {
namespace {

using Kind = Value::Kind;

[[noreturn]] void does_not_fit(std::string_view op, const Value& a, const Value& b) {
    for (const Value* v : {&a, &b}) {
        if (v->is(Kind::kUndefined)) fail(0, fmt::format("uses '{}', which is undefined", v->text));
    }
    fail(0, fmt::format("has {} {} {}, which is not supported", kind_name(a), op, kind_name(b)));
}

/// `result` by reference: it is written by the expression that gives `overflow`.
Value checked(bool overflow, const int64_t& result) {
    if (overflow) fail(0, "has a whole number that is too large");
    return Value::of(result);
}

int64_t floor_quotient(int64_t a, int64_t b) { return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0); }

Value integer_power(int64_t base, int64_t exponent) {
    if (exponent < 0) return Value::of(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
    int64_t result = 1;
    if (base == 0 || base == 1) return Value::of(exponent == 0 ? int64_t{1} : base);
    if (base == -1) return Value::of(exponent % 2 == 0 ? int64_t{1} : int64_t{-1});
    for (int64_t i = 0; i < exponent; ++i) {  // overflows within 63 rounds
        if (__builtin_mul_overflow(result, base, &result)) return checked(true, 0);
    }
    return Value::of(result);
}

Value integer_arithmetic(std::string_view op, int64_t a, int64_t b) {
    int64_t out = 0;
    if (op == "+") return checked(__builtin_add_overflow(a, b, &out), out);
    if (op == "-") return checked(__builtin_sub_overflow(a, b, &out), out);
    if (op == "*") return checked(__builtin_mul_overflow(a, b, &out), out);
    if (op == "**") return integer_power(a, b);
    if (b == 0) fail(0, "divides by zero");
    if (op == "/") return Value::of(static_cast<double>(a) / static_cast<double>(b));
    if (b == -1)
        return op == "%" ? Value::of(int64_t{0}) : checked(__builtin_sub_overflow(int64_t{0}, a, &out), out);
    if (op == "//") return Value::of(floor_quotient(a, b));
    return Value::of(a - floor_quotient(a, b) * b);
}

Value real_arithmetic(std::string_view op, double a, double b) {
    if (op == "+") return Value::of(a + b);
    if (op == "-") return Value::of(a - b);
    if (op == "*") return Value::of(a * b);
    if (op == "**") return Value::of(std::pow(a, b));
    if (b == 0) fail(0, "divides by zero");
    if (op == "/") return Value::of(a / b);
    if (op == "//") return Value::of(std::floor(a / b));
    return Value::of(a - std::floor(a / b) * b);
}

/// Paid for before it is made: a text has at most 2^26 bytes, so that the product cannot overflow.
Value repeated(const Value& what, int64_t times, Arena& arena) {
    const auto count = static_cast<size_t>(std::clamp<int64_t>(times, 0, 1 << 30));
    if (what.is(Kind::kText)) {
        arena.spend_bytes(what.text.size() * count);
        std::string out;
        for (size_t i = 0; i < count && !what.text.empty(); ++i) out += what.text;
        return Value::of(arena.keep(std::move(out)));
    }
    const std::vector<Value>& items = what.list->items;
    arena.spend_bytes(items.size() * sizeof(Value) * count);
    List list{{}, what.list->tuple};
    for (size_t i = 0; i < count && !items.empty(); ++i)
        list.items.insert(list.items.end(), items.begin(), items.end());
    return Value::of(arena.keep(std::move(list)));
}

std::string joined(const Value& a, const Value& b, Arena& arena) {
    arena.spend_bytes(a.text.size() + b.text.size());
    std::string out = a.is(Kind::kText) ? std::string(a.text) : to_text(a, arena);
    return out += b.is(Kind::kText) ? std::string(b.text) : to_text(b, arena);
}

bool contains(const Value& container, const Value& what, Arena& arena) {
    switch (container.kind) {
        case Kind::kText:
            if (!what.is(Kind::kText)) does_not_fit("in", what, container);
            arena.spend_reading(container.text);
            return find_text(container.text, what.text) != std::string_view::npos;
        case Kind::kList:
            for (const Value& v : container.list->items) {
                if (equal(v, what, arena)) return true;
            }
            return false;
        case Kind::kDict:
            return find_key(*container.dict, what, arena) != nullptr;
        case Kind::kUndefined:
            return false;
        default:
            does_not_fit("in", what, container);
    }
}

bool ordered(std::string_view op, const Value& a, const Value& b, Arena& arena) {
    int order = 0;
    if (a.is_number() && b.is_number()) {
        if (a.is(Kind::kFloat) || b.is(Kind::kFloat)) {
            const double x = a.as_double(), y = b.as_double();
            return op == "<" ? x < y : op == "<=" ? x <= y : op == ">" ? x > y : x >= y;
        }
        order = a.as_integer() < b.as_integer() ? -1 : a.as_integer() > b.as_integer();
    } else if (a.is(Kind::kText) && b.is(Kind::kText)) {
        arena.spend_reading(a.text.substr(0, b.text.size()));
        order = a.text.compare(b.text);  // UTF-8 sorts as its code points do
    } else {
        does_not_fit(op, a, b);
    }
    return op == "<" ? order < 0 : op == "<=" ? order <= 0 : op == ">" ? order > 0 : order >= 0;
}

/// Characters or items, as values.
std::vector<Value> sequence(const Value& value, std::string_view what, Arena& arena) {
    if (!value.is(Kind::kText) && !value.is(Kind::kList))
        fail(0, fmt::format("takes {} of {}", what, kind_name(value)));
    return elements(value, arena);
}

std::optional<int64_t> bound(const Value& value) {
    if (value.is(Kind::kNone)) return std::nullopt;
    if (!value.is(Kind::kInteger)) fail(0, "has a slice with a bound that is no whole number");
    return value.integer;
}

}  // namespace

Value arithmetic(std::string_view op, const Value& a, const Value& b, Arena& arena) {
    if (op == "~") return Value::of(arena.keep(joined(a, b, arena)));
    if (a.is_number() && b.is_number()) {
        const bool real = a.is(Kind::kFloat) || b.is(Kind::kFloat);
        return real ? real_arithmetic(op, a.as_double(), b.as_double())
                    : integer_arithmetic(op, a.as_integer(), b.as_integer());
    }
    if (op == "+" && a.is(Kind::kText) && b.is(Kind::kText))
        return Value::of(arena.keep(joined(a, b, arena)));
    if (op == "+" && a.is(Kind::kList) && b.is(Kind::kList) && a.list->tuple == b.list->tuple) {
        arena.spend_bytes((a.list->items.size() + b.list->items.size()) * sizeof(Value));
        List list = *a.list;
        list.items.insert(list.items.end(), b.list->items.begin(), b.list->items.end());
        return Value::of(arena.keep(std::move(list)));
    }
    if (op == "*" && (a.is(Kind::kText) || a.is(Kind::kList)) && b.is(Kind::kInteger))
        return repeated(a, b.integer, arena);
    if (op == "*" && (b.is(Kind::kText) || b.is(Kind::kList)) && a.is(Kind::kInteger))
        return repeated(b, a.integer, arena);
    does_not_fit(op, a, b);
}

bool compare(std::string_view op, const Value& a, const Value& b, Arena& arena) {
    if (op == "==") return equal(a, b, arena);
    if (op == "!=") return !equal(a, b, arena);
    if (op == "in") return contains(b, a, arena);
    if (op == "not in") return !contains(b, a, arena);
    return ordered(op, a, b, arena);
}

Value negate(const Value& value) {
    if (value.is(Kind::kFloat)) return Value::of(-value.real);
    if (!value.is_number()) fail(0, fmt::format("negates {}", kind_name(value)));
    return integer_arithmetic("-", 0, value.as_integer());
}

std::vector<Value> elements(const Value& value, Arena& arena) {
    std::vector<Value> out;
    switch (value.kind) {
        case Kind::kUndefined:
            break;
        case Kind::kList:
            out = value.list->items;
            break;
        case Kind::kText:
            arena.spend_bytes(text_length(value.text) * sizeof(Value));
            for (const std::string_view c : characters(value.text)) out.push_back(Value::of(c));
            break;
        case Kind::kDict:
            if (value.dict->is_namespace || value.dict->is_loop) fail(0, "loops over a namespace or a loop");
            for (const auto& [key, v] : value.dict->entries) out.push_back(key);
            break;
        default:
            fail(0, fmt::format("loops over {}", kind_name(value)));
    }
    arena.spend_steps(1 + out.size());
    return out;
}

Value item(const Value& container, const Value& key, Arena& arena) {
    if (container.is(Kind::kUndefined)) fail(0, fmt::format("uses '{}', which is undefined", container.text));
    if (container.is(Kind::kDict)) {
        const Value* found = find_key(*container.dict, key, arena);
        return found != nullptr ? *found : Value::undefined(key.text);
    }
    const bool indexed = container.is(Kind::kList) || container.is(Kind::kText);
    if (!indexed || !key.is(Kind::kInteger)) return Value::undefined(key.text);
    const int64_t count = length(container, arena);
    const int64_t at = key.integer < 0 ? key.integer + count : key.integer;
    if (at < 0 || at >= count) return Value::undefined("an element");
    if (container.is(Kind::kList)) return container.list->items[static_cast<size_t>(at)];
    return Value::of(character_at(container.text, static_cast<size_t>(at)));
}

Value attribute(const Value& container, std::string_view name, Arena& arena) {
    if (container.is(Kind::kUndefined)) fail(0, fmt::format("uses '{}', which is undefined", container.text));
    if (!container.is(Kind::kDict)) return Value::undefined(name);
    const Value* found = find_key(*container.dict, Value::of(name), arena);
    return found != nullptr ? *found : Value::undefined(name);
}

Value slice(const Value& container, const Value& begin, const Value& end, const Value& step, Arena& arena) {
    if (container.is(Kind::kUndefined)) fail(0, fmt::format("uses '{}', which is undefined", container.text));
    const std::vector<Value> from = sequence(container, "a slice", arena);
    const auto count = static_cast<int64_t>(from.size());
    const int64_t by = bound(step).value_or(1);
    if (by == 0) fail(0, "has a slice with step 0");
    const int64_t low = by > 0 ? 0 : -1, high = by > 0 ? count : count - 1;
    const auto place = [&](std::optional<int64_t> at, int64_t otherwise) {
        if (!at) return otherwise;
        return std::clamp(*at < 0 ? *at + count : *at, low, high);
    };
    const int64_t first = place(bound(begin), by > 0 ? low : high),
                  last = place(bound(end), by > 0 ? high : low);
    std::vector<Value> picked;
    // Widths of a step are bounded, so that the sum cannot overflow.
    const int64_t stride = std::clamp<int64_t>(by, -count - 1, count + 1);
    for (int64_t i = first; by > 0 ? i < last : i > last; i += stride)
        picked.push_back(from[static_cast<size_t>(i)]);
    if (container.is(Kind::kList))
        return Value::of(arena.keep(List{std::move(picked), container.list->tuple}));
    std::string text;
    for (const Value& character : picked) text += character.text;
    return Value::of(arena.keep(std::move(text)));
}

int64_t length(const Value& value, Arena& arena) {
    switch (value.kind) {
        case Kind::kUndefined:
            return 0;
        case Kind::kText:
            arena.spend_reading(value.text);
            return static_cast<int64_t>(text_length(value.text));
        case Kind::kList:
            return static_cast<int64_t>(value.list->items.size());
        case Kind::kDict:
            if (!value.dict->is_namespace && !value.dict->is_loop)
                return static_cast<int64_t>(value.dict->entries.size());
            [[fallthrough]];
        default:
            fail(0, fmt::format("takes the length of {}", kind_name(value)));
    }
}

}  // namespace pitwall::engine::jinja
