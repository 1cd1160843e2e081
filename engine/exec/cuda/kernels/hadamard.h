// SPDX-License-Identifier: GPL-3.0-or-later
//
// Products with an orthonormal Hadamard matrix, which is its own inverse; with the additions in the order of the CPU's.
#pragma once

#include "engine/exec/cuda/simt/simt.h"

namespace pitwall::cuda {

/// Of `side` values, a power of two up to 128, in shared memory, by one warp.
PITWALL_DEVICE void rotate_shared(float* run, uint32_t side) {
    for (uint32_t half = 1; half < side; half *= 2) {
        sync_warp();
        for (uint32_t i = lane(); i < side / 2; i += kWarp) {
            const uint32_t at = i / half * 2 * half + i % half;
            const float a = run[at], b = run[at + half];
            run[at] = a + b;
            run[at + half] = a - b;
        }
    }
    sync_warp();
    const float scale = 1.0f / sqrtf(static_cast<float>(side));
    for (uint32_t i = lane(); i < side; i += kWarp) run[i] *= scale;
}

/// Of 32 kOwn values in the registers of a warp, a lane's own being neighbours.
template <uint32_t kOwn>
PITWALL_DEVICE void rotate_registers(float (&x)[kOwn]) {
#pragma unroll
    for (uint32_t half = 1; half < kOwn; half *= 2)
#pragma unroll
        for (uint32_t i = 0; i < kOwn; ++i) {
            if ((i & half) != 0) continue;
            const float a = x[i], b = x[i + half];
            x[i] = a + b;
            x[i + half] = a - b;
        }
#pragma unroll
    for (uint32_t mask = 1; mask < kWarp; mask *= 2)
#pragma unroll
        for (uint32_t i = 0; i < kOwn; ++i) {
            const float other = shuffle_xor(x[i], mask);
            x[i] = (lane() & mask) == 0 ? x[i] + other : other - x[i];
        }
    const float scale = 1.0f / sqrtf(static_cast<float>(kOwn * kWarp));
#pragma unroll
    for (uint32_t i = 0; i < kOwn; ++i) x[i] *= scale;
}

}  // namespace pitwall::cuda
