// SPDX-License-Identifier: GPL-3.0-or-later
//
// How a kernel gets into a stream. For the sources of kernels alone.
#pragma once

#include <cstdint>
#include <type_traits>

#include "engine/exec/cuda/runtime/runtime.h"
#include "engine/exec/cuda/simt/simt.h"

#if defined(__CUDACC__)
#include <cuda_runtime_api.h>
#else
#include "engine/exec/cuda/runtime/host_stream.h"
#endif

namespace pitwall::cuda {

struct LaunchShape {
    uint32_t x = 1, y = 1, z = 1;  ///< blocks
    uint32_t threads = 128;
    uint32_t shared_bytes = 0;  ///< all that SharedMemory deals out, each array filled up to 16 bytes
};

/// Each kernel takes one plain struct. A grid of no blocks is no launch. A launch that the device refuses is told by
/// Stream::synchronize().
template <class Args>
void launch(Stream& stream, const LaunchShape& shape, void (*kernel)(Args),
            const std::type_identity_t<Args>& args) {
    static_assert(std::is_trivially_copyable_v<Args>);
    if (shape.x == 0 || shape.y == 0 || shape.z == 0) return;
#if defined(__CUDACC__)
    constexpr uint32_t kWithoutAsking = 48 << 10;
    if (shape.shared_bytes > kWithoutAsking)
        (void)cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   static_cast<int>(shape.shared_bytes));
    cudaLaunchAttribute overlap{};
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(shape.x, shape.y, shape.z);
    config.blockDim = dim3(shape.threads);
    config.dynamicSmemBytes = shape.shared_bytes;
    config.stream = static_cast<cudaStream_t>(stream.handle);
    config.attrs = &overlap;
    config.numAttrs = kernels_overlap() ? 1 : 0;
    (void)cudaLaunchKernelEx(&config, kernel, args);  // the runtime keeps what went wrong
#else
    const emulator::GridShape grid{{shape.x, shape.y, shape.z}, shape.threads, shape.shared_bytes};
    enqueue(stream, [grid, kernel, args](uint64_t seed) {
        emulator::run_grid(
            grid, [&] { kernel(args); }, seed);
    });
#endif
}

}  // namespace pitwall::cuda
