// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/jinja/builtins.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/tokenizer/jinja/ast.h"
#include "engine/tokenizer/jinja/failure.h"
#include "engine/tokenizer/jinja/operators.h"
#include "engine/tokenizer/jinja/python_text.h"

namespace pitwall::engine::jinja {
namespace {

using Kind = Value::Kind;
constexpr int64_t kLongestRange = 100000;  // as Jinja's sandbox has it

Value range(const Call& call) {
    const auto arguments = call.bind({"start", "stop", "step"});
    const bool single = arguments[1] == nullptr;
    const int64_t begin = single ? 0 : integer_argument(call, arguments[0], 0);
    const int64_t end = integer_argument(call, single ? arguments[0] : arguments[1], 0);
    const int64_t step = integer_argument(call, arguments[2], 1);
    if (arguments[0] == nullptr || step == 0) fail(0, "has a range without an end or with step 0");
    List list;
    int64_t value = begin;
    while (step > 0 ? value < end : value > end) {
        if (std::ssize(list.items) == kLongestRange)
            fail(0, fmt::format("has a range of more than {} numbers", kLongestRange));
        list.items.push_back(Value::of(value));
        if (__builtin_add_overflow(value, step, &value)) break;
    }
    return Value::of(call.arena.keep(std::move(list)));
}

/// namespace(...) and dict(...): what is named, after the entries of one dict.
Value make_dict(const Call& call, bool is_namespace) {
    Dict dict;
    if (call.positional.size() > 1)
        fail(0, fmt::format("calls {} with more than one argument without a name", call.name));
    for (const Value& from : call.positional) {
        if (!from.is(Kind::kDict) || from.dict->is_namespace)
            fail(0, fmt::format("calls {} with {}", call.name, kind_name(from)));
        dict.entries = from.dict->entries;
    }
    for (const auto& [name, value] : call.named) {
        const Value key = Value::of(name);
        if (const Value* old = find_key(dict, key, call.arena)) {
            *const_cast<Value*>(old) = value;
        } else {
            dict.entries.emplace_back(key, value);
        }
    }
    dict.is_namespace = is_namespace;
    return Value::of(call.arena.keep(std::move(dict)));
}

}  // namespace

std::vector<const Value*> Call::bind(std::initializer_list<std::string_view> parameters) const {
    std::vector<const Value*> out(parameters.size(), nullptr);
    if (positional.size() > parameters.size()) fail(0, fmt::format("gives too many arguments to '{}'", name));
    for (size_t i = 0; i < positional.size(); ++i) out[i] = &positional[i];
    for (const auto& [parameter, value] : named) {
        const auto* at = std::find(parameters.begin(), parameters.end(), parameter);
        if (at == parameters.end())
            fail(0, fmt::format("gives '{}' an argument '{}', which is not supported", name, parameter));
        const Value*& place = out[static_cast<size_t>(at - parameters.begin())];
        if (place != nullptr) fail(0, fmt::format("gives '{}' the argument '{}' twice", name, parameter));
        place = &value;
    }
    return out;
}

Value call_function(const Call& call, Builtin function) {
    switch (function) {
        case Builtin::kRange:
            return range(call);
        case Builtin::kNamespace:
            return make_dict(call, true);
        case Builtin::kDict:
            return make_dict(call, false);
        case Builtin::kRaise: {
            const auto arguments = call.bind({"message"});
            fail(0, fmt::format("refuses this conversation ('{}')",
                                text_argument(call, arguments[0], "no reason given")));
        }
    }
    return Value::none();
}

std::string_view text_argument(const Call& call, const Value* value, std::string_view otherwise) {
    if (value == nullptr) return otherwise;
    if (!value->is(Kind::kText))
        fail(0, fmt::format("gives '{}' {} where a text should be", call.name, kind_name(*value)));
    return value->text;
}

std::string_view required_text(const Call& call, const Value* value) {
    if (value == nullptr) fail(0, fmt::format("gives '{}' too few arguments", call.name));
    return text_argument(call, value, "");
}

int64_t integer_argument(const Call& call, const Value* value, int64_t otherwise) {
    if (value == nullptr) return otherwise;
    if (!value->is(Kind::kInteger) && !value->is(Kind::kBool)) {
        fail(0, fmt::format("gives '{}' {} where a whole number should be", call.name, kind_name(*value)));
    }
    return value->as_integer();
}

bool bool_argument(const Value* value, bool otherwise) {
    return value != nullptr ? truthy(*value) : otherwise;
}

std::string replaced(const Call& call, std::string_view text, std::string_view from, std::string_view to,
                     int64_t most) {
    call.arena.spend_reading(text);
    if (from.empty()) call.arena.spend_bytes(text_length(text) * sizeof(std::string_view));
    if (to.size() > from.size()) call.arena.spend_bytes(count_text(text, from) * (to.size() - from.size()));
    return replace_text(text, from, to, most);
}

std::string_view stripped(const Call& call, std::string_view text, std::string_view set, bool left,
                          bool right) {
    // Each character is looked for in the whole set.
    call.arena.spend_steps((1 + text.size() / 16) * (1 + set.size() / 64));
    return strip_characters(text, set, left, right);
}

std::string cased(const Call& call, std::string_view text) {
    if (!is_ascii(text))
        fail(0, fmt::format("uses '{}' on text beyond ASCII, which is not supported", call.name));
    call.arena.spend_bytes(text.size());
    if (call.name == "upper") return ascii_upper(text);
    std::string out = ascii_lower(text);
    if (call.name == "lower") return out;
    bool begins = true;  // of a word for title, of the text for capitalize
    for (char& c : out) {
        const bool letter = c >= 'a' && c <= 'z';
        if (letter && begins) c = static_cast<char>(c - 32);
        begins = call.name == "title" && !letter;
    }
    return out;
}

}  // namespace pitwall::engine::jinja
