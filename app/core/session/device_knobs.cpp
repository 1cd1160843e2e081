// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/device_knobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/exec/cpu/cpu_executor.h"
#include "engine/exec/cuda/cuda_executor.h"
#include "engine/kv/kv_format.h"

namespace pitwall::app {

using presets::ActivationDtype;
using presets::KnobId;
using presets::WeightDtype;
using Kind = DeviceChoice::Kind;

namespace {

constexpr KnobId kNumericKnobs[] = {KnobId::kActivationDtype, KnobId::kKvCacheDtype, KnobId::kWeightDtype,
                                    KnobId::kBatchInvariant};
constexpr const char* kNoFloat8OnCpu = "the CPU computes with weights as the file has them";

/// Where the executor cannot be asked yet. A GPU is not asked for activations at all: it has one format.
bool lacks(const DeviceChoice& device, KnobId id, const presets::KnobValues& knobs) {
    if (device.kind == Kind::kCpu && id == KnobId::kActivationDtype)
        return !engine::check_cpu_activations(static_cast<ActivationDtype>(knobs.integer(id))).ok();
    if (device.kind == Kind::kCpu && id == KnobId::kWeightDtype)
        return static_cast<WeightDtype>(knobs.integer(id)) != WeightDtype::kFile;
    if (device.kind != Kind::kCuda && id == KnobId::kBatchInvariant) return !knobs.boolean(id);
    return device.kind == Kind::kCuda && id == KnobId::kKvCacheDtype &&
           !engine::is_cuda_kv_dtype(engine::kv_dtype_of(knobs));
}

double present_value(KnobId id, const engine::Executor& executor) {
    if (id == KnobId::kActivationDtype) return static_cast<double>(executor.activation_dtype());
    if (id == KnobId::kKvCacheDtype) return engine::kv_dtype_choice(executor.kv_cache_dtype());
    if (id == KnobId::kWeightDtype) return static_cast<double>(executor.weight_dtype());
    return executor.batch_invariant() ? 1 : 0;
}

/// By asking for it, so that what can be had is in use from here on; "" then.
std::string why_not(KnobId id, double value, const DeviceChoice& device, engine::Executor& executor) {
    Status status = Error{"this device has no kernels for it", ""};
    if (id == KnobId::kWeightDtype)
        return device.kind == Kind::kCpu ? kNoFloat8OnCpu : "the model has no float weights in its layers";
    if (id == KnobId::kActivationDtype)
        status = executor.set_activation_dtype(static_cast<ActivationDtype>(value));
    if (id == KnobId::kBatchInvariant) status = executor.set_batch_invariant(value != 0);
    return status.ok() ? "" : status.error().what;
}

}  // namespace

bool from_preset(const SessionOptions& options, KnobId id) {
    return std::ranges::find(options.from_preset, id) != options.from_preset.end();
}

presets::KnobValues knobs_for(const SessionOptions& options, const DeviceChoice& device) {
    presets::KnobValues knobs = options.knobs;
    for (const KnobId id : kNumericKnobs)
        if (from_preset(options, id) && lacks(device, id, knobs))
            knobs.set(id, presets::spec(id).default_value);
    return knobs;
}

SessionOptions with_any_numerics(SessionOptions options) {
    options.from_preset.assign(std::begin(kNumericKnobs), std::end(kNumericKnobs));
    return options;
}

Error no_float8_on_cpu() {
    return {fmt::format("weight_dtype=fp8: {}", kNoFloat8OnCpu),
            "use --device cuda, or leave weight_dtype=file"};
}

std::vector<MissingNumerics> set_numerics(const SessionOptions& options, const DeviceChoice& device,
                                          engine::Executor& executor) {
    std::vector<MissingNumerics> missing;
    for (const KnobId id : kNumericKnobs) {
        const double asked = options.knobs.get(id);
        if (!options.knobs.given(id) || asked == present_value(id, executor)) continue;
        std::string why = why_not(id, asked, device, executor);
        if (!why.empty()) missing.push_back({id, present_value(id, executor), std::move(why)});
    }
    return missing;
}

void tell_of_device(const SessionOptions& options, const engine::Executor& executor,
                    const std::vector<MissingNumerics>& missing) {
    if (!options.remark) return;
    if (executor.device().kernel_tier == engine::kEmulatedTier)
        options.remark(
            "the GPU is an emulated one: its answers are right, and it is some thousand times slower than a "
            "GPU");
    for (const auto& [id, in_use, why] : missing) {
        const presets::KnobSpec& knob = presets::spec(id);
        options.remark(fmt::format("{}{}={} is not to be had, {} is in use instead: {}",
                                   from_preset(options, id) ? "the preset's " : "", knob.name,
                                   presets::format_value(knob, options.knobs.get(id)),
                                   presets::format_value(knob, in_use), why));
    }
}

}  // namespace pitwall::app
