// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/cuda_executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <deque>
#include <exception>
#include <utility>
#include <vector>

#include "engine/exec/cuda/check_ranks.h"
#include "engine/exec/cuda/cuda_library.h"
#include "engine/kv/kv_format.h"
#include "engine/model/check_shapes.h"
#include "engine/model/weights.h"

namespace pitwall::engine {
namespace {

namespace abi = cuda::abi;

using presets::ActivationDtype;

Error error_of(const abi::Failure& failure) { return {failure.what, failure.hint}; }

abi::Tensor tensor_of(const TensorView& view) {
    return {static_cast<uint32_t>(view.type), view.rows, view.columns, view.data, view.bytes};
}

abi::Layer layer_of(const LayerWeights& l) {
    return {tensor_of(l.attn_norm), tensor_of(l.q),           tensor_of(l.k),
            tensor_of(l.v),         tensor_of(l.attn_output), tensor_of(l.ffn_norm),
            tensor_of(l.gate),      tensor_of(l.up),          tensor_of(l.down)};
}

abi::Model model_of(const Model& model, const std::vector<abi::Layer>& layers) {
    const ModelConfig& c = model.config();
    return {c.num_layers,
            c.hidden_size,
            c.num_heads,
            c.num_kv_heads,
            c.head_dim,
            c.intermediate_size,
            c.vocab_size,
            c.max_context_tokens,
            c.rms_epsilon,
            c.rope_base,
            !has_own_head(model),
            tensor_of(model.embedding()),
            tensor_of(model.output_head()),
            tensor_of(model.output_norm()),
            layers.data()};
}

/// bfloat16 where that is what all matrices are, and stay.
ActivationDtype activations_of(const Model& model, presets::WeightDtype dtype) {
    if (dtype == presets::WeightDtype::kFp8) return ActivationDtype::kF16;
    for (uint32_t i = 0; i < model.config().num_layers; ++i) {
        const LayerWeights& l = model.layer(i);
        for (const TensorView* t : {&l.q, &l.k, &l.v, &l.attn_output, &l.gate, &l.up, &l.down})
            if (t->type != TensorType::kBF16) return ActivationDtype::kF16;
    }
    return ActivationDtype::kBf16;
}

/// What the plug-in calls back, and what was thrown there: nothing flies through it.
struct Progress {
    const CudaOptions& options;
    const Model& model;
    std::exception_ptr thrown;

    static int32_t call(void* context, uint64_t done, uint64_t total) {
        auto& self = *static_cast<Progress*>(context);
        try {
            self.model.release_pages();
            if (self.options.progress) self.options.progress(done, total);
            return 0;
        } catch (...) {
            self.thrown = std::current_exception();
            return 1;
        }
    }
};

class CudaExecutor final : public Executor {
  public:
    CudaExecutor(const abi::Plugin& plugin, std::span<const abi::DeviceInfo> devices, const Model& model,
                 presets::WeightDtype weights)
        : plugin_(plugin),
          config_(model.config()),
          weight_dtype_(weights),
          activations_(activations_of(model, weights)) {
        const abi::DeviceInfo& first = devices[0];
        info_.name = cuda_device_names(devices);
        info_.pci_bus_id = first.pci_bus_id;
        info_.kernel_tier = cuda_kernel_tier(first);
    }
    ~CudaExecutor() override {
        if (device_) plugin_.destroy(device_);
    }
    CudaExecutor(const CudaExecutor&) = delete;
    CudaExecutor& operator=(const CudaExecutor&) = delete;

    Status load(const Model& model, const CudaOptions& options);

