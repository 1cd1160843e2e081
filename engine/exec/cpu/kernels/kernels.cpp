// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/kernels/kernels.h"

#include <cassert>

namespace pitwall::engine::cpu {
namespace {

Kernels combined(KernelTier tier, const Kernels& floats, const IntegerKernels& integers,
                 const BfloatKernels* bfloats = nullptr, const BfloatTileKernels* tiles = nullptr) {
    Kernels kernels = floats;
    kernels.tier = tier;
    kernels.fetch = fetch_ahead();
    kernels.integer = integers;
    kernels.bfloats = bfloats;
    kernels.tiles = tiles;
    return kernels;
}

}  // namespace

const Kernels& kernels_of(KernelTier tier) {
    assert(kernel_tier_available(tier));
#if defined(__x86_64__)
    static const Kernels avx2 = combined(KernelTier::kAvx2, avx2_kernels(), avx2_integers());
    static const Kernels avx2_vnni = combined(KernelTier::kAvx2Vnni, avx2_kernels(), avx2_vnni_integers());
    static const Kernels avx512 = combined(KernelTier::kAvx512, avx512_kernels(), avx512_integers());
    static const Kernels avx512_vnni =
        combined(KernelTier::kAvx512Vnni, avx512_kernels(), avx512_vnni_integers());
    static const Kernels avx512_bf16 =
        combined(KernelTier::kAvx512Bf16, avx512_kernels(), avx512_vnni_integers(), &avx512_bf16_bfloats());
    static const Kernels amx = combined(KernelTier::kAmx, avx512_kernels(), avx512_vnni_integers(),
                                        &avx512_bf16_bfloats(), &amx_tiles());
    switch (tier) {
        case KernelTier::kPlain:
            break;
        case KernelTier::kAvx2:
            return avx2;
        case KernelTier::kAvx2Vnni:
            return avx2_vnni;
        case KernelTier::kAvx512:
            return avx512;
        case KernelTier::kAvx512Vnni:
            return avx512_vnni;
        case KernelTier::kAvx512Bf16:
            return avx512_bf16;
        case KernelTier::kAmx:
            return amx;
    }
#endif
    static const Kernels plain = combined(KernelTier::kPlain, plain_kernels(), plain_integers());
    return plain;
}

}  // namespace pitwall::engine::cpu
