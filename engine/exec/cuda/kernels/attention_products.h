// SPDX-License-Identifier: GPL-3.0-or-later
//
// The two matrix products of attention for the 16 rows of a warp and 16 positions whose K or V lies in shared memory.
#pragma once

#include "engine/exec/cuda/kernels/kv_load.h"

namespace pitwall::cuda {

template <KvNumber kNumber>
struct OperandOf {
    using Type = Half;
};
template <>
struct OperandOf<KvNumber::kBf16> {
    using Type = Bfloat;
};

/// Weights are multiplied with V's scales before they become binary16. This power of two moves them to where binary16 is
/// dense, and lets no scale overflow: one of int8 is up to 2^12.6 (65504 sqrt(128) / 127), of fp8 up to 2^7.2.
constexpr float scale_lift(KvNumber number) {
    return number == KvNumber::kInt8 ? 8.0f : number == KvNumber::kFp8 ? 256.0f : 1.0f;
}

/// The scales of tokens 2 (lane % 4) and the next of the slot's lower or upper eight, of which the bits of `mask` count.
template <class Rows>
PITWALL_DEVICE Float2 scale_pair(const std::byte* slot, uint32_t half, uint32_t mask = UINT32_MAX) {
    const uint32_t word = word_at(slot + Rows::kScalesAt + (8 * half + 2 * (lane() % 4)) * 2) & mask;
    return {to_float(Half{static_cast<uint16_t>(word)}), to_float(Half{static_cast<uint16_t>(word >> 16)})};
}

/// Scale and minimum, side by side, of all groups of a token.
template <class Rows>
PITWALL_DEVICE void load_group_scales(uint32_t (&words)[Rows::kGroups], const std::byte* slot,
                                      uint32_t token) {
    const std::byte* const from = slot + Rows::kScalesAt + token * (Rows::kGroups * 4);
    if constexpr (Rows::kGroups == 4) {
        const Words4 all = *reinterpret_cast<const Words4*>(from);
        words[0] = all.x, words[1] = all.y, words[2] = all.z, words[3] = all.w;
    } else if constexpr (Rows::kGroups == 2) {
        const Words2 both = *reinterpret_cast<const Words2*>(from);
        words[0] = both.x, words[1] = both.y;
    } else {
        words[0] = word_at(from);
    }
}

template <class Keys>
using QueryFragments = uint32_t[Keys::kHeadDim / 16][4];

template <class Keys>
PITWALL_DEVICE void score_wide(float (&s)[2][4], const std::byte* slot, const QueryFragments<Keys>& q) {
    using Number = typename OperandOf<Keys::kNumber>::Type;
#pragma unroll
    for (uint32_t step = 0; step < Keys::kHeadDim / 16; ++step) {
        uint32_t k[4];
        load_matrices(k, matrix_row<Keys, false>(slot, 2 * step));
        mma(s[0], q[step], k[0], k[1], Number{});
        mma(s[1], q[step], k[2], k[3], Number{});
    }
}

template <class Keys>
PITWALL_DEVICE void score_bytes(float (&s)[2][4], const std::byte* slot, const QueryFragments<Keys>& q) {
#pragma unroll
    for (uint32_t piece = 0; piece < Keys::kPieces; piece += 2) {
        uint32_t k[4];
        load_matrices(k, matrix_row<Keys, false>(slot, piece));
#pragma unroll
        for (uint32_t i = 0; i < 4; ++i) {
            uint32_t low, high;
            open_bytes<Keys::kNumber, false>(k[i], low, high);
            mma(s[i / 2], q[piece + i % 2], low, high, Half{});
        }
    }
#pragma unroll
    for (uint32_t half = 0; half < 2; ++half) {
        const Float2 scale = scale_pair<Keys>(slot, half);
        s[half][0] *= scale.x, s[half][1] *= scale.y, s[half][2] *= scale.x, s[half][3] *= scale.y;
    }
}

template <class Keys>
PITWALL_DEVICE void score_nibbles(float (&s)[2][4], const std::byte* slot, const QueryFragments<Keys>& q) {
    uint32_t scales[2][Keys::kGroups];
    load_group_scales<Keys>(scales[0], slot, lane() / 4);
    load_group_scales<Keys>(scales[1], slot, lane() / 4 + 8);
#pragma unroll
    for (uint32_t piece = 0; piece < Keys::kPieces; piece += 2) {
        uint32_t k[4];
        load_matrices(k, matrix_row<Keys, false>(slot, piece));
#pragma unroll
        for (uint32_t i = 0; i < 4; ++i) {
            const uint32_t half = i / 2, group = piece + i % 2;
            if (group >= Keys::kPieces) continue;
            const uint32_t both = scales[half][group];
            const uint32_t scale = permute_bytes(both, both, 0x1010u),
                           minimum = permute_bytes(both, both, 0x3232u);
            mma(s[half], q[2 * group], fma_halves(open_nibbles<0>(k[i]), scale, minimum),
                fma_halves(open_nibbles<1>(k[i]), scale, minimum), Half{});
            mma(s[half], q[2 * group + 1], fma_halves(open_nibbles<2>(k[i]), scale, minimum),
                fma_halves(open_nibbles<3>(k[i]), scale, minimum), Half{});
        }
    }
}

/// s[half] = query rows times the keys of the slot's lower and upper eight tokens.
template <class Keys>
PITWALL_DEVICE void score_block(float (&s)[2][4], const std::byte* slot, const QueryFragments<Keys>& q) {
#pragma unroll
    for (uint32_t i = 0; i < 8; ++i) s[i / 4][i % 4] = 0;
    if constexpr (Keys::kBits == 16) score_wide<Keys>(s, slot, q);
    if constexpr (Keys::kBits == 8) score_bytes<Keys>(s, slot, q);
    if constexpr (Keys::kBits == 4) score_nibbles<Keys>(s, slot, q);
}

template <class Values>
using ValueSums = float[Values::kHeadDim / 8][4];

/// Of the binary16 of tokens 2 (lane % 4) and the next of the slot's lower or upper eight, the bits that count: tokens from
/// `valid` on have scales of zero. Nobody wrote theirs, and zero times what is no number is none. They are chosen in registers:
/// other warps read the same slot.
PITWALL_DEVICE uint32_t valid_scales(uint32_t half, uint32_t valid) {
    const uint32_t token = 8 * half + 2 * (lane() % 4);
    return (token < valid ? 0x0000ffffu : 0) | (token + 1 < valid ? 0xffff0000u : 0);
}

/// The weights of 16 positions as an operand, times V's scales where a token has one.
template <class Values>
PITWALL_DEVICE void pack_weights(uint32_t (&a)[4], const float (&p)[2][4], const std::byte* slot,
                                 uint32_t valid) {
    using Number = typename OperandOf<Values::kNumber>::Type;
#pragma unroll
    for (uint32_t half = 0; half < 2; ++half) {
        float w[4] = {p[half][0], p[half][1], p[half][2], p[half][3]};
        if constexpr (Values::kBits == 8) {
            const Float2 scale = scale_pair<Values>(slot, half, valid_scales(half, valid));
            constexpr float kLift = scale_lift(Values::kNumber);
#pragma unroll
            for (uint32_t i = 0; i < 4; ++i) w[i] *= (i % 2 == 0 ? scale.x : scale.y) * kLift;
        }
        a[2 * half] = pack(w[0], w[1], Number{});
        a[2 * half + 1] = pack(w[2], w[3], Number{});
    }
}

template <class Values>
PITWALL_DEVICE void add_wide(ValueSums<Values>& sums, const uint32_t (&a)[4], const std::byte* slot) {
    using Number = typename OperandOf<Values::kNumber>::Type;
#pragma unroll
    for (uint32_t tile = 0; tile < Values::kHeadDim / 8; tile += 2) {
        uint32_t v[4];
        load_matrices_transposed(v, matrix_row<Values, true>(slot, tile));
        mma(sums[tile], a, v[0], v[1], Number{});
        mma(sums[tile + 1], a, v[2], v[3], Number{});
    }
}

template <class Values>
PITWALL_DEVICE void add_bytes(ValueSums<Values>& sums, const uint32_t (&a)[4], const std::byte* slot) {
#pragma unroll
    for (uint32_t piece = 0; piece < Values::kPieces; piece += 2) {
        uint32_t v[4];
        load_matrices_transposed(v, matrix_row<Values, true>(slot, piece));
#pragma unroll
        for (uint32_t i = 0; i < 2; ++i) {
            uint32_t even[2], odd[2];
            open_bytes<Values::kNumber, true>(v[2 * i], even[0], odd[0]);
            open_bytes<Values::kNumber, true>(v[2 * i + 1], even[1], odd[1]);
            mma(sums[2 * (piece + i)], a, even[0], even[1], Half{});
            mma(sums[2 * (piece + i) + 1], a, odd[0], odd[1], Half{});
        }
    }
}

/// Scales and minima of the tokens 2 (lane % 4) and the next of a half, in a group.
template <class Values>
PITWALL_DEVICE void load_value_scales(const std::byte* slot, uint32_t half, uint32_t group, uint32_t mask,
                                      uint32_t& scale, uint32_t& minimum) {
    const uint32_t token = 8 * half + 2 * (lane() % 4);
    const std::byte* const from = slot + Values::kScalesAt + (token * Values::kGroups + group) * 4;
    const uint32_t first = word_at(from), second = word_at(from + Values::kGroups * 4);
    scale = permute_bytes(first, second, 0x5410u) & mask;
    minimum = permute_bytes(first, second, 0x7632u) & mask;
}

template <uint32_t kIndex>
PITWALL_DEVICE void add_nibble_tile(float (&sums)[4], const uint32_t (&a)[4], const uint32_t (&v)[2],
                                    const uint32_t (&scale)[2], const uint32_t (&minimum)[2]) {
    mma(sums, a, fma_halves(open_nibbles<kIndex>(v[0]), scale[0], minimum[0]),
        fma_halves(open_nibbles<kIndex>(v[1]), scale[1], minimum[1]), Half{});
}

template <class Values>
PITWALL_DEVICE void add_nibbles(ValueSums<Values>& sums, const uint32_t (&a)[4], const std::byte* slot,
                                uint32_t valid) {
    const uint32_t masks[2] = {valid_scales(0, valid), valid_scales(1, valid)};
#pragma unroll
    for (uint32_t piece = 0; piece < Values::kPieces; piece += 2) {
        uint32_t words[4];
        load_matrices_transposed(words, matrix_row<Values, true>(slot, piece));
#pragma unroll
        for (uint32_t i = 0; i < 2; ++i) {
            const uint32_t group = piece + i;
            if (group >= Values::kPieces) continue;
            uint32_t scale[2], minimum[2];
            load_value_scales<Values>(slot, 0, group, masks[0], scale[0], minimum[0]);
            load_value_scales<Values>(slot, 1, group, masks[1], scale[1], minimum[1]);
            const uint32_t v[2] = {words[2 * i], words[2 * i + 1]};
            add_nibble_tile<0>(sums[4 * group], a, v, scale, minimum);
            add_nibble_tile<1>(sums[4 * group + 1], a, v, scale, minimum);
            add_nibble_tile<2>(sums[4 * group + 2], a, v, scale, minimum);
            add_nibble_tile<3>(sums[4 * group + 3], a, v, scale, minimum);
        }
    }
}

/// sums += weights p of the slot's tokens times their values; of tokens from `valid` on the weights are zero.
template <class Values>
PITWALL_DEVICE void add_block(ValueSums<Values>& sums, const float (&p)[2][4], const std::byte* slot,
                              uint32_t valid) {
    uint32_t a[4];
    pack_weights<Values>(a, p, slot, valid);
    if constexpr (Values::kBits == 16) add_wide<Values>(sums, a, slot);
    if constexpr (Values::kBits == 8) add_bytes<Values>(sums, a, slot);
    if constexpr (Values::kBits == 4) add_nibbles<Values>(sums, a, slot, valid);
}

}  // namespace pitwall::cuda
