// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>

#include "engine/tokenizer/jinja/ast.h"
#include "engine/tokenizer/jinja/builtins.h"
#include "engine/tokenizer/jinja/failure.h"
#include "engine/tokenizer/jinja/operators.h"
#include "engine/tokenizer/jinja/python_text.h"

namespace pitwall::engine::jinja {
namespace {

using Kind = Value::Kind;
using Test = bool (*)(const Call&, const Value&);

const Value& argument(const Call& call) {
    const auto arguments = call.bind({"value"});
    if (arguments[0] == nullptr) fail(0, "has the test '" + std::string(call.name) + "' without an argument");
    return *arguments[0];
}

bool compared(const Call& call, const Value& in) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kOperators = {
        {{"eq", "=="},
         {"equalto", "=="},
         {"ne", "!="},
         {"lt", "<"},
         {"lessthan", "<"},
         {"le", "<="},
         {"gt", ">"},
         {"greaterthan", ">"},
         {"ge", ">="},
         {"in", "in"},
         {"sameas", "=="},
         {"==", "=="}}};
    const auto* at = std::find_if(kOperators.begin(), kOperators.end(),
                                  [&](const auto& o) { return o.first == call.name; });
    const Value& other = argument(call);
    if (call.name == "sameas" &&
        (in.kind != other.kind || in.is(Kind::kText) || in.is(Kind::kList) || in.is(Kind::kDict))) {
        if (in.kind == other.kind)
            fail(0, "asks whether two texts, lists or dicts are the same one, which is not supported");
        return false;
    }
    return compare(at->second, in, other, call.arena);
}

bool remainder_is(const Call& call, const Value& in, int64_t by, int64_t wanted) {
    const Value rest = arithmetic("%", in, Value::of(by), call.arena);
    return equal(rest, Value::of(wanted), call.arena);
}

bool is_cased(const Call& call, const Value& in, bool upper) {
    if (!in.is(Kind::kText)) return false;
    call.arena.spend_reading(in.text);
    const auto within = [&](char first, char last) {
        return std::any_of(in.text.begin(), in.text.end(), [=](char c) { return c >= first && c <= last; });
    };
    return upper ? within('A', 'Z') && !within('a', 'z') : within('a', 'z') && !within('A', 'Z');
}

bool is_collection(const Value& v) {
    return v.is(Kind::kText) || v.is(Kind::kList) || v.is(Kind::kUndefined) ||
           (v.is(Kind::kDict) && !v.dict->is_namespace && !v.dict->is_loop);
}

constexpr std::array<std::pair<std::string_view, Test>, 31> kTests = {{
    {"defined", [](const Call&, const Value& v) { return !v.is(Kind::kUndefined); }},
    {"undefined", [](const Call&, const Value& v) { return v.is(Kind::kUndefined); }},
    {"none", [](const Call&, const Value& v) { return v.is(Kind::kNone); }},
    {"boolean", [](const Call&, const Value& v) { return v.is(Kind::kBool); }},
    {"true", [](const Call&, const Value& v) { return v.is(Kind::kBool) && v.boolean; }},
    {"false", [](const Call&, const Value& v) { return v.is(Kind::kBool) && !v.boolean; }},
    {"integer", [](const Call&, const Value& v) { return v.is(Kind::kInteger); }},
    {"float", [](const Call&, const Value& v) { return v.is(Kind::kFloat); }},
    {"number", [](const Call&, const Value& v) { return v.is_number(); }},
    {"string", [](const Call&, const Value& v) { return v.is(Kind::kText); }},
    {"mapping",
     [](const Call&, const Value& v) {
         return v.is(Kind::kDict) && !v.dict->is_namespace && !v.dict->is_loop;
     }},
    {"sequence", [](const Call&, const Value& v) { return is_collection(v); }},
    {"iterable",
     [](const Call&, const Value& v) { return is_collection(v) || (v.is(Kind::kDict) && v.dict->is_loop); }},
    {"callable", [](const Call&, const Value& v) { return v.is(Kind::kFunction); }},
    {"odd", [](const Call& c, const Value& v) { return remainder_is(c, v, 2, 1); }},
    {"even", [](const Call& c, const Value& v) { return remainder_is(c, v, 2, 0); }},
    {"divisibleby",
     [](const Call& c, const Value& v) {
         return remainder_is(c, v, integer_argument(c, &argument(c), 1), 0);
     }},
    {"upper", [](const Call& c, const Value& v) { return is_cased(c, v, true); }},
    {"lower", [](const Call& c, const Value& v) { return is_cased(c, v, false); }},
    {"eq", compared},
    {"equalto", compared},
    {"ne", compared},
    {"lt", compared},
    {"lessthan", compared},
    {"le", compared},
    {"gt", compared},
    {"greaterthan", compared},
    {"ge", compared},
    {"in", compared},
    {"sameas", compared},
    {"==", compared},
}};

const auto* find_test(std::string_view name) {
    return std::find_if(kTests.begin(), kTests.end(),
                        [name](const auto& test) { return test.first == name; });
}

}  // namespace

bool is_known_test(std::string_view name) { return find_test(name) != kTests.end(); }

bool apply_test(const Call& call, const Value& in) {
    const auto* test = find_test(call.name);
    if (test == kTests.end())
        fail(0, "uses the test '" + std::string(call.name) + "', which is not supported");
    call.arena.spend_steps(1);
    return test->second(call, in);
}

}  // namespace pitwall::engine::jinja
