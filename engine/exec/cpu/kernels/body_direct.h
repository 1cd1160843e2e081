// SPDX-License-Identifier: GPL-3.0-or-later
//
// Products of few tokens of one tier, over panels as they lie in memory. Included after the tier's lanes; see
// lanes_avx512.h why all is in an anonymous namespace.
//
// Weights are a Step (body_tile.h) that also knows panels of one format:
//     each<kPanels>(panels, k, fetch_ahead, body) calls body(panel, at, weights) for every Element of k, ascending, and every
//     panel.
#pragma once

#include "engine/exec/cpu/kernels/body_groups.h"
#include "engine/exec/cpu/kernels/product_kernels.h"

namespace pitwall::engine::cpu {
namespace {

template <class Weights, int kPanels, int kTokens>
void direct_panels(const DirectProduct<typename Weights::Element>& p, uint32_t first) {
    F sum[kTokens][kPanels];
    unrolled<kTokens * kPanels>([&](auto i)
                                    PITWALL_LAMBDA { sum[i.value / kPanels][i.value % kPanels] = zero(); });
    Weights::template each<kPanels>(
        p.panels + first, p.k, p.fetch_ahead, [&](auto panel, uint32_t at, auto w) PITWALL_LAMBDA {
            unrolled<kTokens>([&](auto t) PITWALL_LAMBDA {
                F& s = sum[t.value][panel.value];
                s = Weights::multiply_add(w, Weights::broadcast(p.x[t.value * p.ldx + at]), s);
            });
        });
    unrolled<kTokens * kPanels>([&](auto i) PITWALL_LAMBDA {
        constexpr int kToken = i.value / kPanels, kPanel = i.value % kPanels;
        store(p.c + kToken * p.ldc + (first + kPanel) * 16, sum[kToken][kPanel]);
    });
}

/// Fewest panels of a direct kernel: single panels beside several tokens would only cost compile time.
constexpr int least_panels(int tokens) { return tokens > 1 && kDirectPanels[tokens] > 1 ? 2 : 1; }

template <class Weights, int kTokens, int kPanels = kDirectPanels[kTokens]>
void direct_from(const DirectProduct<typename Weights::Element>& p, uint32_t first) {
    for (; first + kPanels <= p.panel_count; first += kPanels)
        direct_panels<Weights, kPanels, kTokens>(p, first);
    if constexpr (kPanels > least_panels(kTokens)) direct_from<Weights, kTokens, kPanels / 2>(p, first);
}

template <class Weights, int kTokens>
bool direct_of_tokens(const DirectProduct<typename Weights::Element>& p) {
    if constexpr (kDirectPanels[kTokens] == 0) {
        return false;
    } else {
        if (p.panel_count % least_panels(kTokens) != 0) return false;
        direct_from<Weights, kTokens>(p, 0);
        return true;
    }
}

template <class Weights>
bool direct_of(const DirectProduct<typename Weights::Element>& p) {
    switch (p.tokens) {
        case 1:
            return direct_of_tokens<Weights, 1>(p);
        case 2:
            return direct_of_tokens<Weights, 2>(p);
        case 3:
            return direct_of_tokens<Weights, 3>(p);
        case 4:
            return direct_of_tokens<Weights, 4>(p);
        default:
            return false;
    }
}

}  // namespace
}  // namespace pitwall::engine::cpu
