// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "engine/exec/executor.h"
#include "engine/exec/sim/device_profile.h"
#include "engine/model/model_config.h"

namespace pitwall::engine {

/// How long a step takes on a device, and what it moves.
struct StepCost {
    int64_t submit_ns = 0, copy_ns = 0, execute_ns = 0, sample_ns = 0;
    double flops = 0, bytes = 0;
};

/// A plain roofline (Williams, Waterman and Patterson 2009), one for the matrices and one for attention:
///     t = max(flops / (peak * efficiency), bytes / (bandwidth * efficiency)) + launches.
/// Matrices: 2 flops a multiply-add and token; the weights move once a step. Attention of a slice: 4 flops for each (query,
/// key) pair and channel; the slice's whole context moves once.
class CostModel {
  public:
    CostModel(const DeviceProfile& profile, const ModelConfig& config, uint64_t weight_bytes,
              double kv_bytes_per_token)
        : profile_(profile),
          config_(config),
          weight_bytes_(weight_bytes),
          kv_bytes_per_token_(kv_bytes_per_token) {}
    StepCost cost(const StepPlan& plan) const;
    void set_kv_bytes_per_token(double bytes) { kv_bytes_per_token_ = bytes; }
    /// Blocks read in one format and written in another.
    int64_t conversion_ns(size_t blocks, uint64_t from_bytes, uint64_t to_bytes) const;

  private:
    DeviceProfile profile_;
    ModelConfig config_;
    uint64_t weight_bytes_;
    double kv_bytes_per_token_;
};

}  // namespace pitwall::engine
