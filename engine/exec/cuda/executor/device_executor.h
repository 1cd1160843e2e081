// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/exec/cuda/executor/attention_plan.h"
#include "engine/exec/cuda/executor/device_model.h"
#include "engine/exec/cuda/executor/forward.h"
#include "engine/exec/cuda/executor/kv_arena.h"
#include "engine/exec/cuda/executor/step_upload.h"
#include "engine/exec/cuda/plugin/abi.h"
#include "engine/exec/executor.h"

namespace pitwall::cuda {

/// Carries out plans on one device. One thread uses it, and it makes its device the one of that thread in every call.
class DeviceExecutor {
  public:
    static Result<std::unique_ptr<DeviceExecutor>> create(const abi::Model& model,
                                                          const abi::Options& options);

    uint64_t weight_bytes() const { return model_.bytes; }
    uint64_t activation_bytes() const { return forward_.bytes(); }
    const KvArena& arena() const { return arena_; }
    Status resize_pool(uint32_t num_blocks) { return arena_.resize(num_blocks); }
    Status convert_kv(engine::KvDtype dtype, uint32_t num_blocks, std::span<const uint32_t> holding);
    /// Bytes a second, read and written, of a copy on the device.
    Result<double> measure_bandwidth();
    Status submit(const abi::Plan& plan);
    Result<abi::StepResult> collect();

  private:
    /// Tokens that run together.
    struct Batch {
        std::vector<int32_t> ids;
        std::vector<uint32_t> positions, slots;
        std::vector<StepSequence> sequences;
        AttentionPlan attention;
        StepUpload::Place ids_at, positions_at, slots_at, sequences_at, tables_at, decode_at, prefill_at,
            row_parts_at;
        uint32_t first_head = 0, num_heads = 0;  ///< of head_rows_
    };
    /// A row whose logits are wanted, of that batch; and where they go beside the search for the largest.
    struct HeadRow {
        uint32_t row;
        bool sampled, kept;  ///< kept: in the result's logits
        float* logits_out;
    };

    /// The device is a property of the calling thread.
    Status use() const { return use_device(device_); }
    void gather(const abi::Plan& plan);
    void add_piece(const abi::Slice& slice, uint32_t first_token, uint32_t tokens);
    void put(Batch& batch);
    Status send(const abi::Plan& plan);
    Status run(const Batch& batch);
    void run_heads(const Batch& batch);
    void read_logits(std::span<const HeadRow> rows, const float* logits, float*& kept);
    Status make_room_for_results();
    void count(const Batch& batch);
    void add_work(engine::KernelKind kind, double flops, double bytes);

    uint32_t device_ = 0;
    Stream stream_;
    DeviceModel model_;
    KvArena arena_;
    Forward forward_;
    StepUpload upload_;
    std::vector<Batch> batches_;
    std::vector<HeadRow> head_rows_;
    StepUpload::Place copies_at_, head_rows_at_;
    Event begun_, copied_, computed_, ended_;
    DeviceMemory largest_;
    PinnedMemory largest_read_, logits_read_;
    std::vector<int32_t> sampled_;
    abi::StepResult result_{};
};

}  // namespace pitwall::cuda
