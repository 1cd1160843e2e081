// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "engine/exec/cpu/cpu_executor.h"
#include "tests/engine/exec/executor_hand.h"
#include "tests/engine/exec/test_model.h"

namespace pitwall::engine {

/// A hand on the CPU's executor.
class Hand : public ExecutorHand {
  public:
    Hand(const Model& model, uint32_t threads, KernelTier tier, uint32_t blocks = 256,
         telemetry::KvDtype dtype = telemetry::KvDtype::kF16);
};

/// The tier's name as a test may have it.
std::string tier_test_name(KernelTier tier);

}  // namespace pitwall::engine
