// SPDX-License-Identifier: GPL-3.0-or-later
//
// Plain numbers alone: kernels include this, and share no inline function with other files.
#pragma once

#include <cstdint>

namespace pitwall::engine {

/// How one number of K or V is stored.
enum class KvNumber : uint8_t { kF32, kF16, kBf16, kFp8, kInt8, kInt4 };

/// K or V of one head: numbers, and what they are scaled by. Scales are binary16 and belong to one token and head, so that
/// a stored value depends on its own sequence alone. int8 is symmetric (scale), int4 is not (scale and minimum), fp8 is
/// e4m3 scaled to its range.
struct KvCoding {
    KvNumber number = KvNumber::kF16;
    uint32_t group = 0;    ///< values of a token under one scale; 0: no scales
    uint32_t groups = 0;   ///< of one token and head
    uint32_t numbers = 0;  ///< binary16 numbers that a group has: 0, 1 (scale) or 2 (scale, minimum)
    /// Side of the orthonormal Hadamard matrix that each run of so many values is multiplied with before it is stored: it
    /// spreads outliers over the run (QuaRot, Ashkboos et al. 2024). 0: none.
    uint32_t rotation = 0;
};

/// Where everything of one KV head lies in its part of a block. All offsets in bytes:
///     K [head_dim][16 tokens], K scales [groups][numbers][16 tokens], V [16 tokens][v_dim], V scales [16 tokens][groups][numbers]
/// K has its tokens side by side: 16 positions are one vector for attention. Of int4, two numbers share a byte: K of 2 d and
/// 2 d + 1 (low, high); V of d and d + 16 of each 32.
struct KvHeadLayout {
    uint32_t head_dim = 0;
    uint32_t v_dim = 0;  ///< head_dim filled up to whole vectors; what stands there is read, and not used
    KvCoding k, v;
    uint32_t k_scales = 0, v_values = 0, v_scales = 0;
    uint32_t bytes = 0;  ///< of the whole: 16 tokens of one head
};

}  // namespace pitwall::engine
