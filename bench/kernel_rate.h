// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "presets/knob.h"

namespace pitwall::bench {

/// Multiplications a second of one core in the tier's kernel for 4-bit weights with an offset (Q4_1), a full tile of tokens, all
/// of it in the nearest caches: what a step would do that consisted of nothing else. 0 where activations are no integers, or
/// the tier has no such kernel.
double kernel_rate(const std::string& kernel_tier, presets::ActivationDtype activations);

}  // namespace pitwall::bench