    const DeviceInfo& device() const override { return info_; }
    Status status() const override {
        return call([&](abi::Failure* failure) { return plugin_.status(device_, failure); });
    }
    uint32_t vocab_size() const override { return config_.vocab_size; }
    uint64_t bytes_per_block() const override { return kv_bytes_per_block(kv_dtype_, config_); }
    telemetry::KvDtype kv_cache_dtype() const override { return kv_dtype_; }
    ActivationDtype activation_dtype() const override { return activations_; }
    Status set_activation_dtype(ActivationDtype dtype) override {
        if (dtype == activations_) return {};
        const auto& words = presets::spec(presets::KnobId::kActivationDtype).choices;
        return Error{fmt::format("a CUDA device has {} activations for these weights",
                                 words[static_cast<size_t>(activations_)]),
                     ""};
    }
    bool batch_invariant() const override { return batch_invariant_; }
    Status set_batch_invariant(bool invariant) override {
        Status status = call([&](abi::Failure* failure) {
            return plugin_.set_batch_invariant(device_, invariant ? 1 : 0, failure);
        });
        if (status.ok()) batch_invariant_ = invariant;
        return status;
    }
    presets::WeightDtype weight_dtype() const override { return weight_dtype_; }
    uint64_t weight_bytes() const override { return plugin_.weight_bytes(device_); }
    uint64_t activation_bytes() const override { return plugin_.activation_bytes(device_); }
    std::optional<double> measure_bandwidth() override { return plugin_.measure_bandwidth(device_); }
    uint32_t capacity_blocks() const override { return kv_capacity(kv_dtype_).blocks; }
    KvCapacity kv_capacity(telemetry::KvDtype dtype) const override {
        const uint64_t bytes = kv_bytes_per_block(dtype, config_);
        const uint64_t most = raw(kNoBlock) / kBlockTokens;
        if (plugin_.block_bytes(device_, static_cast<uint32_t>(dtype)) == 0) return {bytes, 0};
        return {bytes, static_cast<uint32_t>(std::min(plugin_.kv_memory_bytes(device_) / bytes, most))};
    }
    Status resize_pool(uint32_t num_blocks) override {
        return call([&](abi::Failure* failure) { return plugin_.resize_pool(device_, num_blocks, failure); });
    }
    Status convert_kv(telemetry::KvDtype dtype, uint32_t num_blocks,
                      std::span<const BlockId> holding) override;
    uint32_t side_tokens() const override { return abi::kSideTokens; }
    Status score_beside(telemetry::KvDtype dtype, std::span<const TokenId> tokens, uint32_t first_position,
                        std::span<float* const> logits) override {
        return call([&](abi::Failure* failure) {
            return plugin_.score_beside(device_, static_cast<uint32_t>(dtype), tokens.data(),
                                        static_cast<uint32_t>(tokens.size()), first_position, logits.data(),
                                        failure);
        });
    }
    Ticket submit(const StepPlan& plan) override;
    StepResult collect(Ticket ticket) override;
    uint32_t depth() const override { return 2; }

  private:
    /// A plan between submit() and collect().
    struct Flight {
        Ticket ticket{};
        std::vector<SequenceSlice> slices;
        std::vector<std::vector<TokenId>> tokens;  ///< of slices whose last token was not known
        Status submitted;
    };

    /// One of the plug-in's functions.
    template <class Function>
    static Status call(const Function& function) {
        abi::Failure failure{};
        if (function(&failure) == 0) return {};
        return error_of(failure);
    }
    abi::Slice plain_slice(Flight& flight, const SequenceSlice& slice);
    TokenId stand_in(RequestId request) const;

