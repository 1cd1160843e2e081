// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "engine/exec/cuda/plugin/abi.h"

namespace pitwall::cuda {

/// As a recording calls the plan, so that a profiler's timeline can be laid beside it: "step 17".
std::string name_of(const abi::Plan& plan);
/// What it does, after its name: "step 17: 3 sequences, 40 tokens".
std::string words_of(const abi::Plan& plan, const std::string& name);

}  // namespace pitwall::cuda
