// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/kernels/lanes_avx512.h"
//
#include "engine/exec/cpu/kernels/body_products.h"
#include "engine/exec/cpu/kernels/body_rows.h"

namespace pitwall::engine::cpu {

const Kernels& avx512_kernels() {
    static constexpr Kernels kKernels = kernels_of_this_tier(KernelTier::kAvx512);
    return kKernels;
}

}  // namespace pitwall::engine::cpu
