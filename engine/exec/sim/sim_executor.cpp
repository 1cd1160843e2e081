// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/sim/sim_executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <limits>
#include <thread>
#include <unordered_map>
#include <utility>

#include "engine/exec/sim/cost_model.h"
#include "engine/kv/chain_hash.h"

namespace pitwall::engine {
namespace {

/// Leaves room for activations and the runtime, as engines do.
constexpr double kMemoryFraction = 0.9;
constexpr uint64_t kRuntimeBytes = 3'000'000'000;
constexpr uint64_t kMostBlocks = 1 << 24;
constexpr uint64_t kFirstSlot = 0x9e3779b97f4a7c15ULL;  ///< stands for the slot before position 0

uint64_t next_slot(uint64_t previous, TokenId token) {
    return detail::final_mix(previous * 0xd6e8feb86659fd93ULL + static_cast<uint32_t>(token) + 1);
}

class SimExecutor final : public Executor {
  public:
    SimExecutor(const ModelConfig& config, const DeviceProfile& profile, const SimOptions& options,
                uint64_t weight_bytes, uint64_t bytes_per_block, uint32_t capacity_blocks)
        : options_(options),
          info_{fmt::format("Simulated {}", profile.full_name), "simulated", 1, true},
          config_(config),
          cost_model_(profile, config, weight_bytes, static_cast<double>(bytes_per_block) / kBlockTokens),
          weight_bytes_(weight_bytes),
          bytes_per_block_(bytes_per_block),
          memory_bytes_(capacity_blocks * bytes_per_block) {}

    const DeviceInfo& device() const override { return info_; }
    uint32_t vocab_size() const override { return config_.vocab_size; }
    uint64_t bytes_per_block() const override { return bytes_per_block_; }
    KvDtype kv_cache_dtype() const override { return options_.kv_cache_dtype; }
    /// Taken and given back: nothing is computed that could come out otherwise.
    presets::ActivationDtype activation_dtype() const override { return activation_dtype_; }
    Status set_activation_dtype(presets::ActivationDtype dtype) override {
        activation_dtype_ = dtype;
        return {};
    }
    presets::WeightDtype weight_dtype() const override { return options_.weight_dtype; }
    uint64_t weight_bytes() const override { return weight_bytes_; }
    uint32_t capacity_blocks() const override { return kv_capacity(options_.kv_cache_dtype).blocks; }
    KvCapacity kv_capacity(KvDtype dtype) const override {
        const uint64_t bytes = kv_bytes_per_block(dtype, config_);
        return {bytes, static_cast<uint32_t>(std::min(memory_bytes_ / bytes, kMostBlocks))};
    }
    uint32_t depth() const override { return options_.depth; }

    Status resize_pool(uint32_t num_blocks) override {
        if (num_blocks > capacity_blocks())
            return Error{fmt::format("{} blocks do not fit {}", num_blocks, info_.name),
                         fmt::format("ask for {} or fewer", capacity_blocks())};
        slots_.resize(size_t{num_blocks} * kBlockTokens);
        return {};
    }

    Status convert_kv(KvDtype dtype, uint32_t num_blocks, std::span<const BlockId> holding) override {
        const KvCapacity capacity = kv_capacity(dtype);
        if (num_blocks > capacity.blocks)
            return Error{fmt::format("{} blocks do not fit {}", num_blocks, info_.name),
                         fmt::format("ask for {} or fewer", capacity.blocks)};
        wait_until(options_.clock->now_ns() +
                   cost_model_.conversion_ns(holding.size(), bytes_per_block_, capacity.bytes_per_block));
        options_.kv_cache_dtype = dtype;
        bytes_per_block_ = capacity.bytes_per_block;
        cost_model_.set_kv_bytes_per_token(static_cast<double>(bytes_per_block_) / kBlockTokens);
        return resize_pool(num_blocks);
    }

    Ticket submit(const StepPlan& plan) override {
        Flight flight;
        flight.ticket = Ticket{++last_ticket_};
        sampled_before_ = std::exchange(sampled_now_, {});
        for (const BlockCopy& copy : plan.copies) this->copy(copy);
        for (const SequenceSlice& slice : plan.slices) run(slice, flight.result);
        const StepCost cost = cost_model_.cost(plan);
        flight.result.copy_ns = cost.copy_ns;
        flight.result.execute_ns = cost.execute_ns;
        flight.result.sample_ns = cost.sample_ns;
        flight.result.flops = cost.flops;
        flight.result.bytes = cost.bytes;
        wait_until(options_.clock->now_ns() + cost.submit_ns);
        // Plans follow each other on the device without a gap, whoever handed them over early.
        device_free_ns_ = std::max(device_free_ns_, options_.clock->now_ns()) + cost.copy_ns +
                          cost.execute_ns + cost.sample_ns;
        flight.done_ns = device_free_ns_;
        flights_.push_back(std::move(flight));
        return flights_.back().ticket;
    }

    StepResult collect(Ticket ticket) override {
        const auto at = std::find_if(flights_.begin(), flights_.end(),
                                     [&](const Flight& f) { return f.ticket == ticket; });
        if (at == flights_.end()) {
            StepResult lost;
            lost.status = Error{"no such plan is in flight", ""};
            return lost;
        }
        wait_until(at->done_ns);
        StepResult result = std::move(at->result);
        flights_.erase(at);
        return result;
    }

  private:
    struct Flight {
        Ticket ticket{};
        StepResult result;
        int64_t done_ns = 0;
    };

