// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/exec/cpu/attention.h"
#include "engine/exec/cpu/kernels/kernels.h"
#include "engine/exec/cpu/kv_arena.h"
#include "engine/exec/cpu/multiplier.h"
#include "engine/exec/cpu/packed_model.h"
#include "engine/exec/cpu/thread_pool.h"

namespace pitwall::engine::cpu {

/// The forward pass of a llama model (Touvron et al. 2023) over a batch of tokens of many sequences. What it computes
/// for a token depends on that token's sequence alone.
class Forward {
  public:
    /// Most tokens of a batch: bounds the activations; a longer step runs as several batches, with the same bits.
    static constexpr uint32_t kMaxTokens = 512;
    /// Most rows of one call of head().
    static constexpr uint32_t kMaxHeadRows = 64;

    static Result<std::unique_ptr<Forward>> create(const PackedModel& model, ThreadPool& pool,
                                                   const Kernels& kernels, KvArena& arena);

    /// Runs all layers: token i of `tokens` is row i, and `sequences` says whose the rows are. Writes K and V.
    void run(std::span<const TokenId> tokens, std::span<const SequenceRows> sequences);
    /// Logits of some rows of the last run: rows[i] -> logits[i] [vocab]; where that is null only largest_logit(i) is kept.
    void head(std::span<const uint32_t> rows, float* const* logits);
    Largest largest_logit(uint32_t i) const { return multiplier_.largest(i); }

    /// What is computed from now on meets weights in that format, those that the format is for.
    void set_activation_dtype(ActivationDtype dtype) {
        multiplier_.set_activation_dtype(dtype);
        attention_.set_activation_dtype(dtype);
    }

    uint64_t activation_bytes() const { return buffer_.bytes() + multiplier_.scratch_bytes(); }
    const KernelWorks& works() const { return works_; }  ///< since reset_counters()
    void reset_counters() { works_ = {}; }

  private:
    /// [tokens, ld] float32; ld is not a power of two, so that rows do not share cache sets.
    struct Rows {
        float* data = nullptr;
        size_t ld = 0;
        float* row(uint32_t token) const { return data + token * ld; }
    };

    Forward(const PackedModel& model, ThreadPool& pool, const Kernels& kernels, KvArena& arena,
            Multiplier multiplier);
    void embed(std::span<const TokenId> tokens);
    /// Into normed_, which `product` is next multiplied with.
    void normalize(const Rows& from, const std::vector<float>& weight, uint32_t tokens,
                   const Product& product);
    /// K and V of TokenPlaces::rows_of_runs().
    void cache_runs(uint32_t layer);
    void multiply(const Product& product, const Rows& x, const Rows& out, uint32_t tokens, Epilogue epilogue,
                  const Product* only_for = nullptr);
    void attend(uint32_t layer, uint32_t tokens);
    /// Runs `work` and books its time.
    template <class Work>
    void timed(KernelKind kind, const Work& work);
    void count(KernelKind kind, double flops, double bytes);
    template <class Work>
    void each_token(uint32_t tokens, uint32_t serial, const Work& work);

    const PackedModel& model_;
    ThreadPool& pool_;
    const Kernels& kernels_;
    KvArena& arena_;
    Multiplier multiplier_;
    TokenPlaces places_;
    Attention attention_;
    PageBuffer buffer_;
    Rows hidden_, normed_, qkv_, attended_, activated_;
    KernelWorks works_{};
};

}  // namespace pitwall::engine::cpu
