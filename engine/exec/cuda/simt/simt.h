// SPDX-License-Identifier: GPL-3.0-or-later
//
// The language of the kernels: what a thread of a block may ask for. Kernels are written once, against this header; where
// nvcc compiles them it is the GPU's own instructions, where a host compiler does it is the emulator's. Nothing else of
// CUDA appears in a kernel's source.
//
//   begin_kernel()             every kernel's first statement: lets the next kernel of the stream come up, and waits for the one
//                              before to be done, where kernels may overlap (launch.h)
//   thread(), threads()        index in the block, and how many there are; blocks are one-dimensional
//   lane(), warp()             thread() % 32 and / 32
//   block_x/y/z(), blocks_x()  index in the grid, and its width
//   sync_block(), sync_warp()  barriers; also fences for shared memory
//   shuffle(v, lane), shuffle_xor(v, mask), ballot(bool)
//                              of 4- and 8-byte values, by all 32 lanes of a warp together
//   add_atomically(p, v), or_atomically(p, v)
//                              on a word of shared memory; add gives what was there before. Whole numbers alone: their sums do
//                              not depend on who came first
//   SharedMemory               what a launch gave the block, dealt out in the same order by every thread
//   copy_async(shared, global, valid), commit_copies(), wait_copies<N>()
//                              16 bytes, aligned, past the registers; zeros where not valid. What one thread has waited for
//                              the others see after the next barrier
//   load16(p), load16_once(p), load8(p)
//                              aligned vector loads of global memory; _once: not worth a place in the first-level cache
//   mma(d, a, b0, b1, Half{})  d += a b, m16n8k16, float32 sums: PTX ISA, "Matrix Fragments for mma.m16n8k16"
//   load_matrices(r, row), load_matrices_transposed(r, row)
//                              ldmatrix.x4: lanes 8 i to 8 i + 7 name the rows of matrix i, 16 bytes each
//   exp2_fast(x)               2^x within 2 units of float32's last place
#pragma once

#if defined(__CUDACC__)
#include "engine/exec/cuda/simt/simt_cuda.h"
#else
#include "engine/exec/cuda/simt/simt_host.h"
#endif

namespace pitwall::cuda {

inline constexpr uint32_t kWarp = 32;

PITWALL_DEVICE uint32_t lane() { return thread() % kWarp; }
PITWALL_DEVICE uint32_t warp() { return thread() / kWarp; }

/// The sum over all lanes, to all lanes; the order of additions depends on nothing.
PITWALL_DEVICE float warp_sum(float value) {
    for (uint32_t mask = kWarp / 2; mask > 0; mask /= 2) value += shuffle_xor(value, mask);
    return value;
}

PITWALL_DEVICE float warp_max(float value) {
    for (uint32_t mask = kWarp / 2; mask > 0; mask /= 2) value = fmaxf(value, shuffle_xor(value, mask));
    return value;
}

/// e4m3_to_halves() where a GPU has no instruction for it: before compute capability 8.9. Shifted to where a binary16 has exponent
/// and fraction, also a subnormal one, they are 2^-8 of themselves.
PITWALL_DEVICE uint32_t e4m3_to_halves_by_shifts(uint32_t two) {
    constexpr uint32_t k256 = 0x5c005c00, kMinusZero = 0x80008000;
    const uint32_t bytes = permute_bytes(two, 0, 0x1404);
    return fma_halves(and_or(bytes, kMinusZero, (bytes & 0x7f007f00) >> 1), k256, kMinusZero);
}

}  // namespace pitwall::cuda
