// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/core/cli/commands.h"
#include "app/core/cli/console.h"
#include "app/core/cli/summary_json.h"
#include "app/core/session/device_choice.h"
#include "app/core/session/device_knobs.h"
#include "engine/exec/cpu/kernels/kernel_tier.h"
#include "engine/exec/cuda/cuda_executor.h"
#include "engine/exec/cuda/cuda_library.h"
#include "engine/model/model.h"
#include "engine/model/weights.h"
#include "presets/preset.h"
#include "telemetry/replay/session_reader.h"

namespace pitwall::app {

namespace {

using nlohmann::ordered_json;
using presets::KnobId;
using presets::WeightDtype;

/// `asked`: as what a device is to hold the weights; none: nobody opens it.
Result<ordered_json> inspect_model(const std::string& spec, uint64_t seed,
                                   std::optional<WeightDtype> asked = std::nullopt) {
    const auto opened = engine::open_model(spec, seed, false);
    if (!opened.ok()) return opened.error();
    const engine::Model& model = *opened.value();
    const engine::ModelConfig& config = model.config();
    ordered_json out{{"kind", "model"}, {"path", model.path()}, {"name", config.name}};
    out["sha256"] = model.sha256();
    out["format"] = model.format_summary();
    const bool narrow = asked == WeightDtype::kFp8 && engine::takes_float8(model);
    out["weight_bytes"] = narrow ? engine::float8_weight_bytes(model) : model.weight_bytes();
    if (asked)
        out["weight_dtype"] = presets::format_value(presets::spec(KnobId::kWeightDtype), narrow ? 1 : 0);
    out["num_layers"] = config.num_layers;
    out["hidden_size"] = config.hidden_size;
    out["num_heads"] = config.num_heads;
    out["num_kv_heads"] = config.num_kv_heads;
    out["head_dim"] = config.head_dim;
    out["intermediate_size"] = config.intermediate_size;
    out["vocab_size"] = config.vocab_size;
    out["max_context_tokens"] = config.max_context_tokens;
    out["tied_embeddings"] = config.tied_embeddings;
    out["tokenizer"] = {{"model", model.vocabulary().model},
                        {"pre", model.vocabulary().pre},
                        {"chat_template", !model.vocabulary().chat_template.empty()}};
    return out;
}

Result<ordered_json> inspect_session(const std::string& path) {
    const auto file = telemetry::SessionReader::open(path);
    if (!file.ok()) return file.error();
    telemetry::SessionSummary summary;
    for (auto events = file.value()->next(16384); !events.empty(); events = file.value()->next(16384))
        summary.apply(events);
    if (!file.value()->status().ok()) return file.value()->status().error();
    ordered_json out{{"kind", "session"},
                     {"path", path},
                     {"complete", file.value()->complete()},
                     {"events", file.value()->last_seq()}};
    out["summary"] = summary_json(summary);
    return out;
}

Result<ordered_json> inspect_preset(const std::string& path) {
    const auto preset = presets::load_preset(path);
    if (!preset.ok()) return preset.error();
    ordered_json out{{"kind", "preset"},
                     {"path", path},
                     {"name", preset.value().name},
                     {"description", preset.value().description}};
    out["settings"] = ordered_json::object();
    for (const presets::KnobSpec& knob : presets::knob_table())
        if (preset.value().values.given(knob.id))
            out["settings"][std::string(knob.name)] =
                presets::format_value(knob, preset.value().values.get(knob.id));
    return out;
}

/// By the first bytes, not by the name. What is neither a session nor JSON is taken for a model, whose reader says best
/// what is wrong with it.
Result<ordered_json> inspect_any(const std::string& path, uint64_t seed) {
    std::error_code error;
    if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error))
        return Error{path + " is not a file", "give a model, a session or a preset"};
    std::array<char, 16> head{};
    std::ifstream file(path, std::ios::binary);
    file.read(head.data(), head.size());
    const std::string_view start(head.data(), static_cast<size_t>(file.gcount()));
    if (start.starts_with("SQLite format 3")) return inspect_session(path);
    if (const size_t first = start.find_first_not_of(" \t\r\n");
        first != std::string_view::npos && start[first] == '{')
        return inspect_preset(path);
    return inspect_model(path, seed);
}

