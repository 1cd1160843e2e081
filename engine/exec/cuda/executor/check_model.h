// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "engine/exec/cuda/plugin/abi.h"
#include "telemetry/base/result.h"

namespace pitwall::cuda {

/// Whether the kernels can take the share that each of so many ranks has of a model, on the device that this thread uses. Its
/// tensors fit each other, and its heads can be divided (check_ranks.h).
Status check_model(const abi::Model& model, uint32_t ranks);

}  // namespace pitwall::cuda
