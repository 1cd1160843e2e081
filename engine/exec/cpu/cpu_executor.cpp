// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/cpu_executor.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "engine/exec/cpu/forward.h"
#include "engine/exec/cpu/read_bandwidth.h"
#include "engine/exec/cpu/side_text.h"
#include "engine/sample/sampler.h"

namespace pitwall::engine {
namespace cpu {
namespace {

constexpr uint32_t kMostThreads = 1024;

int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

std::string processor_name() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
        const size_t colon = line.find(": ");
        if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
    }
    return "CPU";
}

/// bf16 is never computed as something else.
Status check_activations(ActivationDtype dtype, const Kernels& kernels) {
    if (dtype == ActivationDtype::kF16)
        return Error{"f16 activations are for --device cuda", "use f32, i16, i8 or bf16"};
    if (dtype != ActivationDtype::kBf16 || kernels.bfloats != nullptr) return {};
    const std::string why = kernel_tier_available(KernelTier::kAvx512Bf16)
                                ? fmt::format("the kernel tier {} lacks", kernel_tier_name(kernels.tier))
                                : "this processor lacks";
    return Error{fmt::format("bf16 activations need AVX512-BF16, which {}", why), "use f32, i16 or i8"};
}

class CpuExecutor final : public Executor {
  public:
    CpuExecutor(KernelTier tier, uint32_t threads)
        : pool_(threads), kernels_(kernels_of(tier)), samplers_(threads) {
        device_.name = processor_name();
        device_.kernel_tier = kernel_tier_name(tier);
        device_.threads = threads;
    }

    Status load(const Model& model, const CpuOptions& options);

    const DeviceInfo& device() const override { return device_; }
    uint32_t vocab_size() const override { return model_->config.vocab_size; }
    uint64_t bytes_per_block() const override { return arena_.bytes_per_block(); }
    telemetry::KvDtype kv_cache_dtype() const override { return arena_.dtype(); }
    uint64_t weight_bytes() const override { return model_->bytes(); }
    uint64_t activation_bytes() const override;
    std::optional<double> measure_bandwidth() override { return read_bandwidth(pool_, model_->bytes()); }
    uint32_t capacity_blocks() const override { return arena_.capacity_blocks(); }
    KvCapacity kv_capacity(telemetry::KvDtype dtype) const override {
        const uint64_t bytes = kv_bytes_per_block(dtype, model_->config);
        return {bytes, arena_.capacity_blocks(bytes)};
    }
    Status resize_pool(uint32_t num_blocks) override { return arena_.resize(num_blocks); }
    Status convert_kv(telemetry::KvDtype dtype, uint32_t num_blocks,
                      std::span<const BlockId> holding) override {
        return arena_.convert(dtype, num_blocks, holding, pool_, kernels_);
    }
    ActivationDtype activation_dtype() const override { return activation_dtype_; }
    Status set_activation_dtype(ActivationDtype dtype) override {
        if (Status status = check_activations(dtype, kernels_); !status.ok()) return status;
        forward_->set_activation_dtype(activation_dtype_ = dtype);
        return {};
    }
    uint32_t side_tokens() const override { return SideText::kMostTokens; }
    Status score_beside(telemetry::KvDtype dtype, std::span<const TokenId> tokens, uint32_t first_position,
                        std::span<float* const> logits) override;
    Ticket submit(const StepPlan& plan) override;
    StepResult collect(Ticket ticket) override;

  private:
    /// Part of a slice that runs in one batch.
    struct Piece {
        uint32_t slice, first_token;
    };
    /// A row whose logits are wanted, and where they go, nowhere if only the largest is; it is token `token` of slice
    /// `slice`. What is sampled from it goes to result_.sampled[sample], or nothing is.
    struct HeadRow {
        uint32_t row, slice, token, sample;
        float* logits;
    };
    static constexpr uint32_t kNoSample = UINT32_MAX;

    void run_copies(const StepPlan& plan);
    void run_slices(const StepPlan& plan);
    void add_piece(const StepPlan& plan, Piece piece, uint32_t tokens);
    void run_batch(const StepPlan& plan);
    void run_head(const StepPlan& plan);
    bool needs_logits(const StepPlan& plan, const HeadRow& row) const;
    void sample(const StepPlan& plan, std::span<const HeadRow> rows);

