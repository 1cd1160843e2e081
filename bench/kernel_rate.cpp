// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/kernel_rate.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <vector>

#include "engine/exec/cpu/bfloat_rows.h"
#include "engine/exec/cpu/integer_rows.h"
#include "engine/exec/cpu/kernels/kernel_tier.h"
#include "engine/exec/cpu/kernels/kernels.h"
#include "engine/exec/cpu/memory.h"

namespace pitwall::bench {

namespace {

using namespace engine::cpu;

constexpr uint32_t kColumns = 576, kPanels = 4;  ///< of k; 23 KB of weights, up to 32 KB of activations
constexpr int kTokenRounds = 32'000, kPasses = 9;
constexpr auto kFormat = PanelFormat::kQ4M;

const Kernels* kernels_named(const std::string& name) {
    for (const engine::KernelTier tier : engine::available_kernel_tiers())
        if (engine::kernel_tier_name(tier) == name) return &kernels_of(tier);
    return nullptr;
}

/// The highest tile.
uint32_t tile_tokens(const Kernels& kernels, presets::ActivationDtype activations) {
    uint32_t most = 1;
    for (const uint8_t height : kernels.integer.heights) most = std::max<uint32_t>(most, height);
    return activations == presets::ActivationDtype::kI16
               ? std::min<uint32_t>(most, kernels.integer.most_tokens_i16)
               : most;
}

/// Random numbers with small scales: what all are alike a processor multiplies with less power, and so faster.
struct Panels {
    static constexpr size_t kBytes = layout_of(kFormat).panel_bytes(kColumns);
    std::vector<std::byte> weights = std::vector<std::byte>(kPanels * kBytes, std::byte{0x22});
    Panels() {
        static_assert(layout_of(kFormat).groups_per_super == 1 && layout_of(kFormat).high_bytes == 0);
        constexpr size_t kGroup = layout_of(kFormat).group_bytes(), kScales = layout_of(kFormat).scale_bytes;
        std::mt19937 random(1);
        for (size_t at = 0; at < weights.size(); ++at)
            if (at % kGroup >= kScales) weights[at] = static_cast<std::byte>(random());
    }
    const std::byte* panel(uint32_t i) const { return weights.data() + i * kBytes; }
};

std::vector<float> random_row() {
    std::mt19937 random(2);
    std::normal_distribution<float> normal;
    std::vector<float> x(kColumns);
    for (float& value : x) value = normal(random);
    return x;
}

/// The best rate of run(), of kPanels panels with so many tokens; 0 where it returns false.
template <class Run>
double best_rate(uint32_t tokens, const Run& run) {
    const int rounds = std::max(1, kTokenRounds / static_cast<int>(tokens));
    double best = 0;
    for (int pass = 0; pass < kPasses; ++pass) {
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < rounds; ++i)
            if (!run()) return 0;
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        best = std::max(best, double{kPanels} * kPanelRows * kColumns * tokens * rounds / took.count());
    }
    return best;
}

double integer_rate(const Kernels& kernels, presets::ActivationDtype activations, uint32_t tokens) {
    auto rows = IntegerRows::create(tokens, kColumns);
    if (!rows.ok()) return 0;
    rows.value().lay_out(kernels, activations, kColumns, tokens);
    const std::vector<float> x = random_row();
    for (uint32_t token = 0; token < tokens; ++token) rows.value().round(kernels, token, x.data());
    const Panels own;
    std::array<const std::byte*, kPanels> panels;
    for (uint32_t i = 0; i < kPanels; ++i) panels[i] = own.panel(i);
    std::vector<float> sums(size_t{kMostTileTokens} * kPanels * kPanelRows);
    const IntegerDirect product{panels.data(),
                                kPanels,
                                kFormat,
                                kColumns,
                                rows.value().tile(0),
                                sums.data(),
                                size_t{kPanels} * kPanelRows,
                                kernels.fetch.weights_for(tokens)};
    return best_rate(tokens, [&] { return kernels.integer.direct(product); });
}

double bfloat_tile_rate(const Kernels& kernels, uint32_t tokens) {
    if (kernels.tiles == nullptr) return 0;
    const Panels own;
    std::vector<float> sums((size_t{tokens} + kTileTokens - 1) * kPanels * kPanelRows);
    std::array<TilePanel, kPanels> panels;
    for (uint32_t i = 0; i < kPanels; ++i)
        panels[i] = {own.panel(i), kFormat, sums.data() + size_t{i} * kPanelRows};
    auto rows = BfloatRows::create(tokens, kColumns);
    auto scratch = PageBuffer::allocate(kTileScratchBytes, "products");
    if (!rows.ok() || !scratch.ok()) return 0;
    rows.value().lay_out(kColumns);
    const std::vector<float> x = random_row();
    for (uint32_t token = 0; token < tokens; ++token)
        rows.value().round(*kernels.tiles, token, x.data(), -kSmallWeights);
    const TiledProduct product{panels.data(),
                               kPanels,
                               kColumns,
                               rows.value().row(0),
                               rows.value().ld(),
                               -kSmallWeights,
                               tokens,
                               kPanels * kPanelRows,
                               false,
                               scratch.value().data(),
                               kernels.fetch.weights_for(tokens)};
    return best_rate(tokens, [&] {
        kernels.tiles->multiply(product);
        return true;
    });
}

}  // namespace

double kernel_rate(const std::string& kernel_tier, presets::ActivationDtype activations, uint32_t tokens) {
    const Kernels* kernels = kernels_named(kernel_tier);
    if (kernels == nullptr) return 0;
    if (activations == presets::ActivationDtype::kBf16) return bfloat_tile_rate(*kernels, tokens);
    if (!is_integer(activations)) return 0;
    return integer_rate(*kernels, activations, std::min(tokens, tile_tokens(*kernels, activations)));
}

}  // namespace pitwall::bench
