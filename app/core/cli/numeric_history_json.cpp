// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/numeric_history_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/kv/kv_format.h"
#include "presets/nearest.h"
#include "telemetry/names.h"

namespace pitwall::app {

using engine::ActivationDtype;
using engine::FormatChange;
using engine::KvDtype;
using engine::NumericStage;
using nlohmann::json;

namespace {

constexpr size_t kMostStages = 1'000, kMostChanges = 10'000;
constexpr const char* kShape =
    R"(must be a list of {"tokens": N, "kv_cache_dtype": [[position, format], ...], "activation_dtype": [[position, format], or of bf16 [position, "bf16", kernels], ...]}, as generate prints it)";

/// [position, word] of either list; [position, "bf16", kernels] of that of activations.
struct Change {
    uint32_t position = 0;
    std::string word, kernels = {};
};

bool read_count(const json& value, uint32_t& out) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > INT32_MAX) return false;
    out = value.get<uint32_t>();
    return true;
}

std::string read_changes(const json& list, bool may_have_kernels, std::vector<Change>& out) {
    if (!list.is_array() || list.size() > kMostChanges) return kShape;
    for (const json& value : list) {
        Change& change = out.emplace_back();
        if (!value.is_array() || value.size() < 2 || value.size() > 3 ||
            !read_count(value[0], change.position) || !value[1].is_string() || !value.back().is_string())
            return kShape;
        change.word = value[1].get<std::string>();
        if (value.size() == 2) continue;
        if (change.word != "bf16" || !may_have_kernels) return kShape;
        change.kernels = value[2].get<std::string>();
    }
    return "";
}

std::string no_format(const std::string& word) {
    return fmt::format("has no format \"{}\"", presets::shown(word));
}

/// What activations are at each change of theirs; before formats were recorded they were float32.
std::string read_activations(const json& stage, std::vector<FormatChange>& out) {
    std::vector<Change> changes{{0, "f32", ""}};
    if (stage.contains("activation_dtype")) {
        changes.clear();
        if (std::string wrong = read_changes(stage["activation_dtype"], true, changes); !wrong.empty())
            return wrong;
    }
    const auto& words = presets::spec(presets::KnobId::kActivationDtype).choices;
    for (const Change& change : changes) {
        const auto at = std::find(words.begin(), words.end(), change.word);
        if (at == words.end()) return no_format(change.word);
        out.push_back(
            {change.position,
             {.activation = static_cast<ActivationDtype>(at - words.begin()), .kernels = change.kernels}});
    }
    return "";
}

std::string read_kv_formats(const json& stage, std::vector<FormatChange>& out) {
    std::vector<Change> changes;
    if (std::string wrong = read_changes(stage["kv_cache_dtype"], false, changes); !wrong.empty())
        return wrong;
    for (const Change& change : changes) {
        const auto dtype = engine::kv_dtype_named(change.word);
        if (!dtype) return no_format(change.word);
        out.push_back({change.position, {.kv = *dtype}});
    }
    return "";
}

/// Both lists as one, in order of positions; at one position the last format of activations counts.
std::vector<FormatChange> merged(std::vector<FormatChange> kv, const std::vector<FormatChange>& activations) {
    std::vector<FormatChange> all;
    auto next = kv.begin();
    for (size_t i = 0; i < activations.size(); ++i) {
        const bool last = i + 1 == activations.size();
        const uint32_t end = last ? UINT32_MAX : activations[i + 1].position;
        FormatChange change = activations[i];
        if (end == change.position) continue;
        change.format.kv = all.empty() ? KvDtype::kF16 : all.back().format.kv;
        if (next == kv.end() || next->position != change.position) all.push_back(change);
        for (; next != kv.end() && (last || next->position < end); ++next) {
            change.position = next->position, change.format.kv = next->format.kv;
            all.push_back(change);
        }
    }
    return all;
}

std::string read_stage(const json& value, NumericStage& out) {
    if (!value.is_object() || !value.contains("kv_cache_dtype")) return kShape;
    if (value.contains("batch_invariant"))
        return "was computed with batch_invariant=false: nothing but the same steps gives it again";
    if (value.size() != 1 + value.count("tokens") + value.count("activation_dtype")) return kShape;
    if (value.contains("tokens") && !read_count(value["tokens"], out.tokens)) return kShape;
    std::vector<FormatChange> kv, activations;
    if (std::string wrong = read_kv_formats(value, kv); !wrong.empty()) return wrong;
    if (std::string wrong = read_activations(value, activations); !wrong.empty()) return wrong;
    for (const auto& list : {kv, activations})
        if (std::string wrong = engine::reason_history_is_wrong({{0, list}}); !wrong.empty()) return wrong;
    out.formats = merged(std::move(kv), activations);
    return "";
}

/// Where what `word` says of a format becomes another.
template <class Word>
nlohmann::ordered_json changes_json(const std::vector<FormatChange>& formats, const Word& word) {
    auto changes = nlohmann::ordered_json::array();
    std::string_view before;
    for (const FormatChange& change : formats)
        if (word(change) != std::exchange(before, word(change))) changes.push_back({change.position, before});
    return changes;
}

std::string_view activation_name(const FormatChange& change) {
    return presets::spec(presets::KnobId::kActivationDtype)
        .choices[static_cast<size_t>(change.format.activation)];
}

/// The same of activations, with whose kernels computed them where that decides the bits.
nlohmann::ordered_json activations_json(const std::vector<FormatChange>& formats) {
    auto changes = nlohmann::ordered_json::array();
    const FormatChange* before = nullptr;
    for (const FormatChange& change : formats) {
        const bool same = before && before->format.activation == change.format.activation &&
                          before->format.kernels == change.format.kernels;
        before = &change;
        if (same) continue;
        changes.push_back({change.position, activation_name(change)});
        if (!change.format.kernels.empty()) changes.back().push_back(change.format.kernels);
    }
    return changes;
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
        line["kv_cache_dtype"] = changes_json(
            stage.formats, [](const FormatChange& change) { return telemetry::name(change.format.kv); });
        line["activation_dtype"] = activations_json(stage.formats);
        const auto invariance = changes_json(stage.formats, [](const FormatChange& change) {
            return std::string_view(change.format.batch_invariant ? "true" : "false");
        });
        // Told where it is why the history cannot be replayed; else it would be noise.
        if (invariance.size() > 1 || invariance[0][1] != "true") line["batch_invariant"] = invariance;
        stages.push_back(std::move(line));
    }
    return stages;
}

}  // namespace pitwall::app
