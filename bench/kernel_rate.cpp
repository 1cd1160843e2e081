// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/kernel_rate.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "engine/exec/cpu/integer_rows.h"
#include "engine/exec/cpu/kernels/kernel_tier.h"
#include "engine/exec/cpu/kernels/kernels.h"

namespace pitwall::bench {

namespace {

using namespace engine::cpu;

constexpr uint32_t kColumns = 576, kPanels = 4;  ///< of k; 23 KB of weights, 16 KB of activations
constexpr int kRounds = 2'000, kPasses = 9;
constexpr auto kFormat = PanelFormat::kQ4M;

const Kernels* kernels_named(const std::string& name) {
    for (const engine::KernelTier tier : engine::available_kernel_tiers())
        if (engine::kernel_tier_name(tier) == name) return &kernels_of(tier);
    return nullptr;
}

/// Rows of the height that direct kernels take best.
uint32_t tile_tokens(const Kernels& kernels, presets::ActivationDtype activations) {
    uint32_t most = 1;
    for (const uint8_t height : kernels.integer.heights) most = std::max<uint32_t>(most, height);
    return activations == presets::ActivationDtype::kI16
               ? std::min<uint32_t>(most, kernels.integer.most_tokens_i16)
               : most;
}

double rate_of(const Kernels& kernels, const IntegerRows& rows, uint32_t tokens) {
    const size_t bytes = layout_of(kFormat).panel_bytes(kColumns);
    const std::vector<std::byte> weights(kPanels * bytes + 4096,
                                         std::byte{0x22});  // small numbers, no denormal ones
    std::array<const std::byte*, kPanels> panels;
    for (uint32_t i = 0; i < kPanels; ++i) panels[i] = weights.data() + i * bytes;
    std::vector<float> sums(size_t{kMostTileTokens} * kPanels * kPanelRows);
    const IntegerDirect product{
        panels.data(), kPanels, kFormat, kColumns, rows.tile(0), sums.data(), size_t{kPanels} * kPanelRows};
    double best = 0;
    for (int pass = 0; pass < kPasses; ++pass) {
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < kRounds; ++i)
            if (!kernels.integer.direct(product)) return 0;
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        best = std::max(best, double{kPanels} * kPanelRows * kColumns * tokens * kRounds / took.count());
    }
    return best;
}

}  // namespace

double kernel_rate(const std::string& kernel_tier, presets::ActivationDtype activations) {
    const Kernels* kernels = kernels_named(kernel_tier);
    if (kernels == nullptr || !is_integer(activations)) return 0;
    const uint32_t tokens = tile_tokens(*kernels, activations);
    auto rows = IntegerRows::create(tokens, kColumns);
    if (!rows.ok()) return 0;
    rows.value().lay_out(*kernels, activations, kColumns, tokens);
    std::vector<float> x(kColumns);
    for (uint32_t i = 0; i < kColumns; ++i) x[i] = static_cast<float>(i % 19) - 9;
    for (uint32_t token = 0; token < tokens; ++token) rows.value().round(*kernels, token, x.data());
    return rate_of(*kernels, rows.value(), tokens);
}

}  // namespace pitwall::bench
