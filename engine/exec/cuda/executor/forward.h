// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/exec/cuda/executor/device_model.h"
#include "engine/exec/cuda/executor/fast_products.h"
#include "engine/exec/cuda/executor/kernel_timer.h"
#include "engine/exec/cuda/kernels/attention.h"
#include "engine/exec/cuda/kernels/operand.h"
#include "engine/exec/cuda/runtime/collective.h"

namespace pitwall::cuda {

/// What a batch needs of the step's integers, all in device memory.
struct BatchInputs {
    uint32_t tokens = 0;
    const int32_t* ids = nullptr;
    const int32_t* sampled_before = nullptr;  ///< what negative ids stand for: GatherArgs::before
    const uint32_t *positions = nullptr, *slots = nullptr;
    AttendArgs attention{};  ///< but for what Forward owns
};

/// Rows of the last run whose logits are wanted.
struct HeadInputs {
    uint32_t count = 0;
    const uint32_t* rows = nullptr;
};

/// The forward pass of a llama model (Touvron et al. 2023) over a batch of tokens of many sequences. What it computes for a
/// token depends on that token's sequence alone, while it is batch-invariant. A rank has its share of the weights, and all of
/// what they add up to.
class Forward {
  public:
    static constexpr uint32_t kMaxTokens =
        1024;  ///< of a batch; a longer step runs as several, with the same bits
    static constexpr uint32_t kMaxHeadRows = 128;  ///< of one call of head()

    /// `collective`: of a rank that is not the only one.
    static Result<Forward> create(const DeviceModel& model, Collective* collective, Stream& stream);

    /// Partial results of attention that a batch may have; nothing is in flight when more room is made.
    bool has_room_for_parts(uint32_t parts) const { return part_bytes(parts) <= parts_.bytes(); }
    Status make_room_for_parts(uint32_t parts);

    void run(const BatchInputs& batch, const KvPool& pool, Stream& stream);
    /// Into logits(), for some rows of the last run.
    void head(const HeadInputs& inputs, Stream& stream);
    /// [count, vocab] of the last call of head(), in device memory until the next one. Of rank 0 alone.
    const float* logits() const { return logits_.as<float>(); }

    /// Times the kernels of what runs from now on, or with null does not.
    void time_kernels(KernelTimer* timer) { timer_ = timer; }
    /// What the stream is given now picks tokens.
    void begin_sampling(Stream& stream) {
        if (timer_) timer_->sampling(stream);
    }

    /// With nothing in flight. Off: products are FastProducts where those take them.
    Status set_batch_invariant(bool invariant, Stream& stream);
    /// What went wrong, since it was last asked, beside what the stream tells.
    Status take_failure() { return fast_ ? fast_->take_failure() : Status(); }

    uint64_t bytes() const;
    uint64_t copied_weight_bytes() const { return fast_ ? fast_->copied_bytes() : 0; }

  private:
    struct Rows {
        DeviceMemory data, scales;
        Operand operand;
        Status allocate(uint32_t rows, uint32_t columns);
    };
    Status allocate();
    uint64_t part_bytes(uint32_t parts) const;
    void run_layer(uint32_t index, const BatchInputs& batch, const KvPool& pool, Stream& stream);
    void now(engine::KernelKind kind, Stream& stream) {
        if (timer_) timer_->next(kind, stream);
    }
    void multiply(const DeviceMatrix& matrix, const Rows& x, uint32_t tokens, float* out, uint32_t ld_out,
                  Epilogue epilogue, Stream& stream);
    void add_product(const DeviceMatrix& matrix, const Rows& x, uint32_t tokens, Stream& stream);
    void multiply_head(uint32_t rows, Stream& stream);
    static Operand with_number(const Rows& rows, const DeviceMatrix& matrix);

    const DeviceModel* model_ = nullptr;
    Collective* collective_ = nullptr;
    DeviceMemory rotations_, hidden_, qkv_, q_, activated_, parts_, logits_;
    DeviceMemory of_ranks_;  ///< what each gives to a sum, or of the logits
    Rows normed_, attended_, activated_rows_, head_rows_;
    KernelTimer* timer_ = nullptr;
    std::optional<FastProducts> fast_;  ///< where batch_invariant is off
};

}  // namespace pitwall::cuda
