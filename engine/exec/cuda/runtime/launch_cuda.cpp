// SPDX-License-Identifier: GPL-3.0-or-later
//
// launch.h over the CUDA runtime.
#include <cuda_runtime_api.h>

#include <atomic>
#include <map>
#include <mutex>
#include <utility>

#include "engine/exec/cuda/runtime/failed_launch.h"
#include "engine/exec/cuda/runtime/launch_text.h"
#include "engine/exec/cuda/runtime/runtime.h"

namespace pitwall::cuda {
namespace {

thread_local FailedLaunch failed_launch;
std::atomic<bool> launches_checked{false};

/// How much shared memory kernels were allowed beyond what each has: the driver takes its time to change it.
struct Allowed {
    std::mutex mutex;
    std::map<std::pair<int, const void*>, uint32_t> bytes;  ///< by device and kernel
};
Allowed& allowed() {
    static Allowed all;
    return all;
}

cudaError_t allow_shared(const void* kernel, uint32_t bytes) {
    constexpr uint32_t kWithoutAsking = 48 << 10;
    if (bytes <= kWithoutAsking) return cudaSuccess;
    int device = 0;
    if (const cudaError_t code = cudaGetDevice(&device); code != cudaSuccess) return code;
    const std::lock_guard lock(allowed().mutex);
    uint32_t& most = allowed().bytes[{device, kernel}];
    if (bytes <= most) return cudaSuccess;
    const cudaError_t code =
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
    if (code == cudaSuccess) most = bytes;
    return code;
}

cudaError_t start(cudaStream_t stream, const LaunchShape& shape, const void* kernel, void* args) {
    if (const cudaError_t code = allow_shared(kernel, shape.shared_bytes); code != cudaSuccess) return code;
    cudaLaunchAttribute overlap{};
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(shape.x, shape.y, shape.z);
    config.blockDim = dim3(shape.threads);
    config.dynamicSmemBytes = shape.shared_bytes;
    config.stream = stream;
    config.attrs = &overlap;
    config.numAttrs = kernels_overlap() ? 1 : 0;
    return cudaLaunchKernelExC(&config, kernel, &args);
}

/// Of what is captured for a graph nothing can be waited for.
cudaError_t wait_for(cudaStream_t stream) {
    cudaStreamCaptureStatus capturing = cudaStreamCaptureStatusNone;
    const cudaError_t code = cudaStreamIsCapturing(stream, &capturing);
    if (code != cudaSuccess || capturing != cudaStreamCaptureStatusNone) return code;
    return cudaStreamSynchronize(stream);
}

}  // namespace

void launch_kernel(Stream& stream, const LaunchShape& shape, const void* kernel, void* args) {
    auto* const queue = static_cast<cudaStream_t>(stream.handle);
    cudaError_t code = start(queue, shape, kernel, args);
    if (code == cudaSuccess && launches_checked) code = wait_for(queue);
    if (code != cudaSuccess && failed_launch.code == cudaSuccess) failed_launch = {text_of(shape), code};
}

void check_launches(bool wanted) { launches_checked = wanted; }

FailedLaunch take_failed_launch() { return std::exchange(failed_launch, {}); }

void forget_launches(int device) {
    const std::lock_guard lock(allowed().mutex);
    auto& bytes = allowed().bytes;
    for (auto i = bytes.begin(); i != bytes.end();) i = i->first.first == device ? bytes.erase(i) : ++i;
}

}  // namespace pitwall::cuda
