// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pitwall::engine::jinja {

struct List;
struct Dict;

/// Functions a template may call by name.
enum class Builtin : uint8_t { kRange, kNamespace, kDict, kRaise };

/// A value while a template runs: small and free to copy. Texts, lists and dicts belong to the Arena of the run (or
/// to the template), so that cycles cannot leak.
struct Value {
    enum class Kind : uint8_t { kUndefined, kNone, kBool, kInteger, kFloat, kText, kList, kDict, kFunction };
    Kind kind = Kind::kUndefined;
    bool boolean = false;
    Builtin function = Builtin::kRange;
    union {
        int64_t integer = 0;
        double real;
        const List* list;
        Dict* dict;
    };
    std::string_view text;  ///< a text; of an undefined value its name

    static Value undefined(std::string_view name);
    static Value none();
    static Value of(bool value);
    static Value of(int64_t value);
    static Value of(double value);
    static Value of(std::string_view value);
    static Value of(const List* value);
    static Value of(Dict* value);
    static Value of(Builtin value);

    bool is(Kind k) const { return kind == k; }
    bool is_number() const { return kind == Kind::kBool || kind == Kind::kInteger || kind == Kind::kFloat; }
    double as_double() const;    ///< precondition: is_number()
    int64_t as_integer() const;  ///< precondition: kBool or kInteger
};

struct List {
    std::vector<Value> items;
    bool tuple = false;  ///< differs only in how it is written
};

struct Dict {
    std::vector<std::pair<Value, Value>> entries;  ///< in order of insertion
    bool is_namespace = false;                     ///< may be assigned to
    bool is_loop = false;
};

/// Owns what one run makes, and bounds how much of it there may be.
class Arena {
  public:
    Arena(size_t most_bytes, uint64_t most_steps) : bytes_left_(most_bytes), steps_left_(most_steps) {}

    std::string_view keep(std::string text);
    List* keep(List list);
    Dict* keep(Dict dict);
    /// Throws Failure without a line where the run has done too much.
    void spend_steps(uint64_t steps);
    void spend_bytes(size_t bytes);
    /// For looking at each byte of a text.
    void spend_reading(std::string_view text) { spend_steps(1 + text.size() / 16); }

  private:
    size_t bytes_left_;
    uint64_t steps_left_;
    std::deque<std::string> texts_;
    std::deque<List> lists_;
    std::deque<Dict> dicts_;
};

Value from_json(const nlohmann::ordered_json& json, Arena& arena);

bool truthy(const Value& value);
/// As `{{ value }}` shows it. Throws Failure without a line where values nest too deeply.
std::string to_text(const Value& value, Arena& arena);
/// Python's ==. Values of different kinds differ, but numbers compare by value.
bool equal(const Value& a, const Value& b, Arena& arena, int depth = 0);
const Value* find_key(const Dict& dict, const Value& key, Arena& arena);
/// json.dumps; `indent` negative: on one line.
std::string to_json(const Value& value, int64_t indent, Arena& arena);
/// "text", "list", ... for messages.
std::string_view kind_name(const Value& value);

}  // namespace pitwall::engine::jinja
