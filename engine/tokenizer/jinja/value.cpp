// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tokenizer/jinja/value.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/tokenizer/jinja/failure.h"
#include "engine/tokenizer/jinja/python_text.h"
#include "engine/tokenizer/utf8.h"

namespace pitwall::engine::jinja {
namespace {

using Kind = Value::Kind;
constexpr int kDeepest = 64;
constexpr size_t kEntryBytes = sizeof(std::pair<Value, Value>);
constexpr size_t kNumberBytes = 8;  ///< about what a number, a word or a comma takes where it is written

void check_depth(int depth) {
    if (depth > kDeepest) fail(0, "has values nested too deeply");
}

/// repr(): as an element of a list is shown.
void write_nested(const Value& value, Arena& arena, int depth, std::string& out);

void write_items(const List& list, Arena& arena, int depth, std::string& out) {
    out += list.tuple ? '(' : '[';
    for (size_t i = 0; i < list.items.size(); ++i) {
        if (i > 0) out += ", ";
        write_nested(list.items[i], arena, depth + 1, out);
    }
    if (list.tuple && list.items.size() == 1) out += ',';
    out += list.tuple ? ')' : ']';
}

void write_entries(const Dict& dict, Arena& arena, int depth, std::string& out) {
    if (dict.is_namespace || dict.is_loop)
        fail(0, "shows a namespace or a loop as text, which is not supported");
    out += '{';
    for (size_t i = 0; i < dict.entries.size(); ++i) {
        if (i > 0) out += ", ";
        write_nested(dict.entries[i].first, arena, depth + 1, out);
        out += ": ";
        write_nested(dict.entries[i].second, arena, depth + 1, out);
    }
    out += '}';
}

void write_plain(const Value& value, Arena& arena, int depth, std::string& out) {
    switch (value.kind) {
        case Kind::kUndefined:
            return;
        case Kind::kNone:
            out += "None";
            return;
        case Kind::kBool:
            out += value.boolean ? "True" : "False";
            return;
        case Kind::kInteger:
            out += fmt::format("{}", value.integer);
            return;
        case Kind::kFloat:
            out += float_text(value.real);
            return;
        case Kind::kText:
            out += value.text;
            return;
        case Kind::kList:
            return write_items(*value.list, arena, depth, out);
        case Kind::kDict:
            return write_entries(*value.dict, arena, depth, out);
        case Kind::kFunction:
            fail(0, "shows a function as text, which is not supported");
    }
}

void write_nested(const Value& value, Arena& arena, int depth, std::string& out) {
    check_depth(depth);
    arena.spend_steps(1);
    arena.spend_bytes(value.text.size() + kNumberBytes);
    if (value.is(Kind::kText)) {
        out += quoted_text(value.text);
    } else if (value.is(Kind::kUndefined)) {
        out += "Undefined";
    } else {
        write_plain(value, arena, depth, out);
    }
}

/// json.dumps, one level.
class JsonWriter {
  public:
    JsonWriter(int64_t indent, Arena& arena) : indent_(indent), arena_(arena) {}
    std::string out;

    void write(const Value& value, int depth) {
        check_depth(depth);
        arena_.spend_steps(1);
        arena_.spend_bytes(value.text.size() + kNumberBytes);
        switch (value.kind) {
            case Kind::kNone:
                out += "null";
                return;
            case Kind::kBool:
                out += value.boolean ? "true" : "false";
                return;
            case Kind::kInteger:
                out += fmt::format("{}", value.integer);
                return;
            case Kind::kFloat:
                out += float_text(value.real);
                return;
            case Kind::kText:
                out += json_text(value.text);
                return;
            case Kind::kList:
                return write_list(*value.list, depth);
            case Kind::kDict:
                return write_dict(*value.dict, depth);
            case Kind::kUndefined:
            case Kind::kFunction:
                fail(0, fmt::format("makes JSON of {}", kind_name(value)));
        }
    }

