// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/tokenizer/jinja/builtins.h"
#include "engine/tokenizer/jinja/failure.h"
#include "engine/tokenizer/jinja/operators.h"
#include "engine/tokenizer/jinja/python_text.h"

namespace pitwall::engine::jinja {
namespace {

using Kind = Value::Kind;
using Method = Value (*)(const Call&, const Value&);

Value kept(const Call& call, std::string text) { return Value::of(call.arena.keep(std::move(text))); }

Value text_list(const Call& call, const std::vector<std::string_view>& parts) {
    List list;
    for (const std::string_view part : parts) list.items.push_back(Value::of(part));
    return Value::of(call.arena.keep(std::move(list)));
}

Value strip(const Call& call, const Value& in) {
    const auto arguments = call.bind({"chars"});
    const bool left = call.name != "rstrip", right = call.name != "lstrip";
    call.arena.spend_reading(in.text);
    if (arguments[0] != nullptr && !arguments[0]->is(Kind::kNone))
        return Value::of(stripped(call, in.text, text_argument(call, arguments[0], ""), left, right));
    const std::string_view half = left ? strip_left(in.text) : in.text;
    return Value::of(right ? strip_right(half) : half);
}

Value split(const Call& call, const Value& in) {
    const auto arguments = call.bind({"sep", "maxsplit"});
    const bool by_space = arguments[0] == nullptr || arguments[0]->is(Kind::kNone);
    const std::string_view separator = by_space ? "" : text_argument(call, arguments[0], "");
    if (!by_space && separator.empty()) fail(0, "splits at an empty text");
    call.arena.spend_bytes(in.text.size() * sizeof(Value));
    return text_list(call, split_text(in.text, separator, integer_argument(call, arguments[1], -1)));
}

Value splitlines(const Call& call, const Value& in) {
    call.bind({});
    std::vector<std::string_view> lines = split_text(in.text, "\n", -1);
    call.arena.spend_bytes(lines.size() * sizeof(Value));
    if (lines.back().empty()) lines.pop_back();
    return text_list(call, lines);
}

/// startswith and endswith: of a text, or of any in a tuple.
Value affix(const Call& call, const Value& in) {
    const auto arguments = call.bind({"affix"});
    const auto fits = [&](const Value& part) {
        const std::string_view text = text_argument(call, &part, "");
        call.arena.spend_reading(text);
        return call.name == "startswith" ? in.text.starts_with(text) : in.text.ends_with(text);
    };
    if (arguments[0] != nullptr && arguments[0]->is(Kind::kList)) {
        const std::vector<Value>& parts = arguments[0]->list->items;
        return Value::of(std::any_of(parts.begin(), parts.end(), fits));
    }
    (void)required_text(call, arguments[0]);
    return Value::of(fits(*arguments[0]));
}

Value remove_affix(const Call& call, const Value& in) {
    const std::string_view part = required_text(call, call.bind({"affix"})[0]);
    std::string_view text = in.text;
    call.arena.spend_reading(part);
    if (call.name == "removeprefix" && text.starts_with(part)) text.remove_prefix(part.size());
    if (call.name == "removesuffix" && text.ends_with(part)) text.remove_suffix(part.size());
    return Value::of(text);
}

Value replace(const Call& call, const Value& in) {
    const auto arguments = call.bind({"old", "new", "count"});
    const std::string_view from = required_text(call, arguments[0]), to = required_text(call, arguments[1]);
    return kept(call, replaced(call, in.text, from, to, integer_argument(call, arguments[2], -1)));
}

Value find(const Call& call, const Value& in) {
    const std::string_view part = required_text(call, call.bind({"sub"})[0]);
    call.arena.spend_reading(in.text);
    const size_t at = find_text(in.text, part);
    return Value::of(at == std::string_view::npos ? int64_t{-1}
                                                  : static_cast<int64_t>(text_length(in.text.substr(0, at))));
}

Value count(const Call& call, const Value& in) {
    const std::string_view part = required_text(call, call.bind({"sub"})[0]);
    call.arena.spend_reading(in.text);
    return Value::of(static_cast<int64_t>(count_text(in.text, part)));
}

Value change_case(const Call& call, const Value& in) {
    call.bind({});
    return kept(call, cased(call, in.text));
}

Value join(const Call& call, const Value& in) {
    const auto arguments = call.bind({"iterable"});
    if (arguments[0] == nullptr) fail(0, "joins nothing");
    std::string out;
    bool first = true;
    for (const Value& part : elements(*arguments[0], call.arena)) {
        call.arena.spend_bytes(in.text.size() + part.text.size());
        if (!first) out += in.text;
        out += text_argument(call, &part, "");
        first = false;
    }
    return kept(call, std::move(out));
}

Value all_digits(const Call& call, const Value& in) {
    call.bind({});
    call.arena.spend_reading(in.text);
    if (!is_ascii(in.text))
        fail(0, fmt::format("uses '{}' on text beyond ASCII, which is not supported", call.name));
    const auto fits = [&](char c) {
        const bool digit = c >= '0' && c <= '9', letter = ((c | 32) >= 'a' && (c | 32) <= 'z');
        return call.name == "isdigit" ? digit : call.name == "isalpha" ? letter : digit || letter;
    };
    return Value::of(!in.text.empty() && std::all_of(in.text.begin(), in.text.end(), fits));
}

constexpr std::array<std::pair<std::string_view, Method>, 20> kTextMethods = {{{"strip", strip},
                                                                               {"lstrip", strip},
                                                                               {"rstrip", strip},
                                                                               {"split", split},
                                                                               {"splitlines", splitlines},
                                                                               {"startswith", affix},
                                                                               {"endswith", affix},
                                                                               {"removeprefix", remove_affix},
                                                                               {"removesuffix", remove_affix},
                                                                               {"replace", replace},
                                                                               {"find", find},
                                                                               {"count", count},
                                                                               {"upper", change_case},
                                                                               {"lower", change_case},
                                                                               {"title", change_case},
                                                                               {"capitalize", change_case},
                                                                               {"join", join},
                                                                               {"isdigit", all_digits},
                                                                               {"isalpha", all_digits},
                                                                               {"isalnum", all_digits}}};

Value dict_view(const Call& call, const Value& in) {
    call.bind({});
    List list;
    for (const auto& [key, value] : in.dict->entries) {
        if (call.name == "items") {
            list.items.push_back(Value::of(call.arena.keep(List{{key, value}, true})));
        } else {
            list.items.push_back(call.name == "keys" ? key : value);
        }
    }
    return Value::of(call.arena.keep(std::move(list)));
}

Value dict_get(const Call& call, const Value& in) {
    const auto arguments = call.bind({"key", "default"});
    if (arguments[0] == nullptr) fail(0, "gets nothing from a dict");
    const Value* found = find_key(*in.dict, *arguments[0], call.arena);
    if (found != nullptr) return *found;
    return arguments[1] != nullptr ? *arguments[1] : Value::none();
}

Value dict_method(const Call& call, const Value& in) {
    if (call.name == "items" || call.name == "keys" || call.name == "values") return dict_view(call, in);
    if (call.name == "get") return dict_get(call, in);
    fail(0, fmt::format("calls the method '{}' of a dict, which is not supported", call.name));
}

Value list_method(const Call& call, const Value& in) {
    if (call.name != "index" && call.name != "count") {
        fail(0, fmt::format("calls the method '{}' of a list, which is not supported", call.name));
    }
    const auto arguments = call.bind({"value"});
    if (arguments[0] == nullptr) fail(0, fmt::format("gives '{}' too few arguments", call.name));
    int64_t found = 0;
    for (size_t i = 0; i < in.list->items.size(); ++i) {
        if (!equal(in.list->items[i], *arguments[0], call.arena)) continue;
        if (call.name == "index") return Value::of(static_cast<int64_t>(i));
        ++found;
    }
    if (call.name == "index") fail(0, "looks for what is not in a list");
    return Value::of(found);
}

Value loop_cycle(const Call& call, const Value& loop) {
    if (call.name != "cycle" || call.positional.empty() || !call.named.empty()) {
        fail(0, fmt::format("calls loop.{}, which is not supported", call.name));
    }
    const int64_t index = attribute(loop, "index0", call.arena).as_integer();
    return call.positional[static_cast<size_t>(index) % call.positional.size()];
}

}  // namespace

Value call_method(const Call& call, const Value& object) {
    call.arena.spend_steps(1);
    switch (object.kind) {
        case Kind::kText: {
            const auto* method = std::find_if(kTextMethods.begin(), kTextMethods.end(),
                                              [&](const auto& m) { return m.first == call.name; });
            if (method != kTextMethods.end()) return method->second(call, object);
            fail(0, fmt::format("calls the method '{}' of a text, which is not supported", call.name));
        }
        case Kind::kList:
            return list_method(call, object);
        case Kind::kDict:
            if (object.dict->is_loop) return loop_cycle(call, object);
            if (object.dict->is_namespace) fail(0, "calls a method of a namespace, which is not supported");
            return dict_method(call, object);
        case Kind::kUndefined:
            fail(0, fmt::format("uses '{}', which is undefined", object.text));
        default:
            fail(0, fmt::format("calls the method '{}' of {}", call.name, kind_name(object)));
    }
}

}  // namespace pitwall::engine::jinja
