// SPDX-License-Identifier: GPL-3.0-or-later
//
// How a kernel gets into a stream. For the sources of kernels alone.
#pragma once

#include <cstdint>
#include <type_traits>

#include "engine/exec/cuda/runtime/launch_shape.h"
#include "engine/exec/cuda/runtime/runtime.h"
#include "engine/exec/cuda/simt/simt.h"

#if !defined(__CUDACC__)
#include "engine/exec/cuda/runtime/host_stream.h"
#endif

namespace pitwall::cuda {

/// Each kernel takes one plain struct. A grid of no blocks is no launch. A launch that the device refuses is told by
/// Stream::synchronize(), with the kernel's name.
template <class Args>
void launch(Stream& stream, const LaunchShape& shape, void (*kernel)(Args),
            const std::type_identity_t<Args>& args) {
    static_assert(std::is_trivially_copyable_v<Args>);
    if (shape.x == 0 || shape.y == 0 || shape.z == 0) return;
#if defined(__CUDACC__)
    Args own = args;
    launch_kernel(stream, shape, reinterpret_cast<const void*>(kernel), &own);
#else
    const emulator::GridShape grid{
        {shape.x, shape.y, shape.z}, shape.threads, shape.shared_bytes, shape.kernel};
    enqueue_launch(stream, shape, [grid, kernel, args](uint64_t seed) {
        emulator::run_grid(
            grid, [&] { kernel(args); }, seed);
    });
#endif
}

}  // namespace pitwall::cuda