  private:
    void separate(bool first, int depth) {
        if (!first) out += indent_ >= 0 ? "," : ", ";
        break_line(depth);
    }
    void break_line(int depth) {
        if (indent_ < 0) return;
        const size_t spaces = static_cast<size_t>(indent_) * static_cast<size_t>(depth);
        arena_.spend_bytes(1 + spaces);
        out += '\n';
        out.append(spaces, ' ');
    }

    void write_list(const List& list, int depth) {
        out += '[';
        for (size_t i = 0; i < list.items.size(); ++i) {
            separate(i == 0, depth + 1);
            write(list.items[i], depth + 1);
        }
        if (!list.items.empty()) break_line(depth);
        out += ']';
    }

    void write_dict(const Dict& dict, int depth) {
        if (dict.is_namespace || dict.is_loop) fail(0, "makes JSON of a namespace or a loop");
        out += '{';
        for (size_t i = 0; i < dict.entries.size(); ++i) {
            separate(i == 0, depth + 1);
            const Value& key = dict.entries[i].first;
            if (key.is(Kind::kText)) {
                write(key, depth + 1);
            } else {
                fail(0, "makes JSON of a dict with a key that is no text");
            }
            out += ": ";
            write(dict.entries[i].second, depth + 1);
        }
        if (!dict.entries.empty()) break_line(depth);
        out += '}';
    }

