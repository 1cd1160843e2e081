// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/metadata.h"

#include <fmt/format.h>

#include "engine/model/printable.h"

namespace pitwall::engine {
namespace {

constexpr const char* kDamaged = "the file is damaged or from a newer converter, fetch another";

std::optional<uint64_t> as_integer(const GgufValue& value) {
    if (const auto* whole = std::get_if<uint64_t>(&value)) return *whole;
    if (const auto* whole = std::get_if<int64_t>(&value); whole != nullptr && *whole >= 0) {
        return static_cast<uint64_t>(*whole);
    }
    return std::nullopt;
}

}  // namespace

Metadata::Metadata(const Gguf& file, std::string_view name) : file_(file), name_(printable(name, true)) {}

void Metadata::fail(std::string_view what, std::string_view hint) {
    if (!error_) error_ = Error{fmt::format("the model {} {}", name_, what), std::string(hint)};
}

uint64_t Metadata::required_integer(std::string_view key, uint64_t low, uint64_t high) {
    const std::optional<uint64_t> value = integer(key, low, high);
    if (!value) fail(fmt::format("has no {}", key), kDamaged);
    return value.value_or(low);
}

std::optional<uint64_t> Metadata::integer(std::string_view key, uint64_t low, uint64_t high) {
    const GgufValue* value = file_.find(key);
    if (value == nullptr) return std::nullopt;
    if (std::holds_alternative<GgufArray>(*value)) {
        fail(fmt::format("gives {} layer by layer, which Pitwall does not run", key),
             "choose a plain llama model");
        return std::nullopt;
    }
    const std::optional<uint64_t> whole = as_integer(*value);
    if (!whole || *whole < low || *whole > high) {
        const std::string found = whole ? fmt::format(" {}", *whole) : "";
        fail(fmt::format("has a {}{} that is no whole number from {} to {}", key, found, low, high),
             kDamaged);
        return std::nullopt;
    }
    return whole;
}

std::optional<double> Metadata::number(std::string_view key, double low, double high) {
    const GgufValue* value = file_.find(key);
    if (value == nullptr) return std::nullopt;
    const double* real = std::get_if<double>(value);
    if (real == nullptr || !(*real >= low && *real <= high)) {
        const std::string found = real != nullptr ? fmt::format(" {}", *real) : "";
        fail(fmt::format("has a {}{} that is no number from {} to {}", key, found, low, high), kDamaged);
        return std::nullopt;
    }
    return *real;
}

bool Metadata::flag(std::string_view key, bool otherwise) {
    const GgufValue* value = file_.find(key);
    if (value == nullptr) return otherwise;
    const bool* truth = std::get_if<bool>(value);
    if (truth == nullptr) fail(fmt::format("has a {} that is neither true nor false", key), kDamaged);
    return truth != nullptr ? *truth : otherwise;
}

std::string Metadata::text(std::string_view key) {
    const GgufValue* value = file_.find(key);
    if (value == nullptr) return "";
    const auto* words = std::get_if<std::string_view>(value);
    if (words == nullptr) fail(fmt::format("has a {} that is no text", key), kDamaged);
    return words != nullptr ? std::string(*words) : "";
}

const GgufArray* Metadata::array(std::string_view key, uint64_t most) {
    const GgufValue* value = file_.find(key);
    if (value == nullptr) return nullptr;
    const auto* list = std::get_if<GgufArray>(value);
    if (list == nullptr) {
        fail(fmt::format("has a {} that is no list", key), kDamaged);
    } else if (list->count > most) {
        fail(fmt::format("has {} entries in {}, and {} are the most", list->count, key, most), kDamaged);
        return nullptr;
    }
    return list;
}

std::vector<std::string> Metadata::texts(std::string_view key, uint64_t most) {
    const GgufArray* list = array(key, most);
    if (list == nullptr) return {};
    if (list->type != GgufType::kString) {
        fail(fmt::format("has a {} that is no list of texts", key), kDamaged);
        return {};
    }
    const std::vector<std::string_view> views = gguf_strings(*list);
    return {views.begin(), views.end()};
}

std::vector<int32_t> Metadata::integers(std::string_view key, uint64_t most) {
    const GgufArray* list = array(key, most);
    if (list == nullptr) return {};
    if (!is_integer(list->type)) {
        fail(fmt::format("has a {} that is no list of whole numbers", key), kDamaged);
        return {};
    }
    return gguf_integers(*list);
}

}  // namespace pitwall::engine
