// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "telemetry/base/result.h"

namespace pitwall::engine {

/// What the roofline needs to know of a device. Rates are the vendor's dense figures; the efficiencies say how much of them
/// engines reach (Vidur's and TensorRT-LLM's published measurements).
struct DeviceProfile {
    std::string_view name;  ///< as the command line spells it
    std::string_view full_name;
    double flops_per_s = 0;  ///< 16-bit dense
    double bytes_per_s = 0;  ///< device memory
    uint64_t memory_bytes = 0;
    double matrix_efficiency = 0.70, attention_efficiency = 0.45;  ///< of flops_per_s
    double stream_efficiency = 0.85;                               ///< of bytes_per_s
    int64_t layer_launch_ns = 13'000;  ///< ten kernels a layer at 1.3 us under graphs
    int64_t submit_ns = 300'000;       ///< host work to hand a step over
    int64_t sample_ns_per_token = 2'000;
    /// Where positive the roofline is not asked: execution costs step_ns + token_ns for each token, a copy copy_ns. Round
    /// numbers, for cases worked out by hand.
    int64_t token_ns = 0, step_ns = 0, copy_ns = 0;
};

/// The Error names those there are.
Result<DeviceProfile> find_device_profile(std::string_view name);

}  // namespace pitwall::engine
