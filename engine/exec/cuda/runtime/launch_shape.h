// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace pitwall::cuda {

class Stream;

struct LaunchShape {
    const char* kernel = "of a test";  ///< its name, for errors
    uint32_t x = 1, y = 1, z = 1;      ///< blocks
    uint32_t threads = 128;
    uint32_t shared_bytes = 0;  ///< all that SharedMemory deals out, each array filled up to 16 bytes
};

/// launch() where there is CUDA. `args`: the kernel's one parameter.
void launch_kernel(Stream& stream, const LaunchShape& shape, const void* kernel, void* args);

}  // namespace pitwall::cuda
