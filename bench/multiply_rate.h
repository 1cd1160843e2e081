// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "presets/knob.h"

namespace pitwall::bench {

/// Multiplications a second that one core of this machine carries out with nothing else to do, in the instruction that
/// kernels of that tier use for activations of that kind: what their products are measured against. 0: not known.
double multiply_rate(const std::string& kernel_tier, presets::ActivationDtype activations);

}  // namespace pitwall::bench
