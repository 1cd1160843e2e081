// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/draft_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <future>
#include <system_error>
#include <utility>

#include "app/core/session/device_knobs.h"
#include "app/core/session/engine_parts.h"
#include "engine/kv/kv_format.h"
#include "presets/nearest.h"

namespace pitwall::app {

using presets::KnobId;

namespace {

/// Its KV memory, as a part of the engine's.
constexpr double kKvShare = 4;
/// On a GPU where nobody gave the engine's, of what is free there: before the engine is there, of what its weights will leave, about
/// a quarter of the 85 % that it takes of the rest; and half of what it has left, once it is there.
constexpr double kGpuShareBefore = 1.0 / 6, kGpuShareBeside = 1.0 / 2;
/// Of a simulated draft model: how often its token is the one that the simulated model picks. Leviathan et al. 2023
/// ("Fast inference from transformers via speculative decoding", table 3) measured 0.6 to 0.8 for models of a tenth the size.
constexpr uint32_t kSimulatedAgreement = 75;

struct GivenUp : std::exception {
    const char* what() const noexcept override { return "nobody wants it any more"; }
};

/// Of several GPUs the first: it is small, its heads may be too few to be shared, and two models that meet across the same GPUs
/// could wait for each other.
std::string one_device(DeviceChoice device) {
    device.cuda_indices.resize(1);
    return device_words(device);
}

SessionOptions options_for_drafts(SessionOptions options, const engine::Model& target) {
    size_t gpus = 1;
    if (const auto device = parse_device(options.device); device.ok()) {
        gpus = std::max(gpus, device.value().cuda_indices.size());
        options.device = one_device(device.value());
    }
    if (!options.knobs.given(KnobId::kKvCacheMemoryBytes))
        options.gpu_kv_share = {kGpuShareBefore, target.weight_bytes() / gpus};
    const double kv_bytes = options.knobs.get(KnobId::kKvCacheMemoryBytes) / kKvShare;
    options.knobs.set(KnobId::kKvCacheMemoryBytes, kv_bytes);
    options.knobs.set(KnobId::kKvCacheDtype, engine::kv_dtype_choice(telemetry::KvDtype::kF16));
    options.knobs.set(KnobId::kWeightDtype, static_cast<double>(presets::WeightDtype::kFile));
    options.simulated_agreement_percent = kSimulatedAgreement;
    return with_any_numerics(std::move(options));  // a CPU that takes over has not what a GPU alone has
}

bool is_synthetic(const engine::Model& model) { return model.path().starts_with("synthetic:"); }

Error other_vocabulary(const engine::Model& model, const std::string& why) {
    return {fmt::format("{} cannot draft: {}", presets::shown(model.path()), why),
            "choose a smaller model of the same family"};
}

/// Tokens are drafted by number: the same number has to be the same token.
Status check_vocabulary(const engine::Model& model, const engine::Model& target) {
    const auto& own = target.vocabulary().tokens;
    const auto& its = model.vocabulary().tokens;
    if (model.config().vocab_size != target.config().vocab_size)
        return other_vocabulary(model, fmt::format("it has {} tokens, the model has {}",
                                                   model.config().vocab_size, target.config().vocab_size));
    if (own.size() != its.size())
        return other_vocabulary(model,
                                fmt::format("it names {} tokens, the model {}", its.size(), own.size()));
    const auto other = std::mismatch(own.begin(), own.end(), its.begin()).first;
    if (other == own.end()) return {};
    return other_vocabulary(model,
                            fmt::format("its token {} is another than the model's", other - own.begin()));
}

bool is_done(const std::future<Result<std::unique_ptr<engine::Executor>>>& loading) {
    return loading.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

}  // namespace

DraftModel::DraftModel(const SessionOptions& options, bool simulated, const engine::Model& target,
                       Clock& clock)
    : options_(options_for_drafts(options, target)), simulated_(simulated), target_(target), clock_(clock) {}

/// Random weights are made by whoever reads them; a file is mapped, and costs nothing until then.
Status DraftModel::choose(const std::string& model) {
    if (model.empty()) return Error{"the draft model has no name", "give a FILE or synthetic:SHAPE"};
    auto opened = engine::open_model(model, options_.seed, false);
    if (!opened.ok()) return opened.error();
    if (Status same = check_vocabulary(*opened.value(), target_); !same.ok()) return same;
    std::shared_ptr<const engine::Model>
        gone;  // after the lock: whoever asks for a name waits for no unmapping
    const std::lock_guard lock(mutex_);
    gone = std::exchange(previous_, std::exchange(chosen_, std::move(opened).value()));
    return {};
}

void DraftModel::choose_previous() {
    std::shared_ptr<const engine::Model> gone;
    const std::lock_guard lock(mutex_);
    gone = std::exchange(chosen_, std::exchange(previous_, nullptr));
}

std::shared_ptr<const engine::Model> DraftModel::chosen() const {
    const std::lock_guard lock(mutex_);
    return chosen_;
}

std::string DraftModel::name() const {
    const auto model = chosen();
    return model ? shown_name(*model) : "";
}

Status DraftModel::load(const ProgressFn& progress) {
    auto loaded = read_weights(options_, *chosen(), progress);
    if (!loaded.ok()) return loaded.error();
    loaded_ = std::move(loaded).value();
    return {};
}

DraftModel::Loaded DraftModel::read_weights(const SessionOptions& options, const engine::Model& model,
                                            const ProgressFn& progress) {
    if (simulated_ || !is_synthetic(model)) return make_executor(options, model, clock_, progress);
    auto whole = engine::open_model(model.path(), options.seed, true);
    if (!whole.ok()) return whole.error();
    return make_executor(options, *whole.value(), clock_, progress);
}

void DraftModel::move_to(const DeviceChoice& device) { options_.device = one_device(device); }

void DraftModel::leave_device() {
    abandoned_.clear();  // each is waited for
    loaded_.reset();
}

Result<std::unique_ptr<engine::Drafter>> DraftModel::make_drafter(telemetry::DraftMethod method) {
    std::erase_if(abandoned_, is_done);
    return method == telemetry::DraftMethod::kDraft ? make_model_drafter() : engine::make_drafter(method);
}

Result<std::unique_ptr<engine::Drafter>> DraftModel::make_model_drafter() {
    const auto model = chosen();
    if (!model) return engine::make_drafter(telemetry::DraftMethod::kDraft);
    const auto unwanted = std::make_shared<std::atomic<bool>>(false);
    auto loading = begin_loading(model, unwanted);
    if (!loading.ok()) return loading.error();
    return std::unique_ptr<engine::Drafter>(
        std::make_unique<engine::ModelDrafter>(std::move(loading).value(), model->config().max_context_tokens,
                                               clock_, [this, unwanted](Loading rest) {
                                                   *unwanted = true;
                                                   abandoned_.push_back(std::move(rest));
                                               }));
}

Result<DraftModel::Loading> DraftModel::begin_loading(std::shared_ptr<const engine::Model> model,
                                                      const std::shared_ptr<std::atomic<bool>>& unwanted) {
    if (simulated_ && !loaded_) {  // has no weights to read, and its clock is the engine thread's
        auto made = read_weights(options_, *model, nullptr);
        if (!made.ok()) return made.error();
        loaded_ = std::move(made).value();
    }
    if (loaded_) {
        std::promise<Loaded> done;
        done.set_value(std::move(loaded_));
        return done.get_future();
    }
    SessionOptions options = options_;
    if (options.gpu_kv_share) options.gpu_kv_share = {kGpuShareBeside, 0};
    const auto read = [this, options = std::move(options), model = std::move(model), unwanted]() -> Loaded {
        try {
            return read_weights(options, *model, [&](const Progress&) {
                if (*unwanted) throw GivenUp();
            });
        } catch (const std::exception& error) {
            return Error{fmt::format("the weights of the draft model could not be read ({})", error.what()),
                         ""};
        }
    };
    try {
        return std::async(std::launch::async, read);
    } catch (const std::system_error& error) {
        return Error{fmt::format("the draft model cannot be loaded ({})", error.what()),
                     "end other programs"};
    }
}

}  // namespace pitwall::app
