// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/multiply_rate.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "engine/exec/cpu/kernels/tile_config.h"

namespace pitwall::bench {

#if defined(__x86_64__)
namespace {

using presets::ActivationDtype;

constexpr int kRounds = 20'000, kPasses = 9;
constexpr int kInstructions =
    12;  ///< of a round, none waiting for another: more than their latency holds back

// In assembly, because the compiler must neither see that nobody reads the sums nor be told of instructions that this
// machine may lack.
#define PITWALL_ONE(instruction, r, sum) instruction " %%" r "15, %%" r "14, %%" r sum "\n\t"
#define PITWALL_ROUND(instruction, r)                                                                       \
    asm volatile(PITWALL_ONE(instruction, r, "0") PITWALL_ONE(instruction, r, "1")                          \
                     PITWALL_ONE(instruction, r, "2") PITWALL_ONE(instruction, r, "3")                      \
                         PITWALL_ONE(instruction, r, "4") PITWALL_ONE(instruction, r, "5")                  \
                             PITWALL_ONE(instruction, r, "6") PITWALL_ONE(instruction, r, "7")              \
                                 PITWALL_ONE(instruction, r, "8") PITWALL_ONE(instruction, r, "9")          \
                                     PITWALL_ONE(instruction, r, "10") PITWALL_ONE(instruction, r, "11")    \
                 :                                                                                          \
                 :                                                                                          \
                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
                   "xmm11", "xmm12", "xmm13", "xmm14", "xmm15")

/// Best of several passes, in products a second.
template <class Round>
double best_rate(double products, const Round& round) {
    asm volatile("vzeroall"
                 :
                 :
                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                   "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");  // no denormal numbers
    double best = 0;
    for (int pass = 0; pass < kPasses; ++pass) {
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < kRounds; ++i) round();
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        best = std::max(best, products * kInstructions * kRounds / took.count());
    }
    asm volatile("vzeroupper");
    return best;
}

double avx512_rate(bool vnni, ActivationDtype activations) {
    if (activations == ActivationDtype::kBf16)
        return best_rate(32, [] { PITWALL_ROUND("vdpbf16ps", "zmm"); });
    if (activations == ActivationDtype::kF32)
        return best_rate(16, [] { PITWALL_ROUND("vfmadd231ps", "zmm"); });
    if (activations == ActivationDtype::kI16)
        return vnni ? best_rate(32, [] { PITWALL_ROUND("vpdpwssd", "zmm"); })
                    : best_rate(32, [] { PITWALL_ROUND("vpmaddwd", "zmm"); });
    return vnni ? best_rate(64, [] { PITWALL_ROUND("vpdpbusd", "zmm"); })
                : best_rate(64, [] { PITWALL_ROUND("vpmaddubsw", "zmm"); });
}

#define PITWALL_TILE(sum) "tdpbf16ps %%tmm5, %%tmm4, %%tmm" sum "\n\t"
double tile_rate() {
    engine::cpu::take_tiles(engine::cpu::TileConfig{});
    const double rate = best_rate(16 * 16 * 32, [] {
        asm volatile(PITWALL_TILE("0") PITWALL_TILE("1") PITWALL_TILE("2") PITWALL_TILE("3") PITWALL_TILE("0")
                         PITWALL_TILE("1") PITWALL_TILE("2") PITWALL_TILE("3") PITWALL_TILE("0")
                             PITWALL_TILE("1") PITWALL_TILE("2") PITWALL_TILE("3")
                     :);
    });
    asm volatile("tilerelease");
    return rate;
}

double avx2_rate(bool vnni, ActivationDtype activations) {
    if (activations == ActivationDtype::kF32)
        return best_rate(8, [] { PITWALL_ROUND("vfmadd231ps", "ymm"); });
    if (activations == ActivationDtype::kI16)
        return vnni ? best_rate(16, [] { PITWALL_ROUND("%{vex%} vpdpwssd", "ymm"); })
                    : best_rate(16, [] { PITWALL_ROUND("vpmaddwd", "ymm"); });
    return vnni ? best_rate(32, [] { PITWALL_ROUND("%{vex%} vpdpbusd", "ymm"); })
                : best_rate(32, [] { PITWALL_ROUND("vpmaddubsw", "ymm"); });
}

}  // namespace

double multiply_rate(const std::string& kernel_tier, ActivationDtype activations) {
    const bool amx = kernel_tier == "amx";
    const bool vnni = amx || kernel_tier.ends_with("-vnni") || kernel_tier.ends_with("-bf16");
    if (amx && activations == ActivationDtype::kBf16) return tile_rate();
    if (amx || kernel_tier.starts_with("avx512")) return avx512_rate(vnni, activations);
    if (kernel_tier.starts_with("avx2")) return avx2_rate(vnni, activations);
    return 0;
}
#else
double multiply_rate(const std::string&, presets::ActivationDtype) { return 0; }
#endif

}  // namespace pitwall::bench
