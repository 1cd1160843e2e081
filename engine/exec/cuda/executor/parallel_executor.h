// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/exec/cuda/executor/device_executor.h"
#include "engine/exec/cuda/executor/rank_group.h"
#include "engine/exec/cuda/executor/rank_threads.h"
#include "engine/exec/cuda/plugin/abi.h"

namespace pitwall::cuda {

/// Carries out plans on one device, or on several that share a model, as if they were one: bytes, operations and bandwidths are
/// those of all together, times those of the first. One that is lost is the loss of all.
class ParallelExecutor {
  public:
    static Result<std::unique_ptr<ParallelExecutor>> create(const abi::Model& model,
                                                            const abi::Options& options);
    ~ParallelExecutor();
    ParallelExecutor(const ParallelExecutor&) = delete;
    ParallelExecutor& operator=(const ParallelExecutor&) = delete;

    // As DeviceExecutor.
    Status status() const;
    uint64_t weight_bytes() const;
    uint64_t activation_bytes() const;
    uint64_t block_bytes(engine::KvDtype dtype) const;
    /// What the ranks' blocks have room in: as much as the smallest has, times their number.
    uint64_t kv_memory_bytes() const;
    Status resize_pool(uint32_t num_blocks);
    Status convert_kv(engine::KvDtype dtype, uint32_t num_blocks, std::span<const uint32_t> holding);
    Status set_batch_invariant(bool invariant);
    Result<double> measure_bandwidth();
    Status score_beside(engine::KvDtype dtype, std::span<const int32_t> tokens, uint32_t first_position,
                        std::span<float* const> logits);
    Status submit(const abi::Plan& plan);
    Result<abi::StepResult> collect();

  private:
    explicit ParallelExecutor(std::span<const uint32_t> devices);
    Status load(const abi::Model& model, const abi::Options& options);
    Error told_by(uint32_t rank, const Error& error) const;
    template <class Work>
    std::vector<Status> on_each(const Work& work);
    template <class Work>
    Status apart(const Work& work);
    template <class Work>
    Status together(const Work& work);

    uint32_t count() const { return static_cast<uint32_t>(devices_.size()); }

    std::vector<uint32_t> devices_;
    std::unique_ptr<RankGroup> group_;  ///< none of one device
    std::vector<std::unique_ptr<DeviceExecutor>> ranks_;
    RankThreads threads_;
};

}  // namespace pitwall::cuda
