// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/exec/cuda/executor/device_model.h"
#include "engine/exec/cuda/executor/step_layout.h"

namespace pitwall::cuda {

/// Adds a batch's operations and bytes to `result`, counted as the CPU's executor counts them: multiply-adds of products and
/// attention; weights and KV touched. `head_rows`: of one reading of the head's weights.
void count_work(const DeviceModel& model, const KvPool& pool, const StepBatch& batch, uint32_t head_rows,
                abi::StepResult& result);

}  // namespace pitwall::cuda