    uint64_t& slot(std::span<const BlockId> table, uint32_t position) {
        return slots_[size_t{raw(table[position / kBlockTokens])} * kBlockTokens + position % kBlockTokens];
    }

    void copy(const BlockCopy& copy) {
        const auto source = slots_.begin() + ptrdiff_t{raw(copy.source)} * kBlockTokens;
        std::copy_n(source, copy.filled_tokens, slots_.begin() + ptrdiff_t{raw(copy.target)} * kBlockTokens);
    }

    void run(const SequenceSlice& slice, StepResult& result) {
        if (options_.verify_kv && result.status.ok()) result.status = verify(slice);
        uint64_t value =
            slice.first_position == 0 ? kFirstSlot : slot(slice.block_table, slice.first_position - 1);
        for (size_t i = 0; i < slice.tokens.size(); ++i) {
            value = next_slot(value, known(slice.request, slice.tokens[i]));
            slot(slice.block_table, slice.first_position + static_cast<uint32_t>(i)) = value;
            if (i < slice.first_sampled()) continue;
            result.sampled.push_back(pick(slice, i, value));
            sampled_now_[raw(slice.request)] = result.sampled.back();
        }
    }

    /// At depth 2 a token may be one that the plan before has sampled and nobody has been told of yet.
    TokenId known(RequestId request, TokenId token) const {
        return token >= 0 ? token : sampled_before_.at(raw(request));
    }

    /// What follows token `index` of the slice, whose slot holds `value`.
    TokenId pick(const SequenceSlice& slice, size_t index, uint64_t value) const {
        const std::span<const TokenId> banned = slice.banned_at(index);
        if (slice.sampling.temperature > 0)
            value = detail::final_mix(
                value ^ detail::final_mix(slice.sampling.seed + slice.history_at(index).size()));
        if (detail::final_mix(value) % 100 >= options_.agreement_percent) ++value;
        auto token = static_cast<TokenId>(value % config_.vocab_size);
        for (uint32_t tries = 0; tries < config_.vocab_size; ++tries) {
            if (std::find(banned.begin(), banned.end(), token) == banned.end()) break;
            token = static_cast<TokenId>((static_cast<uint32_t>(token) + 1) % config_.vocab_size);
        }
        return token;
    }

    Status verify(const SequenceSlice& slice) {
        uint64_t value = kFirstSlot;
        for (uint32_t position = 0; position < slice.first_position; ++position) {
            value = next_slot(value, known(slice.request, slice.history[position]));
            if (slot(slice.block_table, position) != value)
                return Error{fmt::format("the KV of request {} at position {} is not its own",
                                         raw(slice.request), position),
                             ""};
        }
        return {};
    }

    void wait_until(int64_t t_ns) {
        Clock& clock = *options_.clock;
        const int64_t left_ns = t_ns - clock.now_ns();
        if (left_ns <= 0) return;
        if (!clock.is_virtual() && options_.paced)
            std::this_thread::sleep_for(std::chrono::nanoseconds(left_ns));
        clock.advance(left_ns);
    }

    presets::ActivationDtype activation_dtype_ = presets::ActivationDtype::kF32;
    SimOptions options_;
    DeviceInfo info_;
    ModelConfig config_;
    CostModel cost_model_;
    uint64_t weight_bytes_, bytes_per_block_, memory_bytes_;
    std::vector<uint64_t> slots_;  ///< [blocks, kBlockTokens]
    std::deque<Flight> flights_;
    std::unordered_map<uint32_t, TokenId> sampled_before_, sampled_now_;  ///< by the last plan, by this one
    uint64_t last_ticket_ = 0;
    int64_t device_free_ns_ = 0;
};

}  // namespace

Result<std::unique_ptr<Executor>> make_sim_executor(const ModelConfig& config, const std::string& profile,
                                                    const SimOptions& options) {
    Result<DeviceProfile> device = find_device_profile(profile);
    if (!device.ok()) return device.error();
    if (!options.clock || config.vocab_size == 0 || options.depth < 1 || options.depth > 2)
        return Error{"the simulated device needs a clock, a vocabulary and a depth of 1 or 2", ""};
    const uint64_t head = config.tied_embeddings ? config.head_macs() : 2 * config.head_macs();
    const uint64_t weight_bytes =
        options.weight_bytes > 0 ? options.weight_bytes : 2 * (config.layer_macs() + head);
    const uint64_t bytes_per_block = kv_bytes_per_block(options.kv_cache_dtype, config);
    const uint64_t taken = weight_bytes + kRuntimeBytes;
    if (taken >= device.value().memory_bytes)
        return Error{fmt::format("{} needs {:.1f} GB for its weights, a {} has {:.0f} GB", config.name,
                                 static_cast<double>(weight_bytes) / 1e9, device.value().full_name,
                                 static_cast<double>(device.value().memory_bytes) / 1e9),
                     "choose a larger device or a model with smaller weights"};
    const double left = kMemoryFraction * static_cast<double>(device.value().memory_bytes - taken);
    const double blocks = options.capacity_blocks > 0
                              ? options.capacity_blocks
                              : left / static_cast<double>(std::max<uint64_t>(1, bytes_per_block));
    const auto capacity = static_cast<uint32_t>(std::clamp<double>(blocks, 1, kMostBlocks));
    return std::unique_ptr<Executor>(std::make_unique<SimExecutor>(config, device.value(), options,
                                                                   weight_bytes, bytes_per_block, capacity));
}

}  // namespace pitwall::engine