    const abi::Plugin& plugin_;
    ModelConfig config_;
    presets::WeightDtype weight_dtype_;
    ActivationDtype activations_;
    bool batch_invariant_ = true;
    DeviceInfo info_;
    abi::Executor* device_ = nullptr;
    telemetry::KvDtype kv_dtype_ = telemetry::KvDtype::kF16;
    std::deque<Flight> flights_;
    uint64_t last_ticket_ = 0;
};

Status CudaExecutor::load(const Model& model, const CudaOptions& options) {
    if (Status status = check_shapes(model); !status.ok()) return status;
    const auto ranks = static_cast<uint32_t>(options.devices.size());
    if (Status status = check_ranks(model, ranks); !status.ok()) return status;
    std::vector<abi::Layer> layers;
    for (uint32_t i = 0; i < config_.num_layers; ++i) layers.push_back(layer_of(model.layer(i)));
    const abi::Model plain = model_of(model, layers);
    Progress progress{options, model, nullptr};
    const abi::Options plain_options{options.devices.data(),
                                     static_cast<uint32_t>(options.devices.size()),
                                     static_cast<uint32_t>(options.kv_cache_dtype),
                                     static_cast<uint32_t>(weight_dtype_),
                                     options.kv_cache_memory_bytes,
                                     options.kv_cache_share,
                                     options.kv_cache_spared_bytes,
                                     Progress::call,
                                     &progress};
    Status status = call(
        [&](abi::Failure* failure) { return plugin_.create(&plain, &plain_options, &device_, failure); });
    if (progress.thrown) std::rethrow_exception(progress.thrown);
    kv_dtype_ = options.kv_cache_dtype;
    return status;
}

Status CudaExecutor::convert_kv(telemetry::KvDtype dtype, uint32_t num_blocks,
                                std::span<const BlockId> holding) {
    std::vector<uint32_t> ids;
    for (const BlockId id : holding) ids.push_back(raw(id));
    Status status = call([&](abi::Failure* failure) {
        return plugin_.convert_kv(device_, static_cast<uint32_t>(dtype), num_blocks, ids.data(),
                                  static_cast<uint32_t>(ids.size()), failure);
    });
    if (status.ok()) kv_dtype_ = dtype;
    return status;
}

/// What the plan before, still in flight, samples for that request: by its place among what is sampled there (abi::Slice::tokens).
TokenId CudaExecutor::stand_in(RequestId request) const {
    assert(!flights_.empty());
    const Flight& before = flights_.back();
    // One that failed has no tokens; this one fails with it, or is thrown away.
    if (!before.submitted.ok()) return 0;
    TokenId place = 0;
    for (const SequenceSlice& slice : before.slices) {
        place += static_cast<TokenId>(slice.samples);
        if (slice.request == request) return -place;
    }
    assert(false && "a placeholder of nobody");
    return 0;
}

abi::Slice CudaExecutor::plain_slice(Flight& flight, const SequenceSlice& s) {
    std::span<const TokenId> tokens = s.tokens;
    if (tokens.back() < 0) {
        flight.tokens.emplace_back(tokens.begin(), tokens.end());
        flight.tokens.back().back() = stand_in(s.request);
        tokens = flight.tokens.back();
    }
    const SamplingParams& sampling = s.sampling;
    static_assert(sizeof(BlockId) == sizeof(uint32_t));
    return {tokens.data(),
            static_cast<uint32_t>(tokens.size()),
            s.first_position,
            reinterpret_cast<const uint32_t*>(s.block_table.data()),
            static_cast<uint32_t>(s.block_table.size()),
            s.samples,
            s.banned.data(),
            static_cast<uint32_t>(s.banned.size()),
            s.banned_before,
            {sampling.temperature, sampling.top_k, sampling.top_p, sampling.min_p,
             sampling.repetition_penalty, sampling.seed},
            s.history.data(),
            static_cast<uint32_t>(s.history.size() - std::min(s.history.size(), s.tokens.size())),
            s.logits_out.empty() ? nullptr : s.logits_out.data()};
}

Ticket CudaExecutor::submit(const StepPlan& plan) {
    Flight flight;
    flight.ticket = Ticket{++last_ticket_};
    flight.slices = plan.slices;
    std::vector<abi::Slice> slices;
    for (const SequenceSlice& slice : flight.slices) slices.push_back(plain_slice(flight, slice));
    std::vector<abi::BlockCopy> copies;
    for (const BlockCopy& copy : plan.copies) copies.push_back({raw(copy.source), raw(copy.target)});
    const abi::Plan plain{copies.data(), slices.data(), static_cast<uint32_t>(copies.size()),
                          static_cast<uint32_t>(slices.size()), raw(plan.id)};
    flight.submitted = call([&](abi::Failure* failure) { return plugin_.submit(device_, &plain, failure); });
    flights_.push_back(std::move(flight));
    return flights_.back().ticket;
}

/// Waits for the oldest plan that the device has.
StepResult CudaExecutor::collect([[maybe_unused]] Ticket ticket) {
    assert(!flights_.empty() && flights_.front().ticket == ticket);
    const Flight flight = std::move(flights_.front());
    flights_.pop_front();
    StepResult result;
    result.status = flight.submitted;
    if (!result.status.ok()) return result;
    abi::StepResult step{};
    result.status = call([&](abi::Failure* failure) { return plugin_.collect(device_, &step, failure); });
    if (!result.status.ok()) return result;
    uint32_t samples = 0;
    for (const SequenceSlice& slice : flight.slices) samples += slice.samples;
    result.sampled.assign(step.sampled, step.sampled + samples);
    result.copy_ns = step.copy_ns;
    result.execute_ns = step.execute_ns;
    result.sample_ns = step.sample_ns;
    result.flops = step.flops;
    result.bytes = step.bytes;
    for (size_t i = 0; i < result.kernels.size(); ++i)
        result.kernels[i] = {step.kernels[i].ns, step.kernels[i].flops, step.kernels[i].bytes};
    return result;
}

}  // namespace

std::string cuda_kernel_tier(const abi::DeviceInfo& device) {
    if (device.emulated) return kEmulatedTier;
    return fmt::format("cuda-sm{}{}", device.compute_major, device.compute_minor);
}

Result<std::unique_ptr<Executor>> make_cuda_executor(const abi::Plugin& plugin, const Model& model,
                                                     const CudaOptions& options) {
    const auto devices = choose_cuda_devices(plugin, options.devices);
    if (!devices.ok()) return devices.error();
    for (const abi::DeviceInfo& device : devices.value())
        if (!device.has_code)
            return Error{fmt::format("the CUDA plug-in has no code for {} (compute capability {}.{})",
                                     device.name, device.compute_major, device.compute_minor),
                         "build it with its number in CMAKE_CUDA_ARCHITECTURES, or use --device cpu"};
    // Asked for in vain it is not said of the device.
    const auto weights = takes_float8(model) ? options.weight_dtype : presets::WeightDtype::kFile;
    auto executor = std::make_unique<CudaExecutor>(plugin, devices.value(), model, weights);
    if (Status status = executor->load(model, options); !status.ok()) return status.error();
    return Result<std::unique_ptr<Executor>>(std::move(executor));
}

}  // namespace pitwall::engine
