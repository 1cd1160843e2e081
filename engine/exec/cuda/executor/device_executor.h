// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/exec/cuda/executor/device_model.h"
#include "engine/exec/cuda/executor/device_use.h"
#include "engine/exec/cuda/executor/forward.h"
#include "engine/exec/cuda/executor/graph_cache.h"
#include "engine/exec/cuda/executor/kv_arena.h"
#include "engine/exec/cuda/executor/rank_group.h"
#include "engine/exec/cuda/executor/step_layout.h"
#include "engine/exec/cuda/plugin/abi.h"
#include "engine/exec/executor.h"

namespace pitwall::cuda {

struct DeviceOptions {
    uint32_t device = 0;
    engine::KvDtype kv_dtype = engine::KvDtype::kF16;
    WeightDtype weight_dtype = WeightDtype::kFile;
    uint64_t kv_cache_memory_bytes = 0;  ///< of the device; 0: a share of what weights and activations leave
    double kv_cache_share = 0;           ///< that one
    uint64_t kv_cache_spared_bytes = 0;  ///< that this is no share of
    LoadProgress progress;
    Rank rank;
};

/// Carries out plans on one device, up to two in flight. One thread uses it at a time. Of several ranks each has one, which gets
/// the same plans as the others at the same time: then rank 0 alone gives logits, and its samples are everybody's.
class DeviceExecutor {
  public:
    static Result<std::unique_ptr<DeviceExecutor>> create(const abi::Model& model,
                                                          const DeviceOptions& options);
    DeviceExecutor(uint32_t device, const Rank& rank) : device_(device), rank_(rank) {}
    /// On whatever thread it goes: what it has is given back to its own device.
    ~DeviceExecutor();
    DeviceExecutor(const DeviceExecutor&) = delete;
    DeviceExecutor& operator=(const DeviceExecutor&) = delete;

    /// engine::Executor::status().
    Status status() const { return device_status(device_); }
    uint64_t weight_bytes() const { return model_.bytes + forward_.copied_weight_bytes(); }
    uint64_t activation_bytes() const;
    const KvArena& arena() const { return arena_; }
    /// With nothing in flight, like convert_kv().
    Status resize_pool(uint32_t num_blocks) { return arena_.resize(num_blocks); }
    Status convert_kv(engine::KvDtype dtype, uint32_t num_blocks, std::span<const uint32_t> holding);
    /// With nothing in flight. False: products may take what is faster and depends on the batch.
    Status set_batch_invariant(bool invariant);
    /// Bytes a second, read and written, of a copy on the device.
    Result<double> measure_bandwidth();
    /// With nothing in flight: a text of its own, with KV of its own in that format.
    Status score_beside(engine::KvDtype dtype, std::span<const int32_t> tokens, uint32_t first_position,
                        std::span<float* const> logits);
    Status submit(const abi::Plan& plan);
    /// Of the oldest plan in flight. What it points to stays until as many plans were submitted as may be in flight.
    Result<abi::StepResult> collect();

  private:
    /// What belongs to one plan from submit() to collect().
    struct Flight {
        std::string name;  ///< in a profiler
        StepLayout layout;
        PinnedMemory staging, picked;
        Event begun, copied, computed, ended;
        bool timed = false;  ///< its kernels are, one by one
        KernelTimer timer;
        std::vector<int32_t> sampled;
        abi::StepResult result{};
    };

    /// The device is a property of the calling thread.
    Status use() const { return use_device(device_); }
    Status make_events();
    /// What the KV cache takes.
    static uint64_t kv_bytes(const DeviceOptions& options);
    LayoutLimits limits() const;
    Flight& flight(uint64_t number) { return flights_[number % flights_.size()]; }
    std::vector<uint32_t> sampled_before();
    Status send(Flight& flight);
    Status prepare(Flight& flight);
    Status finish();
    Status make_room_for_results(Flight& flight);
    Status run_all(Flight& flight);
    Status make_room_for_parts(const StepLayout& layout);
    void run_batches(Flight& flight);
    /// What could not be given to the device since it was last asked.
    Status check();
    void capture(const Flight& flight, const GraphShape& shape);
    void run(const StepBatch& batch, const KvPool& pool);
    Result<KvArena*> side_arena(engine::KvDtype dtype);
    void run_heads(const Flight& flight, const StepBatch& batch, bool reading);
    void sample(const StepLayout& layout, uint32_t first, uint32_t rows);
    void read_logits(std::span<const HeadRow> rows, const float* logits);

    uint32_t device_;
    Rank rank_;
    DeviceUse device_use_;  ///< goes after all that is on the device
    Stream stream_;
    DeviceModel model_;
    Forward forward_;
    KvArena arena_;
    std::map<engine::KvDtype, KvArena> side_arenas_;
    StepUpload upload_;
    DeviceMemory sampled_;  ///< by every head row of the plan before: this one may begin with them
    DeviceMemory picked_;   ///< by those of this plan; they become sampled_ when nobody reads that any more
    std::array<Flight, 2> flights_;
    uint64_t submitted_ = 0, collected_ = 0;
    GraphCache graphs_{device_};  ///< for the pool and the addresses as they are
};

}  // namespace pitwall::cuda
