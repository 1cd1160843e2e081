// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cuda_runtime_api.h>

#include <string>

namespace pitwall::cuda {

/// The first launch of this thread that failed since it was last taken; the runtime keeps the code alone.
struct FailedLaunch {
    std::string what;
    cudaError_t code = cudaSuccess;
};
FailedLaunch take_failed_launch();

/// PITWALL_CUDA_CHECK, read whenever a stream is created: each launch is waited for, so that a kernel that fails has a name.
void check_launches(bool wanted);

/// What kernels were allowed there is forgotten: the device was reset.
void forget_launches(int device);

}  // namespace pitwall::cuda
