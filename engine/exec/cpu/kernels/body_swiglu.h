// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/exec/cpu/kernels/body_exponential.h"

namespace pitwall::engine::cpu {
namespace {

/// gate / (1 + exp(-gate)) * up (Shazeer 2020, SwiGLU).
PITWALL_LANES F swiglu_of(F gate, F up) {
    return mul(div(gate, add(broadcast(1.0f), exponential(sub(zero(), gate)))), up);
}

}  // namespace
}  // namespace pitwall::engine::cpu
