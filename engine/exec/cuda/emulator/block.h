// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs a kernel's grid on the host, one block at a time: each of its threads is a fiber that goes on until it has to meet
// others, and who goes next is drawn at random, so that a missing barrier gives wrong answers soon. What a GPU leaves
// undefined ends the program with a message: lanes that do not meet, a barrier that some never reach, an address that is not
// aligned, copies nobody waited for. Memory out of bounds is AddressSanitizer's to find: every array of shared memory is an
// allocation of its own, filled with NaN.
//
// Of the functions here only run_grid() may be called outside a kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "engine/exec/cuda/emulator/site.h"

namespace pitwall::cuda::emulator {

struct Index3 {
    uint32_t x = 1, y = 1, z = 1;
};

struct GridShape {
    Index3 grid;
    uint32_t threads = 32;      ///< of a block; whole warps
    uint32_t shared_bytes = 0;  ///< that a block may take
    const char* kernel = "";    ///< its name, for messages
};

/// `kernel` is one thread's run through the kernel. `seed` decides the order of threads.
void run_grid(const GridShape& shape, const std::function<void()>& kernel, uint64_t seed);
struct Self {
    uint32_t thread = 0;  ///< index in its block
};
const Self& self();
const GridShape& shape();
const Index3& block_index();

/// Returns when all threads of the block that have not ended stand at the same place.
void meet_block(Site site);
/// What the 32 lanes of a warp do together: the last to come runs it, with what each gave. Null: nothing.
using WarpWork = void (*)(const void* const* ins, void* const* outs);
void meet_warp(const void* in, void* out, WarpWork work, Site site);

/// The `number`th array that a thread takes is the same for all; its size has to be, too.
void* take_shared(uint32_t number, size_t bytes);

/// 16 bytes, zeros where `global` is null; they arrive when waited for, and until then the target is NaN.
void copy_async(void* shared, const void* global);
void commit_copies();
/// All groups but so many of the newest have arrived.
void wait_copies(uint32_t pending);

void check_aligned(const void* address, size_t bytes);

}  // namespace pitwall::cuda::emulator
