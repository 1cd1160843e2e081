// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/sim/device_profile.h"

#include <fmt/format.h>

#include <array>

namespace pitwall::engine {
namespace {

constexpr uint64_t operator""_GB(unsigned long long gigabytes) { return gigabytes * 1'000'000'000; }

constexpr std::array kProfiles = {
    DeviceProfile{.name = "a100",
                  .full_name = "A100 SXM 80 GB",
                  .flops_per_s = 312e12,
                  .bytes_per_s = 2039e9,
                  .memory_bytes = 80_GB,
                  .stream_efficiency = 0.76},
    DeviceProfile{.name = "h100",
                  .full_name = "H100 SXM 80 GB",
                  .flops_per_s = 989e12,
                  .bytes_per_s = 3350e9,
                  .memory_bytes = 80_GB},
    DeviceProfile{.name = "h200",
                  .full_name = "H200 SXM 141 GB",
                  .flops_per_s = 989e12,
                  .bytes_per_s = 4800e9,
                  .memory_bytes = 141_GB},
    DeviceProfile{.name = "b200",
                  .full_name = "B200 180 GB",
                  .flops_per_s = 2250e12,
                  .bytes_per_s = 7700e9,
                  .memory_bytes = 180_GB},
    DeviceProfile{.name = "l40s",
                  .full_name = "L40S 48 GB",
                  .flops_per_s = 362e12,
                  .bytes_per_s = 864e9,
                  .memory_bytes = 48_GB},
    DeviceProfile{.name = "mi300x",
                  .full_name = "MI300X 192 GB",
                  .flops_per_s = 1307e12,
                  .bytes_per_s = 5300e9,
                  .memory_bytes = 192_GB,
                  .matrix_efficiency = 0.45,
                  .stream_efficiency = 0.81},
    DeviceProfile{.name = "test",
                  .full_name = "test device with round numbers",
                  .flops_per_s = 1e12,
                  .bytes_per_s = 1e12,
                  .memory_bytes = 1000_GB,
                  .submit_ns = 1'000,
                  .sample_ns_per_token = 200,
                  .token_ns = 1'000,
                  .step_ns = 10'000,
                  .copy_ns = 500},
};

}  // namespace

Result<DeviceProfile> find_device_profile(std::string_view name) {
    std::string names;
    for (const DeviceProfile& profile : kProfiles) {
        if (profile.name == name) return profile;
        names += fmt::format("{}{}", names.empty() ? "" : ", ", profile.name);
    }
    return Error{fmt::format("there is no simulated device \"{}\"", name),
                 fmt::format("choose one of {}", names)};
}

}  // namespace pitwall::engine
