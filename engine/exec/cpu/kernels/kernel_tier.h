// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "telemetry/base/result.h"

namespace pitwall::engine {

/// Which instructions the CPU kernels use. Higher is faster; bits may differ between plain and the others, and those of
/// bfloat16 activations between any two.
enum class KernelTier { kPlain, kAvx2, kAvx2Vnni, kAvx512, kAvx512Vnni, kAvx512Bf16, kAmx };
inline constexpr KernelTier kKernelTiers[] = {
    KernelTier::kPlain,      KernelTier::kAvx2,       KernelTier::kAvx2Vnni, KernelTier::kAvx512,
    KernelTier::kAvx512Vnni, KernelTier::kAvx512Bf16, KernelTier::kAmx};

/// The environment variable that forces a tier, for tests and for comparing, to one of kernel_tier_name().
inline constexpr const char* kKernelTierVariable = "PITWALL_KERNEL_TIER";

std::string_view kernel_tier_name(KernelTier tier);
/// Whether this processor and operating system run the tier (avx2: with FMA and F16C; avx512: F, BW, DQ, VL and FMA; vnni:
/// dot products of bytes and words; bf16: of bfloat16, with VNNI; amx: products of tiles of bfloat16, with AVX512-FP16, and
/// all of the tier below). The first call asks the system for the tiles' registers, which it gives to the whole process.
bool kernel_tier_available(KernelTier tier);
/// All that run here, lowest first; never empty.
std::vector<KernelTier> available_kernel_tiers();
/// The tier to use: `forced`, else what the environment asks for, else the highest available.
Result<KernelTier> choose_kernel_tier(std::optional<KernelTier> forced);

}  // namespace pitwall::engine
