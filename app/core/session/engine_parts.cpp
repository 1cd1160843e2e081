// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/engine_parts.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <utility>

#include "app/core/session/device_choice.h"
#include "app/core/session/device_knobs.h"
#include "app/core/session/device_recovery.h"
#include "engine/exec/cpu/cpu_executor.h"
#include "engine/exec/cuda/cuda_executor.h"
#include "engine/exec/cuda/cuda_library.h"
#include "engine/exec/sim/sim_executor.h"
#include "engine/model/weights.h"

namespace pitwall::app {

using presets::KnobId;
using presets::WeightDtype;
using Kind = DeviceChoice::Kind;

namespace {

void tell(const ProgressFn& progress, std::string stage, uint64_t done, uint64_t total) {
    if (progress) progress({std::move(stage), done, total});
}

WeightDtype weight_dtype_of(const presets::KnobValues& knobs) {
    return static_cast<WeightDtype>(knobs.integer(KnobId::kWeightDtype));
}
/// Whether a CPU has to refuse.
bool needs_float8(const SessionOptions& options) {
    return weight_dtype_of(knobs_for(options, DeviceChoice{})) == WeightDtype::kFp8;
}

/// A simulated device has its profile's memory; kv_cache_memory_bytes bounds it only where somebody gave it.
Result<std::unique_ptr<engine::Executor>> make_sim(const std::string& profile, const SessionOptions& options,
                                                   const engine::Model& model, Clock& clock) {
    engine::SimOptions sim;
    sim.clock = &clock;
    sim.paced = options.paced;
    sim.kv_cache_dtype = engine::kv_dtype_of(options.knobs);
    sim.agreement_percent = options.simulated_agreement_percent;
    if (engine::takes_float8(model)) sim.weight_dtype = weight_dtype_of(options.knobs);
    sim.weight_bytes =
        sim.weight_dtype == WeightDtype::kFp8 ? engine::float8_weight_bytes(model) : model.weight_bytes();
    if (options.knobs.given(KnobId::kKvCacheMemoryBytes)) {
        const auto block =
            static_cast<double>(engine::kv_bytes_per_block(sim.kv_cache_dtype, model.config()));
        sim.capacity_blocks = static_cast<uint32_t>(
            std::clamp(options.knobs.get(KnobId::kKvCacheMemoryBytes) / block, 1.0, 4194304.0));
    }
    return engine::make_sim_executor(model.config(), profile, sim);
}

/// GPUs have their own memory; kv_cache_memory_bytes bounds the cache only where somebody gave it.
Result<std::unique_ptr<engine::Executor>> make_cuda(const DeviceChoice& device, const SessionOptions& options,
                                                    const engine::Model& model, const ProgressFn& progress) {
    // As it was typed, where it was: one that "auto" found has its number.
    const std::string typed = options.device.starts_with("cuda") ? options.device : device_words(device);
    const auto refused = [&](const Error& why) {
        return Error{fmt::format("--device {}: {}", typed, why.what),
                     why.hint.empty() ? "use --device cpu or --device sim" : why.hint};
    };
    const auto plugin = engine::load_cuda_plugin();
    if (!plugin.ok()) return refused(plugin.error());
    const auto devices = engine::choose_cuda_devices(*plugin.value(), device.cuda_indices);
    if (!devices.ok()) return refused(devices.error());
    engine::CudaOptions cuda;
    cuda.devices = device.cuda_indices;
    const presets::KnobValues knobs = knobs_for(options, device);
    cuda.kv_cache_dtype = engine::kv_dtype_of(knobs);
    cuda.weight_dtype = weight_dtype_of(knobs);
    const auto given = static_cast<uint64_t>(options.knobs.integer(KnobId::kKvCacheMemoryBytes));
    if (options.gpu_kv_share) {
        cuda.kv_cache_share = options.gpu_kv_share->share;
        cuda.kv_cache_spared_bytes = options.gpu_kv_share->spared_bytes;
    } else if (options.knobs.given(KnobId::kKvCacheMemoryBytes)) {
        cuda.kv_cache_memory_bytes = given;
    }
    cuda.progress = [&](uint64_t done, uint64_t total) { tell(progress, "Reading weights", done, total); };
    return engine::make_cuda_executor(*plugin.value(), model, cuda);
}

Result<std::unique_ptr<engine::Executor>> make_cpu(const SessionOptions& options, const engine::Model& model,
                                                   const ProgressFn& progress) {
    const presets::KnobValues knobs = knobs_for(options, DeviceChoice{});
    if (weight_dtype_of(knobs) == WeightDtype::kFp8) return no_float8_on_cpu();
    engine::CpuOptions cpu;
    cpu.threads = options.threads;
    cpu.kv_cache_memory_bytes = static_cast<uint64_t>(knobs.integer(KnobId::kKvCacheMemoryBytes));
    cpu.kv_cache_dtype = engine::kv_dtype_of(knobs);
    cpu.activation_dtype = static_cast<presets::ActivationDtype>(knobs.integer(KnobId::kActivationDtype));
    cpu.progress = [&](uint64_t done, uint64_t total) { tell(progress, "Reading weights", done, total); };
    return engine::make_cpu_executor(model, cpu);
}

/// A session that is to draft with it begins with it there.
Status prepare_draft_model(DraftModel& draft_model, const SessionOptions& options,
                           const ProgressFn& progress) {
    const bool wanted = options.knobs.integer(KnobId::kSpeculativeMethod) ==
                        static_cast<int64_t>(presets::SpeculativeMethod::kDraft);
    if (options.draft_model.empty()) {
        if (!wanted) return {};
        return Error{"speculative_method=draft needs a draft model", "give one with --draft-model FILE"};
    }
    if (Status status = draft_model.choose(options.draft_model); !status.ok()) return status;
    return wanted ? draft_model.load(progress) : Status();
}

}  // namespace

Result<OpenedModel> open_model_and_tokenizer(const SessionOptions& options, bool weights_needed,
                                             const ProgressFn& progress) {
    tell(progress, "Opening the model", 0, 1);
    auto model = engine::open_model(options.model, options.seed, weights_needed);
    if (!model.ok()) return model.error();
    auto tokenizer = engine::Tokenizer::create(model.value()->vocabulary());
    if (!tokenizer.ok()) return tokenizer.error();
    tell(progress, "Opening the model", 1, 1);
    return OpenedModel{std::move(model).value(), std::move(tokenizer).value()};
}

Result<std::unique_ptr<engine::Executor>> make_executor(const SessionOptions& options,
                                                        const engine::Model& model, Clock& clock,
                                                        const ProgressFn& progress,
                                                        ResolvedDevice* resolved) {
    const auto asked = parse_device(options.device);
    if (!asked.ok()) return asked.error();
    if (Status status = check_gpu_variables(asked.value()); !status.ok()) return status.error();
    ResolvedDevice device = resolve_device(asked.value());
    auto made = make_executor_on(device.choice, options, model, clock, progress);
    const bool by_name = asked.value().kind != Kind::kAuto || needs_float8(options);
    if (!made.ok() && !by_name && device.choice.kind == Kind::kCuda) {
        device = {DeviceChoice{}, "on the CPU: " + made.error().what};
        made = make_executor_on(device.choice, options, model, clock, progress);
    }
    if (resolved) *resolved = device;
    // Nobody named the CPU: why it is that one belongs to what it cannot do.
    if (!made.ok() && device.choice.kind == Kind::kCpu && !device.reason.empty())
        return Error{fmt::format("{} ({})", made.error().what, device.reason), made.error().hint};
    return made;
}

Result<std::unique_ptr<engine::Executor>> make_executor_on(const DeviceChoice& device,
                                                           const SessionOptions& options,
                                                           const engine::Model& model, Clock& clock,
                                                           const ProgressFn& progress) {
    if (device.simulated()) return make_sim(device.profile, options, model, clock);
    if (device.kind == Kind::kCuda) return make_cuda(device, options, model, progress);
    return make_cpu(options, model, progress);
}

Result<std::unique_ptr<engine::Executor>> make_lone_executor(const SessionOptions& options,
                                                             const engine::Model& model, Clock& clock,
                                                             const ProgressFn& progress) {
    ResolvedDevice chosen;
    auto made = make_executor(options, model, clock, progress, &chosen);
    if (!made.ok()) return made;
    const bool invariant = knobs_for(options, chosen.choice).boolean(KnobId::kBatchInvariant);
    if (made.value()->batch_invariant() != invariant)
        if (Status status = made.value()->set_batch_invariant(invariant); !status.ok())
            return Error{"batch_invariant: " + status.error().what, status.error().hint};
    tell_of_device(options, *made.value(), set_numerics(options, chosen.choice, *made.value()));
    return made;
}

Result<std::unique_ptr<EngineParts>> assemble_engine(const SessionOptions& options,
                                                     const ProgressFn& progress) {
    const auto device = parse_device(options.device);
    if (!device.ok()) return device.error();
    const bool simulated = device.value().simulated();
    auto opened = open_model_and_tokenizer(options, !simulated, progress);
    if (!opened.ok()) return opened.error();
    auto parts = std::make_unique<EngineParts>();
    parts->opened = std::move(opened).value();
    // Read for its hash now, when its weights are read next, and not when the session has begun.
    (void)parts->opened.model->sha256();
    if (simulated && !options.paced)
        parts->clock = std::make_unique<VirtualClock>();
    else
        parts->clock = std::make_unique<WallClock>();
    // First, so that one that cannot be is told before larger weights are read.
    parts->draft_model =
        std::make_unique<DraftModel>(options, simulated, *parts->opened.model, *parts->clock);
    if (Status status = prepare_draft_model(*parts->draft_model, options, progress); !status.ok())
        return status.error();
    auto executor = make_executor(options, *parts->opened.model, *parts->clock, progress, &parts->device);
    if (!executor.ok()) return executor.error();
    tell_of_device(options, *executor.value(),
                   set_numerics(options, parts->device.choice, *executor.value()));
    parts->set_device_name(executor.value()->device().name);
    parts->producer = parts->bus.add_producer();
    parts->engine = std::make_unique<engine::Engine>(
        std::move(executor).value(), parts->opened.tokenizer.get(), options.knobs, *parts->clock,
        *parts->producer, parts->config().max_context_tokens,
        [draft_model = parts->draft_model.get()](telemetry::DraftMethod method) {
            return draft_model->make_drafter(method);
        },
        DeviceRecovery(*parts, options));
    return parts;
}

void EngineParts::begin_clock() {
    if (!clock->is_virtual()) static_cast<WallClock&>(*clock) = WallClock();
}

std::string shown_name(const engine::Model& model) {
    const std::string path(model.path());
    return path.starts_with("synthetic:") ? path : std::filesystem::path(path).stem().string();
}

namespace {

constexpr uint32_t kFirstDeviceFact = 6;  ///< they have their numbers among the others

uint32_t publish_facts(EngineParts& parts, uint32_t id,
                       std::initializer_list<std::pair<std::string_view, std::string>> facts) {
    for (const auto& [key, value] : facts)
        parts.producer->publish_text(telemetry::DictionaryKind::kSession, id++,
                                     fmt::format("{}={}", key, value), parts.clock->now_ns());
    return id;
}

uint32_t publish_device_facts(EngineParts& parts, const engine::DeviceInfo& device) {
    return publish_facts(parts, kFirstDeviceFact,
                         {{"device", device.name},
                          {"device_reason", parts.device.reason},
                          {"kernel_tier", device.kernel_tier},
                          {"threads", fmt::format("{}", device.threads)}});
}

}  // namespace

void publish_session_facts(EngineParts& parts, const SessionOptions& options,
                           std::chrono::system_clock::time_point start) {
    const engine::Model& model = *parts.opened.model;
    const presets::KnobSpec& workload = presets::spec(KnobId::kWorkload);
    publish_facts(parts, 0,
                  {{"version", PITWALL_VERSION},
                   {"model", parts.model_name()},
                   {"model_path", std::string(model.path())},
                   {"model_sha256", std::string(model.sha256())},
                   {"model_format", model.format_summary()},
                   {"weight_kinds", std::string(engine::weight_kinds(model))}});
    const uint32_t next = publish_device_facts(parts, parts.engine->device());
    const auto start_s = std::chrono::system_clock::to_time_t(start);
    publish_facts(parts, next,
                  {{"seed", fmt::format("{}", options.seed)},
                   {"workload", presets::format_value(workload, options.knobs.get(KnobId::kWorkload))},
                   {"max_context_tokens", fmt::format("{}", parts.config().max_context_tokens)},
                   {"start_utc", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(start_s))}});
    publish_draft_model(parts);
}

void publish_device(EngineParts& parts, const engine::DeviceInfo& device) {
    parts.set_device_name(device.name);
    publish_device_facts(parts, device);
}

void publish_draft_model(EngineParts& parts) {
    constexpr uint32_t kId = 100;  // behind the others, however many those become
    if (const std::string name = parts.draft_model->name(); !name.empty())
        parts.producer->publish_text(telemetry::DictionaryKind::kSession, kId, "draft_model=" + name,
                                     parts.clock->now_ns());
}

}  // namespace pitwall::app
