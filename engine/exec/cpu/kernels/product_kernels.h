// SPDX-License-Identifier: GPL-3.0-or-later
//
// Products of panels with activations that keep a fraction: float32, or pairs of bfloat16. What follows says Element for
// what stands side by side in an activation's row: a float is one k, a BfloatPair two.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/exec/cpu/kernels/panel_format.h"

namespace pitwall::engine::cpu {

inline constexpr uint32_t kDirectTokens = 4;  ///< most tokens of a direct product

/// Two neighbouring k as bfloat16: one lane of a dot product. Behind an odd number of k the second is zero.
struct BfloatPair {
    uint16_t first, second;
};

/// c[r][n] (+)= sum over k of a[r][k] * b[k][n], n < 16 * vectors.
template <class Element>
struct TileProduct {
    const Element* a;
    size_t lda;
    const Element* b;
    size_t ldb;
    float* c;
    size_t ldc;
    uint32_t rows, vectors, k;  ///< k in Elements
    bool accumulate;            ///< go on from what c holds
};

/// c[t][16 * p + lane] = sum over k of x[t][k] * weight(panel p, lane, k), weights unpacked in registers.
template <class Element>
struct DirectProduct {
    const std::byte* const* panels;
    uint32_t panel_count;
    PanelFormat format;
    uint32_t k;  ///< in Elements; in quantized formats a multiple of 32
    const Element* x;
    size_t ldx;
    uint32_t tokens;  ///< at most kDirectTokens
    float* c;
    size_t ldc;
    uint32_t fetch_ahead =
        0;  ///< bytes before a weight's turn in which it is asked for; 0: the processor does so unasked
};

template <class Element>
struct ProductKernels {
    /// out[i * ld + lane] = weight(lane, begin + i) for i < count, both in Elements: in quantized formats multiples of 32,
    /// and `begin` an even number of k.
    void (*unpack)(PanelFormat format, const std::byte* panel, uint32_t begin, uint32_t count, Element* out,
                   size_t ld);
    void (*tile)(const TileProduct<Element>& product);
    /// False where there is no such kernel; then unpack() and tile() give the same bits.
    bool (*direct)(const DirectProduct<Element>& product);
};

inline constexpr uint32_t kRoundedAtOnce = 32;  ///< k

/// Of float formats alone: weights are rounded to bfloat16, to nearest and ties to even. Products of a pair are added to
/// the sum as the processor's instruction does it, which takes denormal numbers for zero.
struct BfloatKernels {
    ProductKernels<BfloatPair> products;
    /// One token's `k` values, rounded likewise, and zeros behind them up to a multiple of kRoundedAtOnce.
    void (*round)(const float* x, uint32_t k, BfloatPair* out);
};

/// Only defined where the compiler's target has it.
const BfloatKernels& avx512_bf16_bfloats();

}  // namespace pitwall::engine::cpu
