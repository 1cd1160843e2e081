// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <fmt/format.h>

#include <string>

#include "engine/exec/cuda/runtime/launch_shape.h"

namespace pitwall::cuda {

/// Of a launch that failed: of itself CUDA says "invalid argument", whatever it was.
inline std::string text_of(const LaunchShape& shape) {
    return fmt::format("kernel {} ({} x {} x {} blocks of {} threads, {} bytes of shared memory)",
                       shape.kernel, shape.x, shape.y, shape.z, shape.threads, shape.shared_bytes);
}

}  // namespace pitwall::cuda