void print_text(const ordered_json& value, const std::string& indent) {
    for (const auto& [key, item] : value.items()) {
        if (item.is_object()) {
            fmt::print("{}{}\n", indent, in_one_line(key));
            print_text(item, indent + "  ");
        } else {
            fmt::print("{}{:<20} {}\n", indent, in_one_line(key),
                       in_one_line(item.is_string() ? item.get<std::string>() : item.dump()));
        }
    }
}

/// What the GPUs are, and with which libraries they work.
void add_gpus(const cuda::abi::Plugin& plugin, const DeviceChoice& choice, ordered_json& out) {
    const auto devices = engine::choose_cuda_devices(plugin, choice.cuda_indices);
    if (devices.ok()) {
        out["device_name"] = engine::cuda_device_names(devices.value());
        out["kernel_tier"] = engine::cuda_kernel_tier(devices.value().front());
    } else {
        out["device_error"] = devices.error().text();
    }
    out["matrix_library"] = engine::describe_matrix_library(plugin);
    if (choice.cuda_indices.size() > 1)
        out["collective_library"] = engine::describe_collective_library(plugin);
}

/// Which instructions its kernels use.
void add_cpu(ordered_json& out) {
    const auto tier = engine::choose_kernel_tier(std::nullopt);
    if (tier.ok())
        out["kernel_tier"] = engine::kernel_tier_name(tier.value());
    else
        out["device_error"] = tier.error().text();
}

/// The model and the device that a session would have.
Result<ordered_json> inspect_defaults(const SessionOptions& session) {
    const DeviceChoice asked = parse_device(session.device).value();  // it was read before
    const auto [choice, reason] = resolve_device(asked);
    const auto weights = static_cast<WeightDtype>(knobs_for(session, choice).integer(KnobId::kWeightDtype));
    auto found = inspect_model(session.model, session.seed, weights);
    if (!found.ok()) return found;
    ordered_json& out = found.value();
    out["device"] = device_words(choice);
    if (!reason.empty()) out["device_reason"] = reason;
    if (choice.kind == DeviceChoice::Kind::kCpu) add_cpu(out);
    if (choice.kind == DeviceChoice::Kind::kCpu && weights != WeightDtype::kFile)
        out["device_error"] = no_float8_on_cpu().text();
    // It is the reason for the CPU, and stops a session all the same.
    if (const Status status = check_gpu_variables(asked); !status.ok())
        out["device_error"] = status.error().text();
    if (choice.kind != DeviceChoice::Kind::kCuda) return found;
    if (const auto plugin = engine::load_cuda_plugin(); plugin.ok())
        add_gpus(*plugin.value(), choice, out);
    else
        out["device_error"] = plugin.error().text();
    return found;
}

int inspect(const CommandContext& context, const std::string& path) {
    const auto found =
        path.empty() ? inspect_defaults(context.session) : inspect_any(path, context.session.seed);
    if (!found.ok()) return report(found.error(), kExitWrongUse);
    if (context.json)
        print_json(found.value());
    else
        print_text(found.value(), "");
    return kExitDone;
}

}  // namespace

void add_inspect(CLI::App& app, CommandContext& context) {
    CLI::App* command = app.add_subcommand(
        "inspect", "what a model (the one that would be used), a session or a preset holds");
    const auto path = std::make_shared<std::string>();
    command->add_option("FILE", *path, "a model, a session file or a preset");
    command->callback(
        [&context, path] { context.chosen = [&context, path] { return inspect(context, *path); }; });
}

}  // namespace pitwall::app
