// SPDX-License-Identifier: GPL-3.0-or-later
//
// How one tier writes K and V into a block of the cache and reads them back as float. Included after body_products.h.
#pragma once

#include <cfloat>

#include "engine/exec/cpu/kernels/body_magnitude.h"
#include "engine/exec/cpu/kernels/kernels.h"

namespace pitwall::engine::cpu {
namespace {

constexpr uint32_t kWidestHead = 4096;     ///< what a model may have (gguf_config.cpp)
constexpr uint32_t kMostScales = 2 * 128;  ///< of one token and head: two a group of 32

/// What one token of a head becomes: a byte for each number (4-bit ones not yet packed), and its scales in binary16.
struct CodedRow {
    alignas(64) uint8_t codes[kWidestHead];
    alignas(32) uint16_t scales[kMostScales + 16];
};

/// Fills the row up to whole runs of 32 with its last value, which changes no minimum and no maximum.
void fill_row(uint32_t dim, float* row) {
    const uint32_t end = (dim + 31) / 32 * 32;
    for (uint32_t i = dim; i < end; ++i) row[i] = row[dim - 1];
}

/// Finite, because 0 times a later token's infinity would reach earlier ones. All but f32 are rounded to binary16 first,
/// whatever follows: what is converted from f16 later then has the bits of a first writing.
void bound_values(const KvCoding& coding, size_t count, float* x) {
    const bool wide = coding.number == KvNumber::kF32;
    const F most = broadcast(wide ? FLT_MAX : 65504.0f), least = sub(zero(), most);
    for (size_t i = 0; i < count; i += 16) {
        const F bounded = max(min(load(x + i), most), least);
        store(x + i, wide ? bounded : through_half(bounded));
    }
}

void take_row(const KvCoding& coding, const float* x, uint32_t dim, float* row) {
    for (uint32_t i = 0; i < dim; ++i) row[i] = x[i];
    fill_row(dim, row);  // whole vectors are rounded
    bound_values(coding, dim, row);
}

/// Multiplies each run of `side` values with the orthonormal Hadamard matrix, which is its own inverse.
void rotate_runs(uint32_t side, uint32_t dim, float* row) {
    if (side < 2) return;
    for (uint32_t half = 1; half < side; half *= 2) {
        for (uint32_t i = 0; i < dim; i += 2 * half) {
            for (uint32_t j = i; j < i + half; ++j) {
                const float a = row[j], b = row[j + half];
                row[j] = a + b;
                row[j + half] = a - b;
            }
        }
    }
    const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(side));
    for (uint32_t i = 0; i < dim; ++i) row[i] *= scale;
}

/// What of `x` is coded: bounded, rounded, rotated, and filled up to whole runs of 32.
void prepare_row(const KvCoding& coding, const float* x, uint32_t dim, float* row) {
    take_row(coding, x, dim, row);
    rotate_runs(coding.rotation, dim, row);
    fill_row(dim, row);
}

PITWALL_LANES float read_half(uint16_t half) {
    const uint16_t halves[16] = {half};
    float read[16];
    store(read, load_half(halves));
    return read[0];
}
/// In binary16, as it will be read; what does not fit saturates.
PITWALL_LANES float rounded_to_half(float value, uint16_t* out) {
    uint16_t halves[16];
    store_half(halves, max(min(broadcast(value), broadcast(65504.0f)), broadcast(-65504.0f)));
    *out = halves[0];
    return read_half(halves[0]);
}
/// The next binary16 that is not smaller, so that the largest value is no further off than the others; saturates. Of
/// scales, which are not negative.
PITWALL_LANES F rounded_scale(F value) {
    const F x = min(value, broadcast(65504.0f));
    const I kept = both(add(as_bits(x), broadcast_bits(0x1fff)), broadcast_bits(~0x1fff));
    const F count = mul(x, broadcast(0x1p24f)), nearest = to_float(to_int(min(count, broadcast(1024.0f))));
    const F up = select_less(nearest, count, add(nearest, broadcast(1.0f)), nearest);
    return select_less(x, broadcast(0x1p-14f), mul(up, broadcast(0x1p-24f)), as_float(kept));
}
PITWALL_LANES float rounded_scale(float value, uint16_t* out) {
    uint16_t halves[16];
    store_half(halves, rounded_scale(broadcast(value)));
    *out = halves[0];
    return read_half(halves[0]);
}
PITWALL_LANES float inverse_of(float scale) { return scale > 0 ? 1.0f / scale : 0.0f; }

/// A scale that was rounded up leaves nothing above 127.
PITWALL_LANES I int8_code(F scaled) { return to_int(scaled); }
PITWALL_LANES I int4_code(F scaled) { return to_int(max(min(scaled, broadcast(15.0f)), zero())); }

/// e4m3 (Micikevicius et al. 2022) of numbers up to 448: the float's bits rounded to three of the fraction, or below
/// 2^-6 a count of 2^-9.
PITWALL_LANES I fp8_code(F scaled) {
    const F size = min(max(scaled, sub(zero(), scaled)), broadcast(448.0f));
    const I bits = as_bits(size);
    const I odd = both(shift_right<20>(bits), broadcast_bits(1));
    const I rounded = shift_right<20>(add(add(bits, broadcast_bits(0x7ffff)), odd));
    const F normal = as_float(sub(rounded, broadcast_bits(120 << 3)));
    const F small = as_float(to_int(mul(size, broadcast(512.0f))));
    const I code = as_bits(select_less(size, broadcast(0x1p-6f), small, normal));
    return either(code, both(shift_right<24>(as_bits(scaled)), broadcast_bits(0x80)));
}

void code_int8(const float* row, uint32_t dim, CodedRow& out) {
    const float inverse = inverse_of(rounded_scale(largest_magnitude(row, dim) / 127, out.scales));
    for (uint32_t i = 0; i < dim; i += 16)
        store_bytes(out.codes + i, int8_code(mul(load(row + i), broadcast(inverse))));
}

void code_fp8(const float* row, uint32_t dim, CodedRow& out) {
    const float inverse = inverse_of(rounded_scale(largest_magnitude(row, dim) / 448, out.scales));
    for (uint32_t i = 0; i < dim; i += 16)
        store_bytes(out.codes + i, fp8_code(mul(load(row + i), broadcast(inverse))));
}

void code_int4(const KvCoding& coding, const float* row, CodedRow& out) {
    for (uint32_t g = 0; g < coding.groups; ++g) {
        const float* values = row + g * coding.group;
        const F low = load(values), high = load(values + 16);  // filled up: always 32 values
        const float least = -horizontal_max(max(sub(zero(), low), sub(zero(), high)));
        const float most = horizontal_max(max(low, high));
        const float minimum = rounded_to_half(least, out.scales + 2 * g + 1);
        const float range = most > minimum ? most - minimum : 0;
        const float inverse = inverse_of(rounded_scale(range / 15, out.scales + 2 * g));
        for (uint32_t i = 0; i < 32; i += 16) {
            const F scaled = mul(sub(load(values + i), broadcast(minimum)), broadcast(inverse));
            store_bytes(out.codes + g * coding.group + i, int4_code(scaled));
        }
    }
}

/// f32, f16 and bf16 of 16 values, as they are stored.
PITWALL_LANES void store_plain(KvNumber number, F x, std::byte* out) {
    if (number == KvNumber::kF32) store(reinterpret_cast<float*>(out), x);
    if (number == KvNumber::kF16) store_half(out, x);
    if (number == KvNumber::kBf16) {
        const I bits = as_bits(x);
        const I odd = both(shift_right<16>(bits), broadcast_bits(1));
        store_words(out, shift_right<16>(add(add(bits, broadcast_bits(0x7fff)), odd)));
    }
}

template <class Number>
void scatter(const std::byte* numbers, uint32_t count, uint32_t slot, std::byte* target) {
    const auto* from = reinterpret_cast<const Number*>(numbers);
    auto* to = reinterpret_cast<Number*>(target) + slot;
    for (uint32_t i = 0; i < count; ++i) to[i * 16] = from[i];
}

void code_row(const KvCoding& coding, const float* row, uint32_t dim, CodedRow& out) {
    if (coding.number == KvNumber::kInt8) code_int8(row, dim, out);
    if (coding.number == KvNumber::kFp8) code_fp8(row, dim, out);
    if (coding.number == KvNumber::kInt4) code_int4(coding, row, out);
}

void store_k(const KvHeadLayout& layout, const float* x, uint32_t slot, std::byte* head) {
    const uint32_t dim = layout.head_dim;
    alignas(64) float row[kWidestHead];
    prepare_row(layout.k, x, dim, row);
    if (layout.k.groups == 0) {
        alignas(64) std::byte numbers[kWidestHead * sizeof(float)];
        const uint32_t width = layout.k.number == KvNumber::kF32 ? 4 : 2;
        for (uint32_t i = 0; i < dim; i += 16)
            store_plain(layout.k.number, load(row + i), numbers + size_t{i} * width);
        if (width == 4) scatter<float>(numbers, dim, slot, head);
        if (width == 2) scatter<uint16_t>(numbers, dim, slot, head);
        return;
    }
    CodedRow coded;
    code_row(layout.k, row, dim, coded);
    auto* codes = reinterpret_cast<uint8_t*>(head) + slot;
    if (layout.k.number == KvNumber::kInt4) {
        for (uint32_t i = 0; i < dim / 2; ++i)
            codes[i * 16] = static_cast<uint8_t>(coded.codes[2 * i] | coded.codes[2 * i + 1] << 4);
    } else {
        for (uint32_t i = 0; i < dim; ++i) codes[i * 16] = coded.codes[i];
    }
    scatter<uint16_t>(reinterpret_cast<const std::byte*>(coded.scales), layout.k.groups * layout.k.numbers,
                      slot, head + layout.k_scales);
}

void store_v(const KvHeadLayout& layout, const float* x, uint32_t slot, std::byte* head) {
    alignas(64) float row[kWidestHead];
    prepare_row(layout.v, x, layout.head_dim, row);
    std::byte* values = head + layout.v_values;
    if (layout.v.groups == 0) {
        const uint32_t width = layout.v.number == KvNumber::kF32 ? 4 : 2;
        for (uint32_t i = 0; i < layout.v_dim; i += 16)
            store_plain(layout.v.number, load(row + i), values + (size_t{slot} * layout.v_dim + i) * width);
        return;
    }
    CodedRow coded;
    code_row(layout.v, row, layout.head_dim, coded);
    if (layout.v.number == KvNumber::kInt4) {
        auto* packed = reinterpret_cast<uint8_t*>(values) + size_t{slot} * layout.v_dim / 2;
        for (uint32_t i = 0; i < layout.v_dim / 2; ++i) {
            const uint32_t at = i / 16 * 32 + i % 16;
            packed[i] = static_cast<uint8_t>(coded.codes[at] | coded.codes[at + 16] << 4);
        }
    } else {
        auto* codes = reinterpret_cast<uint8_t*>(values) + size_t{slot} * layout.v_dim;
        for (uint32_t i = 0; i < layout.v_dim; ++i) codes[i] = coded.codes[i];
    }
    const uint32_t scales = layout.v.groups * layout.v.numbers;
    auto* target = reinterpret_cast<uint16_t*>(head + layout.v_scales) + slot * scales;
    for (uint32_t i = 0; i < scales; ++i) target[i] = coded.scales[i];
}

void store_kv(const KvHeadLayout& layout, const float* k, const float* v, uint32_t slot, std::byte* head) {
    store_k(layout, k, slot, head);
    store_v(layout, v, slot, head);
}

/// 16 numbers that stand side by side, as float and not yet scaled.
template <KvNumber kNumber>
PITWALL_LANES F open_numbers(const std::byte* p) {
    if constexpr (kNumber == KvNumber::kF32) return load(reinterpret_cast<const float*>(p));
    if constexpr (kNumber == KvNumber::kF16) return load_half(p);
    if constexpr (kNumber == KvNumber::kBf16) return load_bfloat(p);
    if constexpr (kNumber == KvNumber::kInt8) return to_float(load_int8(p));
    if constexpr (kNumber == KvNumber::kFp8) {
        const I code = load_uint8(p), size = both(code, broadcast_bits(0x7f));
        const F small = mul(to_float(size), broadcast(0x1p-9f));
        const F normal = as_float(add(shift_left<20>(size), broadcast_bits(120 << 23)));
        const I sign = shift_left<24>(both(code, broadcast_bits(0x80)));
        return as_float(either(as_bits(select_less(to_float(size), broadcast(8.0f), small, normal)), sign));
    }
}

template <KvNumber kNumber>
constexpr uint32_t kNumberBytes = kNumber == KvNumber::kF32                                 ? 4
                                  : kNumber == KvNumber::kF16 || kNumber == KvNumber::kBf16 ? 2
                                                                                            : 1;

/// K of a block as float: out[d * ld + token].
template <KvNumber kNumber>
void open_k(const KvHeadLayout& layout, const std::byte* head, float* out, size_t ld) {
    const uint32_t dim = layout.head_dim;
    if constexpr (kNumber == KvNumber::kInt4) {
        for (uint32_t d = 0; d < dim; d += 2) {
            const std::byte* scales = head + layout.k_scales + size_t{d / layout.k.group} * 64;
            const F scale = load_half(scales), minimum = load_half(scales + 32);
            const I pair = load_uint8(head + size_t{d} * 8);
            store(out + d * ld, fma(low_nibble<0>(pair), scale, minimum));
            store(out + (d + 1) * ld, fma(low_nibble<0>(shift_right<4>(pair)), scale, minimum));
        }
    } else {
        constexpr bool kScaled = kNumberBytes<kNumber> == 1;
        const F scale = kScaled ? load_half(head + layout.k_scales) : zero();
        for (uint32_t d = 0; d < dim; ++d) {
            const F x = open_numbers<kNumber>(head + size_t{d} * 16 * kNumberBytes<kNumber>);
            store(out + d * ld, kScaled ? mul(x, scale) : x);
        }
    }
}

/// V of a block's first `tokens` as float: out[token * v_dim + d].
template <KvNumber kNumber>
void open_v(const KvHeadLayout& layout, const std::byte* head, uint32_t tokens, float* out) {
    const uint32_t dim = layout.v_dim, per_token = layout.v.groups * layout.v.numbers;
    const std::byte* values = head + layout.v_values;
    constexpr bool kPlain = (kNumberBytes<kNumber>) > 1;
    if constexpr (kPlain) {
        for (uint32_t i = 0; i < tokens * dim; i += 16)
            store(out + i, open_numbers<kNumber>(values + size_t{i} * kNumberBytes<kNumber>));
    } else {
        alignas(64) float scales[16 * kMostScales];
        for (uint32_t i = 0; i < 16 * per_token; i += 16)
            store(scales + i, load_half(head + layout.v_scales + size_t{i} * 2));
        for (uint32_t token = 0; token < tokens; ++token) {
            const float* own = scales + size_t{token} * per_token;
            float* row = out + size_t{token} * dim;
            if constexpr (kNumber == KvNumber::kInt4) {
                const std::byte* packed = values + size_t{token} * dim / 2;
                for (uint32_t run = 0; run < dim / 32; ++run) {
                    const F scale = broadcast(own[2 * run]), minimum = broadcast(own[2 * run + 1]);
                    const I pair = load_uint8(packed + size_t{run} * 16);
                    store(row + run * 32, fma(low_nibble<0>(pair), scale, minimum));
                    store(row + run * 32 + 16, fma(low_nibble<0>(shift_right<4>(pair)), scale, minimum));
                }
            } else {
                for (uint32_t i = 0; i < dim; i += 16)
                    store(row + i,
                          mul(open_numbers<kNumber>(values + size_t{token} * dim + i), broadcast(own[0])));
            }
        }
    }
}

/// Calls body(Index<number>) for the number that is stored.
template <class Body>
PITWALL_LANES void with_number(KvNumber number, const Body& body) {
    switch (number) {
        case KvNumber::kF32:
            return body(Index<static_cast<int>(KvNumber::kF32)>{});
        case KvNumber::kF16:
            return body(Index<static_cast<int>(KvNumber::kF16)>{});
        case KvNumber::kBf16:
            return body(Index<static_cast<int>(KvNumber::kBf16)>{});
        case KvNumber::kFp8:
            return body(Index<static_cast<int>(KvNumber::kFp8)>{});
        case KvNumber::kInt8:
            return body(Index<static_cast<int>(KvNumber::kInt8)>{});
        case KvNumber::kInt4:
            return body(Index<static_cast<int>(KvNumber::kInt4)>{});
    }
}

void open_k_block(const KvHeadLayout& layout, const std::byte* head, float* out, size_t ld) {
    with_number(layout.k.number,
                [&](auto number) PITWALL_LAMBDA { open_k<KvNumber{number.value}>(layout, head, out, ld); });
}
void open_v_block(const KvHeadLayout& layout, const std::byte* head, uint32_t tokens, float* out) {
    with_number(layout.v.number, [&](auto number) PITWALL_LAMBDA {
        open_v<KvNumber{number.value}>(layout, head, tokens, out);
    });
}

}  // namespace
}  // namespace pitwall::engine::cpu
