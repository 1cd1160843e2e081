// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/kernels/dots_plain.h"
//
#include "engine/exec/cpu/kernels/body_integer.h"

namespace pitwall::engine::cpu {

const IntegerKernels& plain_integers() {
    static constexpr IntegerKernels kKernels = integers_of_this_tier();
    return kKernels;
}

}  // namespace pitwall::engine::cpu
