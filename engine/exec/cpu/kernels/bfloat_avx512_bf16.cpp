// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/kernels/lanes_avx512.h"
//
#include "engine/exec/cpu/kernels/body_direct.h"
#include "engine/exec/cpu/kernels/body_tile.h"
#include "engine/exec/cpu/kernels/lanes_bfloat.h"

namespace pitwall::engine::cpu {
namespace {

/// Two k in bfloat16, of each lane.
struct PairStep {
    using Element = BfloatPair;
    using Weights = I;
    PITWALL_LANES I load(const BfloatPair* p) { return load_bits(p); }
    PITWALL_LANES I broadcast(BfloatPair x) {
        return broadcast_bits(static_cast<int32_t>(uint32_t{x.second} << 16 | x.first));
    }
    PITWALL_LANES F multiply_add(I w, I x, F sum) {
        return {_mm512_dpbf16_ps(sum.v, reinterpret_cast<__m512bh>(w.v), reinterpret_cast<__m512bh>(x.v))};
    }
};

/// Two k of a float panel.
template <PanelFormat kFormat>
PITWALL_LANES I weight_pair(const std::byte* pair) {
    if constexpr (kFormat == PanelFormat::kBf16) return load_bits(pair);
    if constexpr (kFormat == PanelFormat::kF16)
        return halves_in_turns(rounded(load_half(pair), load_half(pair + 32)));
    if constexpr (kFormat == PanelFormat::kF32)
        return halves_in_turns(rounded(as_float(load_bits(pair)), as_float(load_bits(pair + 64))));
}

template <PanelFormat kFormat>
struct PairWeights : PairStep {
    static constexpr size_t kPairBytes = layout_of(kFormat).float_pair_bytes();
    template <int kPanels, class Body>
    PITWALL_LANES void each(const std::byte* const* panels, uint32_t pairs, uint32_t fetch_ahead,
                            const Body& body) {
        for (uint32_t at = 0; at < pairs; ++at)
            unrolled<kPanels>([&](auto i) PITWALL_LAMBDA {
                const std::byte* pair = panels[i.value] + at * kPairBytes;
                fetch<kPairBytes>(pair, fetch_ahead);
                body(i, at, weight_pair<kFormat>(pair));
            });
    }
};

template <PanelFormat kFormat>
void unpack_pairs(const std::byte* panel, uint32_t begin, uint32_t count, BfloatPair* out, size_t ld) {
    constexpr size_t kPairBytes = layout_of(kFormat).float_pair_bytes();
    for (uint32_t i = 0; i < count; ++i)
        _mm512_storeu_si512(out + i * ld, weight_pair<kFormat>(panel + (begin + i) * kPairBytes).v);
}

void unpack(PanelFormat format, const std::byte* panel, uint32_t begin, uint32_t count, BfloatPair* out,
            size_t ld) {
    if (format == PanelFormat::kF32) unpack_pairs<PanelFormat::kF32>(panel, begin, count, out, ld);
    if (format == PanelFormat::kF16) unpack_pairs<PanelFormat::kF16>(panel, begin, count, out, ld);
    if (format == PanelFormat::kBf16) unpack_pairs<PanelFormat::kBf16>(panel, begin, count, out, ld);
}

void tile(const TileProduct<BfloatPair>& product) { tile_columns<PairStep>(product); }

bool direct(const DirectProduct<BfloatPair>& product) {
    if (product.format == PanelFormat::kF32) return direct_of<PairWeights<PanelFormat::kF32>>(product);
    if (product.format == PanelFormat::kF16) return direct_of<PairWeights<PanelFormat::kF16>>(product);
    return product.format == PanelFormat::kBf16 && direct_of<PairWeights<PanelFormat::kBf16>>(product);
}

void round(const float* x, uint32_t k, BfloatPair* out) {
    for (uint32_t at = 0; at < k; at += kRoundedAtOnce, out += kRoundedAtOnce / 2) {
        const ThirtyTwo some = load_up_to_32(x + at, k - at);
        _mm512_storeu_si512(out, rounded(some.low, some.high).v);
    }
}

}  // namespace

const BfloatKernels& avx512_bf16_bfloats() {
    static constexpr BfloatKernels kKernels{{unpack, tile, direct}, round};
    return kKernels;
}

}  // namespace pitwall::engine::cpu