    ThreadPool pool_;
    const Kernels& kernels_;
    DeviceInfo device_;
    std::unique_ptr<PackedModel> model_;
    KvArena arena_;
    std::unique_ptr<Forward> forward_;
    ActivationDtype activation_dtype_ = ActivationDtype::kF32;
    std::map<telemetry::KvDtype, std::unique_ptr<SideText>> side_texts_;  ///< two at most
    std::vector<SamplerScratch> samplers_;                                ///< by thread
    std::vector<float> logits_;                                           ///< [rows of one head call, vocab]

    std::vector<TokenId> batch_tokens_;
    std::vector<SequenceRows> batch_sequences_;
    std::vector<HeadRow> head_rows_;
    StepResult result_;
    uint64_t ticket_ = 0;
};

Status CpuExecutor::load(const Model& model, const CpuOptions& options) {
    // Before weights are read: that takes its time.
    if (Status status = check_activations(options.activation_dtype, kernels_); !status.ok()) return status;
    auto packed = pack_model(model, pool_, options.progress);
    if (!packed.ok()) return packed.error();
    model_ = std::move(packed).value();
    auto arena = KvArena::create(model_->config, options.kv_cache_memory_bytes, options.kv_cache_dtype);
    if (!arena.ok()) return arena.error();
    arena_ = std::move(arena).value();
    auto forward = Forward::create(*model_, pool_, kernels_, arena_);
    if (!forward.ok()) return forward.error();
    forward_ = std::move(forward).value();
    return set_activation_dtype(options.activation_dtype);
}

uint64_t CpuExecutor::activation_bytes() const {
    uint64_t bytes = forward_->activation_bytes() + logits_.capacity() * sizeof(float);
    for (const auto& [dtype, text] : side_texts_) bytes += text->activation_bytes();
    return bytes;
}

Status CpuExecutor::score_beside(telemetry::KvDtype dtype, std::span<const TokenId> tokens,
                                 uint32_t first_position, std::span<float* const> logits) {
    if (!side_texts_.contains(dtype)) {
        // The reference stays; what it was compared with before goes.
        if (side_texts_.size() > 1)
            std::erase_if(side_texts_,
                          [](const auto& text) { return text.first != telemetry::KvDtype::kF16; });
        auto text = SideText::create(*model_, pool_, kernels_, dtype);
        if (!text.ok()) return text.error();
        side_texts_.emplace(dtype, std::move(text).value());
    }
    side_texts_.at(dtype)->set_activation_dtype(activation_dtype_);
    side_texts_.at(dtype)->score(tokens, first_position, logits);
    return {};
}

Ticket CpuExecutor::submit(const StepPlan& plan) {
    result_ = {};
    forward_->reset_counters();
    const int64_t start = now_ns();
    run_copies(plan);
    result_.copy_ns = now_ns() - start;
    run_slices(plan);
    result_.execute_ns = now_ns() - start - result_.copy_ns - result_.sample_ns;
    result_.kernels = forward_->works();
    for (const KernelWork& work : result_.kernels) {
        result_.flops += work.flops;
        result_.bytes += work.bytes;
    }
    return Ticket{++ticket_};
}

StepResult CpuExecutor::collect([[maybe_unused]] Ticket ticket) {
    assert(static_cast<uint64_t>(ticket) == ticket_);
    return std::move(result_);
}

void CpuExecutor::run_copies(const StepPlan& plan) {
    for (const BlockCopy& copy : plan.copies) arena_.copy(copy);
    result_.bytes +=
        2.0 * static_cast<double>(plan.copies.size()) * static_cast<double>(arena_.bytes_per_block());
}

void CpuExecutor::run_slices(const StepPlan& plan) {
    for (uint32_t slice = 0; slice < plan.slices.size(); ++slice) {
        const auto total = static_cast<uint32_t>(plan.slices[slice].tokens.size());
        for (uint32_t first = 0; first < total;) {
            if (batch_tokens_.size() == Forward::kMaxTokens) run_batch(plan);
            const uint32_t room = Forward::kMaxTokens - static_cast<uint32_t>(batch_tokens_.size());
            const uint32_t tokens = std::min(room, total - first);
            add_piece(plan, {slice, first}, tokens);
            first += tokens;
        }
    }
    run_batch(plan);
}

void CpuExecutor::add_piece(const StepPlan& plan, Piece piece, uint32_t tokens) {
    const SequenceSlice& slice = plan.slices[piece.slice];
    const auto first_row = static_cast<uint32_t>(batch_tokens_.size());
    const auto own = slice.tokens.subspan(piece.first_token, tokens);
    batch_tokens_.insert(batch_tokens_.end(), own.begin(), own.end());
    batch_sequences_.push_back(
        {first_row, tokens, slice.first_position + piece.first_token, slice.block_table});
    const size_t vocab = vocab_size();
    assert(slice.logits_out.empty() || slice.logits_out.size() >= slice.tokens.size() * vocab);
    for (uint32_t i = 0; i < tokens; ++i) {
        const uint32_t token = piece.first_token + i;
        const bool sampled = token >= slice.first_sampled();
        if (slice.logits_out.empty() && !sampled) continue;
        float* logits = slice.logits_out.empty() ? nullptr : slice.logits_out.data() + token * vocab;
        const auto sample = static_cast<uint32_t>(result_.sampled.size());
        if (sampled) result_.sampled.push_back(-1);
        head_rows_.push_back({first_row + i, piece.slice, token, sampled ? sample : kNoSample, logits});
    }
}

void CpuExecutor::run_batch(const StepPlan& plan) {
    if (!batch_tokens_.empty()) forward_->run(batch_tokens_, batch_sequences_);
    run_head(plan);
    batch_tokens_.clear();
    batch_sequences_.clear();
    head_rows_.clear();
}

void CpuExecutor::run_head(const StepPlan& plan) {
    const size_t vocab = vocab_size();
    for (size_t begin = 0; begin < head_rows_.size(); begin += Forward::kMaxHeadRows) {
        const size_t count = std::min<size_t>(Forward::kMaxHeadRows, head_rows_.size() - begin);
        const std::span<HeadRow> some(head_rows_.data() + begin, count);
        uint32_t rows[Forward::kMaxHeadRows];
        float* targets[Forward::kMaxHeadRows];
        for (size_t i = 0; i < count; ++i) {
            if (some[i].logits == nullptr && needs_logits(plan, some[i])) {
                logits_.resize(std::max(logits_.size(), count * vocab));
                some[i].logits = logits_.data() + i * vocab;
            }
            rows[i] = some[i].row;
            targets[i] = some[i].logits;
        }
        forward_->head({rows, count}, targets);
        sample(plan, some);
    }
}

/// Most answers are greedy: writing all logits of a batch takes longer than to look at them as they are made.
bool CpuExecutor::needs_logits(const StepPlan& plan, const HeadRow& row) const {
    const SequenceSlice& slice = plan.slices[row.slice];
    return !takes_largest(slice.sampling, slice.history_at(row.token), slice.banned_at(row.token));
}

void CpuExecutor::sample(const StepPlan& plan, std::span<const HeadRow> rows) {
    const int64_t start = now_ns();
    pool_.run(static_cast<uint32_t>(rows.size()), 1, [&](uint32_t begin, uint32_t end, uint32_t thread) {
        for (uint32_t i = begin; i < end; ++i) {
            if (rows[i].sample == kNoSample) continue;
            if (rows[i].logits == nullptr) {  // where none is a number, the lowest, as sample_token() has it
                result_.sampled[rows[i].sample] = std::max(0, forward_->largest_logit(i).column);
                continue;
            }
            const SequenceSlice& slice = plan.slices[rows[i].slice];
            const uint64_t position = uint64_t{slice.first_position} + rows[i].token + 1;
            result_.sampled[rows[i].sample] =
                sample_token({rows[i].logits, vocab_size()}, slice.sampling, slice.history_at(rows[i].token),
                             slice.banned_at(rows[i].token), position, samplers_[thread]);
        }
    });
    result_.sample_ns += now_ns() - start;
}

}  // namespace
}  // namespace cpu

uint32_t available_threads() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        return static_cast<uint32_t>(std::max(1, CPU_COUNT(&allowed)));
    return std::max(1u, std::thread::hardware_concurrency());
}

Status check_cpu_activations(presets::ActivationDtype dtype) {
    const auto tier = choose_kernel_tier(std::nullopt);
    return tier.ok() ? cpu::check_activations(dtype, cpu::kernels_of(tier.value())) : Status();
}

Result<std::unique_ptr<Executor>> make_cpu_executor(const Model& model, const CpuOptions& options) {
    const auto tier = choose_kernel_tier(options.tier);
    if (!tier.ok()) return tier.error();
    if (options.threads > cpu::kMostThreads) {
        return Error{fmt::format("{} threads asked for", options.threads),
                     fmt::format("use 1 to {}, or 0 for all cores", cpu::kMostThreads)};
    }
    const uint32_t threads = options.threads != 0 ? options.threads : available_threads();
    auto executor = std::make_unique<cpu::CpuExecutor>(tier.value(), threads);
    if (Status status = executor->load(model, options); !status.ok()) return status.error();
    return Result<std::unique_ptr<Executor>>(std::move(executor));
}

}  // namespace pitwall::engine