    int64_t indent_;
    Arena& arena_;
};

bool equal_lists(const List& a, const List& b, Arena& arena, int depth) {
    if (a.items.size() != b.items.size() || a.tuple != b.tuple) return false;
    for (size_t i = 0; i < a.items.size(); ++i) {
        if (!equal(a.items[i], b.items[i], arena, depth + 1)) return false;
    }
    return true;
}

bool equal_dicts(const Dict& a, const Dict& b, Arena& arena, int depth) {
    if (&a == &b) return true;
    if (a.is_namespace || b.is_namespace || a.is_loop || b.is_loop || a.entries.size() != b.entries.size())
        return false;
    for (const auto& [key, value] : a.entries) {
        const Value* other = find_key(b, key, arena);
        if (other == nullptr || !equal(value, *other, arena, depth + 1)) return false;
    }
    return true;
}

Value from_json_at(const nlohmann::ordered_json& json, Arena& arena, int depth) {
    check_depth(depth);
    using Json = nlohmann::ordered_json;
    switch (json.type()) {
        case Json::value_t::boolean:
            return Value::of(json.get<bool>());
        case Json::value_t::number_integer:
            return Value::of(json.get<int64_t>());
        case Json::value_t::number_unsigned:
            return Value::of(static_cast<int64_t>(json.get<uint64_t>()));
        case Json::value_t::number_float:
            return Value::of(json.get<double>());
        case Json::value_t::string:
            return Value::of(arena.keep(repaired_utf8(json.get_ref<const std::string&>())));
        case Json::value_t::array: {
            List list;
            for (const Json& item : json) list.items.push_back(from_json_at(item, arena, depth + 1));
            return Value::of(arena.keep(std::move(list)));
        }
        case Json::value_t::object: {
            Dict dict;
            for (const auto& [key, value] : json.items()) {
                dict.entries.emplace_back(Value::of(arena.keep(repaired_utf8(key))),
                                          from_json_at(value, arena, depth + 1));
            }
            return Value::of(arena.keep(std::move(dict)));
        }
        default:
            return Value::none();
    }
}

}  // namespace

Value Value::undefined(std::string_view name) {
    Value v;
    v.text = name;
    return v;
}
Value Value::none() {
    Value v;
    v.kind = Kind::kNone;
    return v;
}
Value Value::of(bool value) {
    Value v;
    v.kind = Kind::kBool;
    v.boolean = value;
    return v;
}
Value Value::of(int64_t value) {
    Value v;
    v.kind = Kind::kInteger;
    v.integer = value;
    return v;
}
Value Value::of(double value) {
    Value v;
    v.kind = Kind::kFloat;
    v.real = value;
    return v;
}
Value Value::of(std::string_view value) {
    Value v;
    v.kind = Kind::kText;
    v.text = value;
    return v;
}
Value Value::of(const List* value) {
    Value v;
    v.kind = Kind::kList;
    v.list = value;
    return v;
}
Value Value::of(Dict* value) {
    Value v;
    v.kind = Kind::kDict;
    v.dict = value;
    return v;
}
Value Value::of(Builtin value) {
    Value v;
    v.kind = Kind::kFunction;
    v.function = value;
    return v;
}

double Value::as_double() const { return kind == Kind::kFloat ? real : static_cast<double>(as_integer()); }
int64_t Value::as_integer() const { return kind == Kind::kBool ? int64_t{boolean} : integer; }

std::string_view Arena::keep(std::string text) {
    spend_bytes(text.size() + sizeof(std::string));
    return texts_.emplace_back(std::move(text));
}
List* Arena::keep(List list) {
    spend_bytes(list.items.size() * sizeof(Value) + sizeof(List));
    return &lists_.emplace_back(std::move(list));
}
Dict* Arena::keep(Dict dict) {
    spend_bytes(dict.entries.size() * kEntryBytes + sizeof(Dict));
    return &dicts_.emplace_back(std::move(dict));
}

void Arena::spend_steps(uint64_t steps) {
    if (steps > steps_left_) fail(0, "runs for too long");
    steps_left_ -= steps;
}
void Arena::spend_bytes(size_t bytes) {
    if (bytes > bytes_left_) fail(0, "makes too much text");
    bytes_left_ -= bytes;
}

Value from_json(const nlohmann::ordered_json& json, Arena& arena) { return from_json_at(json, arena, 0); }

bool truthy(const Value& value) {
    switch (value.kind) {
        case Kind::kUndefined:
        case Kind::kNone:
            return false;
        case Kind::kBool:
            return value.boolean;
        case Kind::kInteger:
            return value.integer != 0;
        case Kind::kFloat:
            return value.real != 0;
        case Kind::kText:
            return !value.text.empty();
        case Kind::kList:
            return !value.list->items.empty();
        case Kind::kDict:
            return value.dict->is_namespace || value.dict->is_loop || !value.dict->entries.empty();
        case Kind::kFunction:
            return true;
    }
    return false;
}

std::string to_text(const Value& value, Arena& arena) {
    std::string out;
    write_plain(value, arena, 0, out);
    return out;
}

std::string to_json(const Value& value, int64_t indent, Arena& arena) {
    JsonWriter writer(indent, arena);
    writer.write(value, 0);
    return std::move(writer.out);
}

bool equal(const Value& a, const Value& b, Arena& arena, int depth) {
    check_depth(depth);
    arena.spend_steps(1 + a.text.size() / 64);
    if (a.is_number() && b.is_number()) {
        const bool real = a.is(Kind::kFloat) || b.is(Kind::kFloat);
        return real ? a.as_double() == b.as_double() : a.as_integer() == b.as_integer();
    }
    if (a.kind != b.kind) return false;
    switch (a.kind) {
        case Kind::kText:
            return a.text == b.text;
        case Kind::kList:
            return equal_lists(*a.list, *b.list, arena, depth);
        case Kind::kDict:
            return equal_dicts(*a.dict, *b.dict, arena, depth);
        case Kind::kFunction:
            return a.function == b.function;
        default:
            return true;  // none and undefined equal themselves
    }
}

const Value* find_key(const Dict& dict, const Value& key, Arena& arena) {
    for (const auto& [name, value] : dict.entries) {
        if (equal(name, key, arena)) return &value;
    }
    return nullptr;
}

std::string_view kind_name(const Value& value) {
    switch (value.kind) {
        case Kind::kUndefined:
            return "an undefined value";
        case Kind::kNone:
            return "none";
        case Kind::kBool:
            return "a truth value";
        case Kind::kInteger:
            return "a whole number";
        case Kind::kFloat:
            return "a number";
        case Kind::kText:
            return "a text";
        case Kind::kList:
            return "a list";
        case Kind::kDict:
            return "a dict";
        case Kind::kFunction:
            return "a function";
    }
    return "a value";
}

}  // namespace pitwall::engine::jinja
