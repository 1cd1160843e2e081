// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/kernels.h"

#include <cassert>

namespace pitwall::engine::cpu {

const Kernels& kernels_of(KernelTier tier) {
    assert(kernel_tier_available(tier));
#if defined(__x86_64__)
    if (tier == KernelTier::kAvx512) return avx512_kernels();
    if (tier == KernelTier::kAvx2) return avx2_kernels();
#endif
    return plain_kernels();
}

}  // namespace pitwall::engine::cpu
