// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/kernels/kernel_tier.h"

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "telemetry/base/environment.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace pitwall::engine {
namespace {

#if defined(__x86_64__)
struct CpuFeatures {
    /// And the system saves the registers they need.
    bool fma = false, f16c = false, avx2 = false, avx2_vnni = false, avx512 = false, avx512_vnni = false,
         avx512_bf16 = false, amx = false;
};

// Compilers spell their names in different ways.
constexpr uint32_t kAvxVnniBit = 1u << 4, kAvx512Bf16Bit = 1u << 5;  // of EAX, subleaf 1
constexpr uint32_t kAmxBits = 1u << 22 | 1u << 23 | 1u << 24;  // of EDX: bfloat16, AVX512-FP16, and tiles

uint64_t saved_register_state() {
    uint32_t low = 0, high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t{high} << 32) | low;
}

/// Linux saves a tile's 8 KB for none but who asks (Documentation/arch/x86/xstate.rst).
bool system_gives_tiles() {
    constexpr long kRequestPermission = 0x1023, kTileData = 18;
    return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

/// Bits as in Intel's Software Developer's Manual, volume 2A, CPUID leaves 1 and 7, with subleaf 1.
CpuFeatures detect() {
    CpuFeatures features;
    uint32_t a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0) return features;
    const bool os_saves = (c & bit_OSXSAVE) != 0;
    if (!os_saves || (c & bit_AVX) == 0) return features;
    const uint64_t state = saved_register_state();
    const bool ymm = (state & 0x6) == 0x6;
    const bool zmm = (state & 0xe6) == 0xe6;
    features.fma = ymm && (c & bit_FMA) != 0;
    features.f16c = ymm && (c & bit_F16C) != 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return features;
    constexpr uint32_t kAvx512Bits = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    features.avx2 = ymm && (b & bit_AVX2) != 0;
    features.avx512 = zmm && (b & kAvx512Bits) == kAvx512Bits;
    features.avx512_vnni = features.avx512 && (c & bit_AVX512VNNI) != 0;
    const bool tiles = (d & kAmxBits) == kAmxBits && (state & 0x60000) == 0x60000;
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0) {
        features.avx2_vnni = features.avx2 && (a & kAvxVnniBit) != 0;
        features.avx512_bf16 = features.avx512_vnni && (a & kAvx512Bf16Bit) != 0;
    }
    features.amx = tiles && features.avx512_bf16 && system_gives_tiles();
    return features;
}
#endif

std::optional<KernelTier> tier_named(std::string_view name) {
    for (const KernelTier tier : kKernelTiers) {
        if (kernel_tier_name(tier) == name) return tier;
    }
    return std::nullopt;
}

Result<KernelTier> checked(KernelTier tier) {
    if (kernel_tier_available(tier)) return tier;
    return Error{fmt::format("this machine cannot run the kernel tier {}", kernel_tier_name(tier)),
                 fmt::format("use {} or lower", kernel_tier_name(available_kernel_tiers().back()))};
}

}  // namespace

std::string_view kernel_tier_name(KernelTier tier) {
    switch (tier) {
        case KernelTier::kPlain:
            return "plain";
        case KernelTier::kAvx2:
            return "avx2";
        case KernelTier::kAvx2Vnni:
            return "avx2-vnni";
        case KernelTier::kAvx512:
            return "avx512";
        case KernelTier::kAvx512Vnni:
            return "avx512-vnni";
        case KernelTier::kAvx512Bf16:
            return "avx512-bf16";
        case KernelTier::kAmx:
            return "amx";
    }
    return "?";
}

bool kernel_tier_available(KernelTier tier) {
    if (tier == KernelTier::kPlain) return true;
#if defined(__x86_64__)
    static const CpuFeatures features = detect();
    const bool avx2 = features.avx2 && features.fma && features.f16c;
    switch (tier) {
        case KernelTier::kPlain:
            break;
        case KernelTier::kAvx2:
            return avx2;
        case KernelTier::kAvx2Vnni:
            return avx2 && features.avx2_vnni;
        case KernelTier::kAvx512:
            return avx2 && features.avx512;
        case KernelTier::kAvx512Vnni:
            return avx2 && features.avx512_vnni;
        case KernelTier::kAvx512Bf16:
            return avx2 && features.avx512_bf16;
        case KernelTier::kAmx:
            return avx2 && features.amx;
    }
    return true;
#else
    return false;
#endif
}

std::vector<KernelTier> available_kernel_tiers() {
    std::vector<KernelTier> tiers;
    for (const KernelTier tier : kKernelTiers) {
        if (kernel_tier_available(tier)) tiers.push_back(tier);
    }
    return tiers;
}

Result<KernelTier> choose_kernel_tier(std::optional<KernelTier> forced) {
    if (forced) return checked(*forced);
    const std::string asked = environment_text(kKernelTierVariable);
    if (asked.empty()) return available_kernel_tiers().back();
    if (const auto tier = tier_named(asked)) return checked(*tier);
    return Error{fmt::format("{}={} names no kernel tier", kKernelTierVariable, asked),
                 "use plain, avx2, avx2-vnni, avx512, avx512-vnni, avx512-bf16 or amx"};
}

}  // namespace pitwall::engine
