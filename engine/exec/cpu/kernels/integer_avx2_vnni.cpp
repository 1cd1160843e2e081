// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/kernels/dots_avx2.h"
//
#include "engine/exec/cpu/kernels/body_integer.h"

namespace pitwall::engine::cpu {

const IntegerKernels& avx2_vnni_integers() {
    static constexpr IntegerKernels kKernels = integers_of_this_tier();
    return kKernels;
}

}  // namespace pitwall::engine::cpu
