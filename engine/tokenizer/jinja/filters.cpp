// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "engine/tokenizer/jinja/ast.h"
#include "engine/tokenizer/jinja/builtins.h"
#include "engine/tokenizer/jinja/failure.h"
#include "engine/tokenizer/jinja/operators.h"
#include "engine/tokenizer/jinja/python_text.h"

namespace pitwall::engine::jinja {
namespace {

using Kind = Value::Kind;
using Filter = Value (*)(const Call&, const Value&);

Value kept(const Call& call, std::string text) { return Value::of(call.arena.keep(std::move(text))); }
Value kept(const Call& call, std::vector<Value> items) {
    return Value::of(call.arena.keep(List{std::move(items), false}));
}

/// Filters of text take other values as they would be shown.
std::string_view as_text(const Call& call, const Value& in) {
    return in.is(Kind::kText) ? in.text : call.arena.keep(to_text(in, call.arena));
}

Value trim(const Call& call, const Value& in) {
    const auto arguments = call.bind({"chars"});
    const std::string_view text = as_text(call, in);
    call.arena.spend_reading(text);
    if (arguments[0] == nullptr || arguments[0]->is(Kind::kNone))
        return Value::of(strip_right(strip_left(text)));
    return Value::of(stripped(call, text, text_argument(call, arguments[0], ""), true, true));
}

Value length_of(const Call& call, const Value& in) {
    call.bind({});
    return Value::of(length(in, call.arena));
}

Value change_case(const Call& call, const Value& in) {
    call.bind({});
    return kept(call, cased(call, as_text(call, in)));
}

Value default_value(const Call& call, const Value& in) {
    const auto arguments = call.bind({"default_value", "boolean"});
    const bool replace = in.is(Kind::kUndefined) || (bool_argument(arguments[1], false) && !truthy(in));
    if (!replace) return in;
    return arguments[0] != nullptr ? *arguments[0] : Value::of(std::string_view(""));
}

Value join(const Call& call, const Value& in) {
    const auto arguments = call.bind({"d", "attribute"});
    const std::string_view separator = text_argument(call, arguments[0], "");
    std::string out;
    bool first = true;
    for (Value part : elements(in, call.arena)) {
        if (arguments[1] != nullptr)
            part = attribute(part, text_argument(call, arguments[1], ""), call.arena);
        const std::string_view text = as_text(call, part);
        call.arena.spend_bytes(separator.size() + text.size());
        if (!first) out += separator;
        out += text;
        first = false;
    }
    return kept(call, std::move(out));
}

Value tojson(const Call& call, const Value& in) {
    const auto arguments = call.bind({"indent"});
    const bool compact = arguments[0] == nullptr || arguments[0]->is(Kind::kNone);
    const int64_t indent = compact ? -1 : integer_argument(call, arguments[0], -1);
    if (indent > 16) fail(0, "makes JSON with an indent of more than 16");
    return kept(call, to_json(in, indent, call.arena));
}

Value edge(const Call& call, const Value& in) {
    call.bind({});
    const std::vector<Value> all = elements(in, call.arena);
    if (all.empty()) return Value::undefined("an element");
    return call.name == "first" ? all.front() : all.back();
}

Value as_list(const Call& call, const Value& in) {
    call.bind({});
    return kept(call, elements(in, call.arena));
}

Value as_string(const Call& call, const Value& in) {
    call.bind({});
    return Value::of(as_text(call, in));
}

Value reverse(const Call& call, const Value& in) {
    call.bind({});
    std::vector<Value> all = elements(in, call.arena);
    std::reverse(all.begin(), all.end());
    if (!in.is(Kind::kText)) return kept(call, std::move(all));
    std::string out;
    for (const Value& c : all) out += c.text;
    return kept(call, std::move(out));
}

/// The number that a text spells whole, white space around it aside.
template <class Number>
bool parse_number(std::string_view text, Number& out) {
    text = strip_right(strip_left(text));
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto result = std::from_chars(text.data(), text.data() + text.size(), out);
    return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

Value to_integer(const Call& call, const Value& in) {
    const auto arguments = call.bind({"default"});
    const Value otherwise = arguments[0] != nullptr ? *arguments[0] : Value::of(int64_t{0});
    double real = 0;
    int64_t whole = 0;
    call.arena.spend_reading(in.text);
    if (in.is(Kind::kBool) || in.is(Kind::kInteger)) return Value::of(in.as_integer());
    if (in.is(Kind::kText) && parse_number(in.text, whole)) return Value::of(whole);
    if (in.is(Kind::kFloat)) {
        real = in.real;
    } else if (!in.is(Kind::kText) || !parse_number(in.text, real)) {
        return otherwise;
    }
    const bool fits = std::abs(real) < 9.2e18;  // false for NaN too
    return fits ? Value::of(static_cast<int64_t>(real)) : otherwise;
}

Value to_float(const Call& call, const Value& in) {
    const auto arguments = call.bind({"default"});
    double real = 0;
    call.arena.spend_reading(in.text);
    if (in.is_number()) return Value::of(in.as_double());
    if (in.is(Kind::kText) && parse_number(in.text, real)) return Value::of(real);
    return arguments[0] != nullptr ? *arguments[0] : Value::of(0.0);
}

Value absolute(const Call& call, const Value& in) {
    call.bind({});
    if (!in.is_number()) fail(0, fmt::format("takes the absolute value of {}", kind_name(in)));
    return in.as_double() < 0 ? negate(in) : in;
}

Value replace(const Call& call, const Value& in) {
    const auto arguments = call.bind({"old", "new", "count"});
    const std::string_view from = required_text(call, arguments[0]), to = required_text(call, arguments[1]);
    const bool all = arguments[2] == nullptr || arguments[2]->is(Kind::kNone);
    return kept(call, replaced(call, as_text(call, in), from, to,
                               all ? -1 : integer_argument(call, arguments[2], -1)));
}

/// Lines after the first, and with `blank` empty ones too, moved in.
Value indent(const Call& call, const Value& in) {
    const auto arguments = call.bind({"width", "first", "blank"});
    std::string prefix;
    if (arguments[0] != nullptr && arguments[0]->is(Kind::kText)) {
        prefix = arguments[0]->text;
    } else {
        prefix.assign(
            static_cast<size_t>(std::clamp<int64_t>(integer_argument(call, arguments[0], 4), 0, 256)), ' ');
    }
    const bool first = bool_argument(arguments[1], false), blank = bool_argument(arguments[2], false);
    const std::vector<std::string_view> lines = split_text(as_text(call, in), "\n", -1);
    call.arena.spend_bytes(lines.size() * (prefix.size() + sizeof(std::string_view)));
    std::string out;
    for (size_t i = 0; i < lines.size(); ++i) {
        if (i > 0) out += '\n';
        if (i == 0 ? first : (blank || !lines[i].empty())) out += prefix;
        out += lines[i];
    }
    return kept(call, std::move(out));
}

Value items(const Call& call, const Value& in) {
    call.bind({});
    if (in.is(Kind::kUndefined)) return kept(call, std::vector<Value>());
    if (!in.is(Kind::kDict)) fail(0, fmt::format("takes the items of {}", kind_name(in)));
    return call_method({call.arena, "items", {}, {}}, in);
}

/// Texts sort without regard to case unless asked, as Jinja does.
bool sorts_before(const Value& a, const Value& b, bool case_sensitive, Arena& arena) {
    arena.spend_reading(a.text);
    arena.spend_reading(b.text);
    if (case_sensitive || !a.is(Kind::kText) || !b.is(Kind::kText)) return compare("<", a, b, arena);
    return ascii_lower(a.text) < ascii_lower(b.text);
}

Value sort(const Call& call, const Value& in) {
    const auto arguments = call.bind({"reverse", "case_sensitive", "attribute"});
    const bool backwards = bool_argument(arguments[0], false), exact = bool_argument(arguments[1], false);
    const auto key = [&](const Value& v) {
        return arguments[2] == nullptr ? v : attribute(v, text_argument(call, arguments[2], ""), call.arena);
    };
    std::vector<Value> all = elements(in, call.arena);
    std::stable_sort(all.begin(), all.end(), [&](const Value& a, const Value& b) {
        return backwards ? sorts_before(key(b), key(a), exact, call.arena)
                         : sorts_before(key(a), key(b), exact, call.arena);
    });
    return kept(call, std::move(all));
}

Value dictsort(const Call& call, const Value& in) {
    const auto arguments = call.bind({"case_sensitive", "by", "reverse"});
    if (text_argument(call, arguments[1], "key") != "key")
        fail(0, "sorts a dict by value, which is not supported");
    if (!in.is(Kind::kDict)) fail(0, fmt::format("sorts {} as a dict", kind_name(in)));
    const bool exact = bool_argument(arguments[0], false), backwards = bool_argument(arguments[2], false);
    std::vector<Value> all = call_method({call.arena, "items", {}, {}}, in).list->items;
    std::stable_sort(all.begin(), all.end(), [&](const Value& a, const Value& b) {
        const Value &x = a.list->items[0], &y = b.list->items[0];
        return backwards ? sorts_before(y, x, exact, call.arena) : sorts_before(x, y, exact, call.arena);
    });
    return kept(call, std::move(all));
}

Value unique(const Call& call, const Value& in) {
    call.bind({});
    std::vector<Value> out;
    for (const Value& v : elements(in, call.arena)) {
        const auto same = [&](const Value& o) {
            if (!v.is(Kind::kText) || !o.is(Kind::kText)) return equal(v, o, call.arena);
            if (v.text.size() != o.text.size()) return false;
            call.arena.spend_reading(v.text);
            return ascii_lower(v.text) == ascii_lower(o.text);
        };
        call.arena.spend_steps(out.size());
        if (std::none_of(out.begin(), out.end(), same)) out.push_back(v);
    }
    return kept(call, std::move(out));
}

Value extreme(const Call& call, const Value& in) {
    call.bind({});
    const std::vector<Value> all = elements(in, call.arena);
    if (all.empty()) return Value::undefined("an element");
    const auto before = [&](const Value& a, const Value& b) { return sorts_before(a, b, false, call.arena); };
    return call.name == "min" ? *std::min_element(all.begin(), all.end(), before)
                              : *std::max_element(all.begin(), all.end(), before);
}

Value sum(const Call& call, const Value& in) {
    call.bind({});
    Value total = Value::of(int64_t{0});
    for (const Value& v : elements(in, call.arena)) total = arithmetic("+", total, v, call.arena);
    return total;
}

/// The rest of a call's arguments, for the filter or test that it names.
Call inner_call(const Call& call, size_t skip, std::string_view name) {
    Call inner{call.arena, name, call.positional, call.named};
    inner.positional.erase(inner.positional.begin(), inner.positional.begin() + static_cast<ptrdiff_t>(skip));
    return inner;
}

/// map('filter', ...) or map(attribute='name', default=...).
Value map(const Call& call, const Value& in) {
    std::vector<Value> out;
    if (call.positional.empty()) {
        const auto arguments = call.bind({"attribute", "default"});
        const std::string_view name = required_text(call, arguments[0]);
        for (const Value& v : elements(in, call.arena)) {
            const Value found = attribute(v, name, call.arena);
            out.push_back(found.is(Kind::kUndefined) && arguments[1] != nullptr ? *arguments[1] : found);
        }
        return kept(call, std::move(out));
    }
    const std::string_view name = required_text(call, call.positional.data());
    if (!is_known_filter(name)) fail(0, fmt::format("uses the filter '{}', which is not supported", name));
    if (name == "map") fail(0, "uses map within map, which is not supported");
    const Call inner = inner_call(call, 1, name);
    for (const Value& v : elements(in, call.arena)) out.push_back(apply_filter(inner, v));
    return kept(call, std::move(out));
}

/// select, reject, selectattr and rejectattr: by a test, or by truth where none is named.
Value pick(const Call& call, const Value& in) {
    const bool by_attribute = call.name.ends_with("attr"), keep = call.name.starts_with("select");
    const size_t skip = by_attribute ? 1 : 0;
    if (call.positional.size() < skip) fail(0, fmt::format("gives '{}' too few arguments", call.name));
    const bool tested = call.positional.size() > skip;
    const std::string_view test = tested ? required_text(call, &call.positional[skip]) : "";
    const Call inner = inner_call(call, tested ? skip + 1 : skip, test);
    std::vector<Value> out;
    for (const Value& v : elements(in, call.arena)) {
        const Value looked_at =
            by_attribute ? attribute(v, required_text(call, call.positional.data()), call.arena) : v;
        if ((tested ? apply_test(inner, looked_at) : truthy(looked_at)) == keep) out.push_back(v);
    }
    return kept(call, std::move(out));
}

constexpr std::array<std::pair<std::string_view, Filter>, 34> kFilters = {{
    {"abs", absolute},
    {"capitalize", change_case},
    {"count", length_of},
    {"d", default_value},
    {"default", default_value},
    {"dictsort", dictsort},
    {"first", edge},
    {"float", to_float},
    {"indent", indent},
    {"int", to_integer},
    {"items", items},
    {"join", join},
    {"last", edge},
    {"length", length_of},
    {"list", as_list},
    {"lower", change_case},
    {"map", map},
    {"max", extreme},
    {"min", extreme},
    {"reject", pick},
    {"rejectattr", pick},
    {"replace", replace},
    {"reverse", reverse},
    {"safe", as_string},
    {"select", pick},
    {"selectattr", pick},
    {"sort", sort},
    {"string", as_string},
    {"sum", sum},
    {"title", change_case},
    {"tojson", tojson},
    {"trim", trim},
    {"unique", unique},
    {"upper", change_case},
}};

const auto* find_filter(std::string_view name) {
    return std::find_if(kFilters.begin(), kFilters.end(), [name](const auto& f) { return f.first == name; });
}

}  // namespace

bool is_known_filter(std::string_view name) { return find_filter(name) != kFilters.end(); }

Value apply_filter(const Call& call, const Value& in) {
    call.arena.spend_steps(1);
    return find_filter(call.name)->second(call, in);
}

}  // namespace pitwall::engine::jinja
