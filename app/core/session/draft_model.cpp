// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/draft_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <filesystem>
#include <future>
#include <utility>

#include "engine/exec/cpu/cpu_executor.h"
#include "engine/exec/sim/sim_executor.h"
#include "engine/spec/model_drafter.h"
#include "presets/nearest.h"

namespace pitwall::app {

using presets::KnobId;

namespace {

/// Its KV memory, as a part of the engine's.
constexpr uint64_t kKvShare = 4;
/// Of a simulated draft model: how often its token is the one that the simulated model picks. Leviathan et al. 2023
/// ("Fast inference from transformers via speculative decoding", table 3) measured 0.6 to 0.8 for models of a tenth the size.
constexpr uint32_t kSimulatedAgreement = 75;
constexpr uint64_t kMostSimBlocks = 1 << 16;

struct GivenUp : std::exception {};

/// The first token in which they differ, or their sizes.
Status check_vocabulary(const engine::Model& model, const engine::Model& target) {
    const auto& ours = target.vocabulary().tokens;
    const auto& its = model.vocabulary().tokens;
    const std::string hint = "choose a smaller model of the same family";
    const std::string name = presets::shown(model.path());
    if (ours.size() != its.size() || model.config().vocab_size != target.config().vocab_size)
        return Error{fmt::format("{} cannot draft: it has {} tokens, the model has {}", name,
                                 model.config().vocab_size, target.config().vocab_size),
                     hint};
    const auto other = std::mismatch(ours.begin(), ours.end(), its.begin());
    if (other.first == ours.end()) return {};
    return Error{fmt::format("{} cannot draft: its token {} is another than the model's", name,
                             other.first - ours.begin()),
                 hint};
}

}  // namespace

DraftModel::DraftModel(const SessionOptions& options, const DeviceChoice& device, const engine::Model& target,
                       Clock& clock)
    : options_(options), device_(device), target_(target), clock_(clock) {}

Status DraftModel::choose(const std::string& model) {
    if (model.empty()) return Error{"the draft model has no name", "give a FILE or synthetic:SHAPE"};
    auto opened = engine::open_model(model, options_.seed, !device_.simulated);
    if (!opened.ok()) return opened.error();
    if (Status same = check_vocabulary(*opened.value(), target_); !same.ok()) return same;
    const std::lock_guard lock(mutex_);
    chosen_ = std::move(opened).value();
    loaded_.reset();
    return {};
}

std::string DraftModel::name() const {
    const std::lock_guard lock(mutex_);
    if (!chosen_) return "";
    const std::string path(chosen_->path());
    return path.starts_with("synthetic:") ? path : std::filesystem::path(path).stem().string();
}

Status DraftModel::load(const ProgressFn& progress) {
    auto loaded = read_weights(*chosen_, [&](uint64_t done, uint64_t total) {
        if (progress) progress({"Reading weights of the draft model", done, total});
    });
    if (!loaded.ok()) return loaded.error();
    const std::lock_guard lock(mutex_);
    loaded_ = std::move(loaded).value();
    return {};
}

DraftModel::Loaded DraftModel::read_weights(const engine::Model& model,
                                            const std::function<void(uint64_t, uint64_t)>& progress) const {
    const auto kv_bytes =
        static_cast<uint64_t>(options_.knobs.integer(KnobId::kKvCacheMemoryBytes)) / kKvShare;
    if (device_.simulated) {
        engine::SimOptions sim;
        sim.clock = &clock_;
        sim.paced = options_.paced;
        sim.weight_bytes = model.weight_bytes();
        const uint64_t block = engine::kv_bytes_per_block(sim.kv_cache_dtype, model.config());
        sim.capacity_blocks =
            static_cast<uint32_t>(std::clamp<uint64_t>(kv_bytes / block, 1, kMostSimBlocks));
        sim.agreement_percent = kSimulatedAgreement;
        return engine::make_sim_executor(model.config(), device_.profile, sim);
    }
    engine::CpuOptions cpu;
    cpu.threads = options_.threads;
    cpu.kv_cache_memory_bytes = kv_bytes;
    cpu.progress = progress;
    return engine::make_cpu_executor(model, cpu);
}

Result<std::unique_ptr<engine::Drafter>> DraftModel::make_drafter(telemetry::DraftMethod method) {
    return method == telemetry::DraftMethod::kDraft ? make_model_drafter() : engine::make_drafter(method);
}

Result<std::unique_ptr<engine::Drafter>> DraftModel::make_model_drafter() {
    const std::lock_guard lock(mutex_);
    if (!chosen_) return engine::make_drafter(telemetry::DraftMethod::kDraft);
    const uint32_t context = chosen_->config().max_context_tokens;
    engine::ModelDrafter::Loading loading;
    const auto unwanted = std::make_shared<std::atomic<bool>>(false);
    if (device_.simulated && !loaded_) {  // has no weights to read, and its clock is the engine thread's
        auto made = read_weights(*chosen_, {});
        if (!made.ok()) return made.error();
        loaded_ = std::move(made).value();
    }
    if (loaded_) {
        std::promise<Loaded> done;
        done.set_value(std::move(loaded_));
        loading = done.get_future();
    } else {
        loading = std::async(std::launch::async, [this, model = chosen_, unwanted]() -> Loaded {
            try {
                return read_weights(*model, [&](uint64_t, uint64_t) {
                    if (*unwanted) throw GivenUp();
                });
            } catch (const std::exception& error) {
                return Error{fmt::format("the draft model could not be read ({})", error.what()), ""};
            }
        });
    }
    return std::unique_ptr<engine::Drafter>(std::make_unique<engine::ModelDrafter>(
        std::move(loading), context, clock_, [unwanted] { *unwanted = true; }));
}

}  // namespace pitwall::app
