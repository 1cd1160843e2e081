// SPDX-License-Identifier: GPL-3.0-or-later
//
// One token of one head, in the registers of a warp, to the pool's formats and back. The arithmetic is that of the CPU's
// store_kv, value by value; what is converted from f16 has the bits of a first writing.
#pragma once

#include <cstddef>

#include "engine/exec/cuda/kernels/hadamard.h"
#include "engine/kv/kv_layout.h"

namespace pitwall::cuda {

using engine::KvCoding;
using engine::KvNumber;

inline constexpr float kLargestHalf = 65504.0f;
/// Of what is coded in 4 bits: minimum + 15 * scale stays a binary16 even where the scale was rounded up.
inline constexpr float kLargestInt4 = 60000.0f;

PITWALL_DEVICE float through_half(float x) {
    Half rounded;
    round_to(x, rounded);
    return to_float(rounded);
}
/// What is no number becomes the largest.
PITWALL_DEVICE float bounded(float x, float most) { return fmaxf(fminf(x, most), -most); }

/// The next binary16 that is not smaller, so that the largest value is no further off than the others; saturates. Of
/// scales, which are not negative.
PITWALL_DEVICE float rounded_scale(float value) {
    const float x = fminf(value, kLargestHalf), down = through_half(x);
    if (!(down < x)) return down;
    Half half;
    round_to(x, half);
    ++half.bits;  // the next one
    return to_float(half);
}
PITWALL_DEVICE float inverse_of(float scale) { return scale > 0 ? 1.0f / scale : 0.0f; }

/// A lane's neighbouring values of a token: kOwn = head_dim / 32.
template <uint32_t kOwn>
using LaneValues = float[kOwn];

/// Neighbouring numbers of a lane as one access: rows begin at multiples of 16 bytes.
template <class T, uint32_t kCount>
struct alignas(sizeof(T) * kCount) OwnPart {
    T numbers[kCount];
};
template <class T, uint32_t kCount>
PITWALL_DEVICE OwnPart<T, kCount>& own_part(std::byte* row) {
    return reinterpret_cast<OwnPart<T, kCount>*>(row)[lane()];
}

/// Bounded, rounded to binary16 whatever follows, and rotated where the coding is.
template <uint32_t kOwn>
PITWALL_DEVICE void prepare_values(const KvCoding& coding, LaneValues<kOwn>& x) {
#pragma unroll
    for (uint32_t i = 0; i < kOwn; ++i) x[i] = through_half(bounded(x[i], kLargestHalf));
    if (coding.rotation != 0) rotate_registers(x);
}

template <uint32_t kOwn>
PITWALL_DEVICE float largest_size(const LaneValues<kOwn>& x) {
    float most = 0;
#pragma unroll
    for (uint32_t i = 0; i < kOwn; ++i) most = fmaxf(most, fabsf(x[i]));
    return warp_max(most);
}

PITWALL_DEVICE void write_half(float value, uint16_t* to) {
    Half half;
    round_to(value, half);
    *to = half.bits;
}

template <uint32_t kOwn>
PITWALL_DEVICE void store_wide(KvNumber number, const LaneValues<kOwn>& x, std::byte* row) {
    OwnPart<uint16_t, kOwn> own;
#pragma unroll
    for (uint32_t i = 0; i < kOwn; ++i) {
        if (number == KvNumber::kBf16) {
            Bfloat rounded;
            round_to(x[i], rounded);
            own.numbers[i] = rounded.bits;
        } else {
            write_half(x[i], own.numbers + i);
        }
    }
    own_part<uint16_t, kOwn>(row) = own;
}

template <uint32_t kOwn>
PITWALL_DEVICE void store_bytes(KvNumber number, const LaneValues<kOwn>& x, std::byte* row,
                                uint16_t* scales) {
    const bool integers = number == KvNumber::kInt8;
    const float scale = rounded_scale(largest_size<kOwn>(x) / (integers ? 127.0f : 448.0f));
    const float inverse = inverse_of(scale);
    if (lane() == 0) write_half(scale, scales);
    OwnPart<uint8_t, kOwn> own;
#pragma unroll
    for (uint32_t i = 0; i < kOwn; ++i) {
        const float scaled = x[i] * inverse;
        E4m3 code{static_cast<uint8_t>(0)};
        if (integers)
            code.bits = static_cast<uint8_t>(static_cast<int32_t>(rintf(scaled)));
        else
            round_to(scaled, code);
        own.numbers[i] = code.bits;
    }
    own_part<uint8_t, kOwn>(row) = own;
}

/// Largest value of each group of 32, to its 32 / kOwn lanes.
template <uint32_t kOwn>
PITWALL_DEVICE float group_max(const LaneValues<kOwn>& x) {
    float most = x[0];
#pragma unroll
    for (uint32_t i = 1; i < kOwn; ++i) most = fmaxf(most, x[i]);
#pragma unroll
    for (uint32_t mask = 1; mask < kWarp / kOwn; mask *= 2) most = fmaxf(most, shuffle_xor(most, mask));
    return most;
}

/// The lane's values in 4 bits, each by its own.
template <uint32_t kOwn>
PITWALL_DEVICE void code_nibbles(const LaneValues<kOwn>& x, uint16_t* scales, uint32_t (&codes)[kOwn]) {
    LaneValues<kOwn> within, negated;
#pragma unroll
    for (uint32_t i = 0; i < kOwn; ++i) {
        within[i] = bounded(x[i], kLargestInt4);
        negated[i] = 0.0f - within[i];
    }
    const float least = -group_max<kOwn>(negated), most = group_max<kOwn>(within);
    const float minimum = through_half(least);
    const float scale = rounded_scale((most > minimum ? most - minimum : 0.0f) / 15.0f);
    const float inverse = inverse_of(scale);
    if (lane() % (kWarp / kOwn) == 0) {
        uint16_t* const own = scales + lane() / (kWarp / kOwn) * 2;
        write_half(scale, own);
        write_half(minimum, own + 1);
    }
#pragma unroll
    for (uint32_t i = 0; i < kOwn; ++i)
        codes[i] = static_cast<uint32_t>(rintf(fmaxf(fminf((within[i] - minimum) * inverse, 15.0f), 0.0f)));
}

/// Dimension 2 d in the lower half of a byte, 2 d + 1 in the upper.
template <uint32_t kOwn>
PITWALL_DEVICE void store_nibbles(const LaneValues<kOwn>& x, std::byte* row, uint16_t* scales) {
    uint32_t codes[kOwn];
    code_nibbles<kOwn>(x, scales, codes);
    if constexpr (kOwn == 1) {
        const uint32_t other = shuffle_xor(codes[0], 1);
        if (lane() % 2 == 0) row[lane() / 2] = static_cast<std::byte>(codes[0] | other << 4);
    } else {
        OwnPart<uint8_t, kOwn / 2> own;
#pragma unroll
        for (uint32_t i = 0; i < kOwn; i += 2)
            own.numbers[i / 2] = static_cast<uint8_t>(codes[i] | codes[i + 1] << 4);
        own_part<uint8_t, kOwn / 2>(row) = own;
    }
}

/// Where a token's values and scales of K or V begin.
struct CodedRow {
    std::byte* values;
    uint16_t* scales;
};

/// Stores prepared values.
template <uint32_t kOwn>
PITWALL_DEVICE void store_row(const KvCoding& coding, const LaneValues<kOwn>& x, const CodedRow& row) {
    if (coding.number == KvNumber::kInt4)
        store_nibbles<kOwn>(x, row.values, row.scales);
    else if (coding.number == KvNumber::kInt8 || coding.number == KvNumber::kFp8)
        store_bytes<kOwn>(coding.number, x, row.values, row.scales);
    else
        store_wide<kOwn>(coding.number, x, row.values);
}

PITWALL_DEVICE uint32_t number_bits(KvNumber number) {
    if (number == KvNumber::kInt4) return 4;
    return number == KvNumber::kInt8 || number == KvNumber::kFp8 ? 8 : 16;
}

/// K's or V's row of a token in its head's part of a block.
PITWALL_DEVICE CodedRow coded_row(const engine::KvHeadLayout& layout, bool value, uint32_t token,
                                  std::byte* head) {
    const KvCoding& coding = value ? layout.v : layout.k;
    const uint32_t row_bytes = layout.head_dim * number_bits(coding.number) / 8;
    std::byte* const values = head + (value ? layout.v_values : 0) + token * row_bytes;
    std::byte* const scales = head + (value ? layout.v_scales : layout.k_scales);
    return {values, reinterpret_cast<uint16_t*>(scales) + token * coding.groups * coding.numbers};
}

}  // namespace pitwall::cuda
