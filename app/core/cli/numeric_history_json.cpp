// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/numeric_history_json.h"

#include <fmt/format.h>

#include "engine/kv/kv_format.h"
#include "presets/nearest.h"
#include "telemetry/names.h"

namespace pitwall::app {

using engine::FormatChange;
using engine::NumericStage;
using nlohmann::json;

namespace {

constexpr size_t kMostStages = 1'000, kMostChanges = 10'000;
constexpr const char* kShape =
    R"(must be a list of {"tokens": N, "kv_cache_dtype": [[position, format], ...]}, as generate prints it)";

bool read_count(const json& value, uint32_t& out) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > INT32_MAX) return false;
    out = value.get<uint32_t>();
    return true;
}

std::string read_change(const json& value, FormatChange& out) {
    if (!value.is_array() || value.size() != 2 || !read_count(value[0], out.position) ||
        !value[1].is_string())
        return kShape;
    const auto& word = value[1].get_ref<const std::string&>();
    const auto dtype = engine::kv_dtype_named(word);
    if (!dtype) return fmt::format("has no format \"{}\"", presets::shown(word));
    out.dtype = *dtype;
    return "";
}

std::string read_stage(const json& value, NumericStage& out) {
    if (!value.is_object() || !value.contains("kv_cache_dtype")) return kShape;
    const json& changes = value["kv_cache_dtype"];
    if (value.size() != 1 + value.count("tokens") || !changes.is_array() || changes.size() > kMostChanges)
        return kShape;
    if (value.contains("tokens") && !read_count(value["tokens"], out.tokens)) return kShape;
    for (const json& change : changes)
        if (std::string wrong = read_change(change, out.formats.emplace_back()); !wrong.empty()) return wrong;
    return "";
}

}  // namespace

std::string read_numeric_history(const json& value, engine::NumericHistory& out) {
    if (!value.is_array() || value.empty() || value.size() > kMostStages) return kShape;
    for (const json& stage : value)
        if (std::string wrong = read_stage(stage, out.emplace_back()); !wrong.empty()) return wrong;
    return engine::reason_history_is_wrong(out);
}

nlohmann::ordered_json numeric_history_json(const engine::NumericHistory& history) {
    auto stages = nlohmann::ordered_json::array();
    for (const NumericStage& stage : history) {
        nlohmann::ordered_json line;
        if (stage.tokens > 0) line["tokens"] = stage.tokens;
        auto& changes = line["kv_cache_dtype"] = nlohmann::ordered_json::array();
        for (const FormatChange& change : stage.formats)
            changes.push_back({change.position, telemetry::name(change.dtype)});
        stages.push_back(std::move(line));
    }
    return stages;
}

}  // namespace pitwall::app
