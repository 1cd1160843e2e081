// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/kernels/kernel_tier.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/exec/cpu/kernels/kernels.h"
#include "tests/engine/exec/cpu/support.h"

namespace pitwall::engine {
namespace {

/// Sets the environment variable for one test.
class ForcedTier {
  public:
    explicit ForcedTier(const char* value) { ::setenv(kKernelTierVariable, value, 1); }
    ~ForcedTier() { ::unsetenv(kKernelTierVariable); }
};

TEST(KernelTier, DetectionAgreesWithTheCompiler) {
    EXPECT_TRUE(kernel_tier_available(KernelTier::kPlain));
#if defined(__x86_64__)
    // clang 14 has no name for F16C here, and no processor has AVX2 without it.
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    EXPECT_EQ(kernel_tier_available(KernelTier::kAvx2), avx2);
    EXPECT_EQ(kernel_tier_available(KernelTier::kAvx512), avx512);
    EXPECT_EQ(kernel_tier_available(KernelTier::kAvx512Bf16),
              avx512 && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16"));
    if (kernel_tier_available(KernelTier::kAmx)) {  // compilers here have no name for it
        EXPECT_TRUE(kernel_tier_available(KernelTier::kAvx512Bf16));
    }
#endif
}

TEST(KernelTier, TheHighestIsChosenUnlessOneIsForced) {
    ::unsetenv(kKernelTierVariable);
    EXPECT_EQ(choose_kernel_tier({}).value(), available_kernel_tiers().back());
    EXPECT_EQ(choose_kernel_tier(KernelTier::kPlain).value(), KernelTier::kPlain);
    const ForcedTier forced("plain");
    EXPECT_EQ(choose_kernel_tier({}).value(), KernelTier::kPlain);
    EXPECT_EQ(choose_kernel_tier(available_kernel_tiers().back()).value(), available_kernel_tiers().back())
        << "an option goes before the environment";
}

TEST(KernelTier, AnUnknownNameIsRefused) {
    const ForcedTier forced("avx1024");
    const auto tier = choose_kernel_tier({});
    ASSERT_FALSE(tier.ok());
    EXPECT_EQ(tier.error().text(),
              "PITWALL_KERNEL_TIER=avx1024 names no kernel tier: use plain, avx2, avx2-vnni, avx512, "
              "avx512-vnni, avx512-bf16 or amx");
}

TEST(KernelTier, TheExecutorRunsAndReportsEachTier) {
    const TestModel model(odd_config(), {}, 1);
    for (const KernelTier tier : available_kernel_tiers()) {
        Hand hand(model, 1, tier);
        EXPECT_EQ(hand.executor().device().kernel_tier, kernel_tier_name(tier));
        EXPECT_EQ(cpu::kernels_of(tier).tier, tier);
    }
}

/// Never computed as something else: said in words, at the start and on the way.
TEST(KernelTier, WithoutBfloatKernelsBf16IsRefused) {
    const TestModel model(odd_config(), {}, 1);
    for (const KernelTier tier : available_kernel_tiers()) {
        Hand hand(model, 1, tier);
        const Status status = hand.executor().set_activation_dtype(presets::ActivationDtype::kBf16);
        CpuOptions options;
        options.tier = tier;
        options.activation_dtype = presets::ActivationDtype::kBf16;
        const auto made = make_cpu_executor(model, options);
        EXPECT_EQ(status.ok(), tier == KernelTier::kAvx512Bf16 || tier == KernelTier::kAmx);
        EXPECT_EQ(made.ok(), status.ok());
        if (status.ok()) continue;
        EXPECT_EQ(hand.executor().activation_dtype(), presets::ActivationDtype::kF32) << "as it was";
        EXPECT_EQ(made.error().text(), status.error().text());
        const std::string lacks = kernel_tier_available(KernelTier::kAvx512Bf16)
                                      ? "the kernel tier " + std::string(kernel_tier_name(tier)) + " lacks"
                                      : "this processor lacks";
        EXPECT_EQ(status.error().text(),
                  "bf16 activations need AVX512-BF16, which " + lacks + ": use f32, i16 or i8");
    }
}

}  // namespace
}  // namespace pitwall::engine
