// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "presets/knob.h"

namespace pitwall::bench {

/// Multiplications a second of one core in the tier's kernel for 4-bit weights with an offset (Q4_1) and so many tokens, all
/// of it in the nearest caches: what a step would do that consisted of nothing else. More tokens than a full tile of
/// integers has are as one tile. 0 where the tier has no kernel for such activations.
double kernel_rate(const std::string& kernel_tier, presets::ActivationDtype activations, uint32_t tokens);

}  // namespace pitwall::bench
