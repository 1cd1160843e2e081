// SPDX-License-Identifier: GPL-3.0-or-later
//
// How one tier brings a block of the cache from one format into another: 16 tokens at once, with the arithmetic of
// store_kv value by value, so that what is converted from f16 has the bits of a first writing. Included after body_kv.h.
#pragma once

#include "engine/exec/cpu/kernels/kernels.h"

namespace pitwall::engine::cpu {
namespace {

/// kStages stages of the Hadamard transform on 2^kStages vectors that lie `step` apart, then times `scale`.
template <int kStages>
PITWALL_LANES void turn_columns(float* first, size_t step, F scale) {
    constexpr int kCount = 1 << kStages;
    F x[kCount];
    for (int i = 0; i < kCount; ++i) x[i] = load(first + static_cast<size_t>(i) * step);
    for (int half = 1; half < kCount; half *= 2) {
        for (int i = 0; i < kCount; ++i) {
            if (i & half) continue;
            const F a = x[i], b = x[i + half];
            x[i] = add(a, b);
            x[i + half] = sub(a, b);
        }
    }
    for (int i = 0; i < kCount; ++i) store(first + static_cast<size_t>(i) * step, mul(x[i], scale));
}

template <int kStages>
void turn_all_columns(uint32_t half, uint32_t dim, F scale, float* k) {
    for (uint32_t run = 0; run < dim; run += half << kStages)
        for (uint32_t d = run; d < run + half; ++d)
            turn_columns<kStages>(k + size_t{d} * 16, size_t{half} * 16, scale);
}

/// rotate_runs() of 16 tokens side by side: k[d * 16 + token].
void rotate_columns(uint32_t side, uint32_t dim, float* k) {
    const float norm = 1.0f / __builtin_sqrtf(static_cast<float>(side));
    for (uint32_t half = 1; half < side;) {
        const uint32_t left = side / half;
        const F scale = broadcast(left <= 8 ? norm : 1.0f);  // the last pass
        if (left >= 8)
            turn_all_columns<3>(half, dim, scale, k), half *= 8;
        else if (left >= 4)
            turn_all_columns<2>(half, dim, scale, k), half *= 4;
        else
            turn_all_columns<1>(half, dim, scale, k), half *= 2;
    }
}

/// All stages of one run of 16 * kVectors values.
template <int kVectors>
PITWALL_LANES void turn_run(F scale, float* run) {
    F x[kVectors];
    for (int i = 0; i < kVectors; ++i)
        x[i] = butterfly<8>(butterfly<4>(butterfly<2>(butterfly<1>(load(run + 16 * i)))));
    for (int half = 1; half < kVectors; half *= 2) {
        for (int i = 0; i < kVectors; ++i) {
            if (i & half) continue;
            const F a = x[i], b = x[i + half];
            x[i] = add(a, b);
            x[i + half] = sub(a, b);
        }
    }
    for (int i = 0; i < kVectors; ++i) store(run + 16 * i, mul(x[i], scale));
}
template <int kVectors>
void turn_runs(uint32_t dim, uint32_t ld, F scale, float* v) {
    for (uint32_t token = 0; token < 16; ++token)
        for (uint32_t i = 0; i < dim; i += 16 * kVectors)
            turn_run<kVectors>(scale, v + size_t{token} * ld + i);
}
/// Runs shorter than a vector stay within their lanes.
void turn_short_runs(uint32_t side, uint32_t dim, uint32_t ld, F scale, float* v) {
    for (uint32_t token = 0; token < 16; ++token)
        for (uint32_t i = 0; i < dim; i += 16) {
            F x = butterfly<1>(load(v + size_t{token} * ld + i));
            if (side >= 4) x = butterfly<2>(x);
            if (side >= 8) x = butterfly<4>(x);
            store(v + size_t{token} * ld + i, mul(x, scale));
        }
}

/// rotate_runs() of 16 rows of whole vectors: v[token * ld + d].
void rotate_rows(uint32_t side, uint32_t dim, uint32_t ld, float* v) {
    if (side < 2) return;
    const F scale = broadcast(1.0f / __builtin_sqrtf(static_cast<float>(side)));
    if (side < 16) return turn_short_runs(side, dim, ld, scale, v);
    if (side == 16) return turn_runs<1>(dim, ld, scale, v);
    if (side == 32) return turn_runs<2>(dim, ld, scale, v);
    if (side == 64) return turn_runs<4>(dim, ld, scale, v);
    turn_runs<8>(dim, ld, scale, v);
}

PITWALL_LANES F inverse_of(F scale) {
    return select_less(zero(), scale, div(broadcast(1.0f), scale), zero());
}
PITWALL_LANES F within(F x, float least, float most) {
    return max(min(x, broadcast(most)), broadcast(least));
}

/// The scale of what is at most `most` in size, as it will be read; `inverse` is what values are multiplied with.
PITWALL_LANES void scale_of_bytes(KvNumber number, F most, void* halves, F* inverse) {
    const F scale = rounded_scale(div(most, broadcast(number == KvNumber::kFp8 ? 448.0f : 127.0f)));
    store_half(halves, scale);
    *inverse = inverse_of(scale);
}
/// Scale and minimum of 4-bit codes of values from `least` to `most`.
PITWALL_LANES void scale_of_nibbles(F least, F most, void* scale_halves, void* minimum_halves, F* inverse,
                                    F* minimum) {
    store_half(minimum_halves, within(least, -65504.0f, 65504.0f));
    *minimum = load_half(minimum_halves);
    const F range = select_less(*minimum, most, sub(most, *minimum), zero());
    const F scale = rounded_scale(div(range, broadcast(15.0f)));
    store_half(scale_halves, scale);
    *inverse = inverse_of(scale);
}
template <KvNumber kNumber>
PITWALL_LANES I byte_code(F scaled) {
    return kNumber == KvNumber::kFp8 ? fp8_code(scaled) : int8_code(scaled);
}

template <KvNumber kNumber>
void close_k_bytes(const KvHeadLayout& layout, const float* k, std::byte* head) {
    const uint32_t dim = layout.head_dim;
    F most = zero(), inverse;
    for (uint32_t d = 0; d < dim; ++d) most = max(most, magnitude(load(k + size_t{d} * 16)));
    scale_of_bytes(kNumber, most, head + layout.k_scales, &inverse);
    for (uint32_t d = 0; d < dim; ++d)
        store_bytes(head + size_t{d} * 16, byte_code<kNumber>(mul(load(k + size_t{d} * 16), inverse)));
}

void close_k_nibbles(const KvHeadLayout& layout, const float* k, std::byte* head) {
    for (uint32_t g = 0; g < layout.k.groups; ++g) {
        const uint32_t begin = g * layout.k.group;
        const uint32_t end =
            begin + layout.k.group < layout.head_dim ? begin + layout.k.group : layout.head_dim;
        F least = load(k + size_t{begin} * 16), most = least, inverse, minimum;
        for (uint32_t d = begin + 1; d < end; ++d) {
            const F x = load(k + size_t{d} * 16);
            least = min(least, x), most = max(most, x);
        }
        std::byte* scales = head + layout.k_scales + size_t{g} * 64;
        scale_of_nibbles(least, most, scales, scales + 32, &inverse, &minimum);
        for (uint32_t d = begin; d < end; d += 2) {
            const I low = int4_code(mul(sub(load(k + size_t{d} * 16), minimum), inverse));
            const I high = int4_code(mul(sub(load(k + size_t{d + 1} * 16), minimum), inverse));
            store_bytes(head + size_t{d} * 8, either(low, shift_left<4>(high)));
        }
    }
}

/// k[d * 16 + token], rotated already, as `layout` stores it.
void close_k(const KvHeadLayout& layout, const float* k, std::byte* head) {
    if (layout.k.number == KvNumber::kInt4) return close_k_nibbles(layout, k, head);
    if (layout.k.number == KvNumber::kInt8) return close_k_bytes<KvNumber::kInt8>(layout, k, head);
    if (layout.k.number == KvNumber::kFp8) return close_k_bytes<KvNumber::kFp8>(layout, k, head);
    const KvNumber number = layout.k.number;
    const size_t width = number == KvNumber::kF32 ? 64 : 32;
    const uint32_t dim = layout.head_dim;
    for (uint32_t d = 0; d < dim; ++d) store_plain(number, load(k + size_t{d} * 16), head + d * width);
}

template <KvNumber kNumber>
void close_v_bytes(const KvHeadLayout& layout, const float* v, size_t ld, std::byte* head) {
    alignas(64) float most[16], inverses[16];
    const uint32_t dim = layout.v_dim;
    for (uint32_t token = 0; token < 16; ++token) most[token] = largest_magnitude(v + token * ld, dim);
    F inverse;
    scale_of_bytes(kNumber, load(most), head + layout.v_scales, &inverse);
    store(inverses, inverse);
    std::byte* values = head + layout.v_values;
    for (uint32_t token = 0; token < 16; ++token) {
        const F own = broadcast(inverses[token]);
        for (uint32_t i = 0; i < dim; i += 16)
            store_bytes(values + size_t{token} * dim + i,
                        byte_code<kNumber>(mul(load(v + token * ld + i), own)));
    }
}

/// One group of all 16 tokens.
void close_v_nibbles(const KvHeadLayout& layout, const float* v, size_t ld, uint32_t g, std::byte* head) {
    alignas(64) float least[16], most[16], inverses[16], minima[16];
    uint16_t scale_halves[16], minimum_halves[16];
    const float* values = v + size_t{g} * layout.v.group;
    for (uint32_t token = 0; token < 16; ++token) {
        const F low = load(values + token * ld), high = load(values + token * ld + 16);
        least[token] = -horizontal_max(max(sub(zero(), low), sub(zero(), high)));
        most[token] = horizontal_max(max(low, high));
    }
    F inverse, minimum;
    scale_of_nibbles(load(least), load(most), scale_halves, minimum_halves, &inverse, &minimum);
    store(inverses, inverse);
    store(minima, minimum);
    auto* scales = reinterpret_cast<uint16_t*>(head + layout.v_scales);
    for (uint32_t token = 0; token < 16; ++token) {
        const F own = broadcast(inverses[token]), floor = broadcast(minima[token]);
        const I low = int4_code(mul(sub(load(values + token * ld), floor), own));
        const I high = int4_code(mul(sub(load(values + token * ld + 16), floor), own));
        store_bytes(head + layout.v_values + (size_t{token} * layout.v_dim + g * 32) / 2,
                    either(low, shift_left<4>(high)));
        scales[(token * layout.v.groups + g) * 2] = scale_halves[token];
        scales[(token * layout.v.groups + g) * 2 + 1] = minimum_halves[token];
    }
}

/// v[token * ld + d], rotated already and filled up to whole runs of 32, as `layout` stores it.
void close_v(const KvHeadLayout& layout, const float* v, size_t ld, std::byte* head) {
    if (layout.v.number == KvNumber::kInt4) {
        for (uint32_t g = 0; g < layout.v.groups; ++g) close_v_nibbles(layout, v, ld, g, head);
        return;
    }
    if (layout.v.number == KvNumber::kInt8) return close_v_bytes<KvNumber::kInt8>(layout, v, ld, head);
    if (layout.v.number == KvNumber::kFp8) return close_v_bytes<KvNumber::kFp8>(layout, v, ld, head);
    const KvNumber number = layout.v.number;
    const size_t width = number == KvNumber::kF32 ? 4 : 2;
    const uint32_t dim = layout.v_dim;
    std::byte* values = head + layout.v_values;
    for (uint32_t token = 0; token < 16; ++token)
        for (uint32_t i = 0; i < dim; i += 16)
            store_plain(number, load(v + token * ld + i), values + (size_t{token} * dim + i) * width);
}

/// f16 is bounded already, and what its unfilled slots hold is read by nobody.
void rebound_values(const KvCoding& from, const KvCoding& to, size_t count, float* x) {
    if (from.number != KvNumber::kF16) bound_values(to, count, x);
}

void reopen_k(const KvConversion& c, float* k) {
    const uint32_t dim = c.from->head_dim;
    open_k_block(*c.from, c.source, k, 16);
    rotate_columns(c.from->k.rotation, dim, k);
    rebound_values(c.from->k, c.to->k, size_t{dim} * 16, k);
    rotate_columns(c.to->k.rotation, dim, k);
}

/// v[token * ld + d], ld being the head filled up to whole runs of 32.
void reopen_v(const KvConversion& c, uint32_t ld, float* v) {
    const uint32_t dim = c.from->head_dim, width = c.from->v_dim;
    open_v_block(*c.from, c.source, 16, v);
    for (uint32_t token = 16; token-- > 0 && width < ld;)  // rows move apart, last first
        __builtin_memmove(v + size_t{token} * ld, v + size_t{token} * width, width * sizeof(float));
    rotate_rows(c.from->v.rotation, dim, ld, v);
    for (uint32_t token = 0; token < 16; ++token) fill_row(dim, v + size_t{token} * ld);
    rebound_values(c.from->v, c.to->v, size_t{16} * ld, v);
    rotate_rows(c.to->v.rotation, dim, ld, v);
    for (uint32_t token = 0; token < 16; ++token) fill_row(dim, v + size_t{token} * ld);
}

bool same_coding(const KvCoding& a, const KvCoding& b) {
    return a.number == b.number && a.rotation == b.rotation;
}

/// Source and target may overlap: all that changes is read before anything is written, what stays as it is moves first.
void convert_kv(const KvConversion& c) {
    const KvHeadLayout &from = *c.from, &to = *c.to;
    const uint32_t ld = (from.head_dim + 31) / 32 * 32;
    float *k = c.scratch, *v = c.scratch + size_t{ld} * 16;
    const bool same_k = same_coding(from.k, to.k), same_v = same_coding(from.v, to.v);
    if (same_k && same_v) {
        __builtin_memmove(c.target, c.source, from.bytes);
        return;
    }
    if (!same_k) reopen_k(c, k);
    if (!same_v) reopen_v(c, ld, v);
    if (same_k) __builtin_memmove(c.target, c.source, from.v_values);
    if (same_v)
        __builtin_memmove(c.target + to.v_values, c.source + from.v_values, from.bytes - from.v_values);
    if (!same_k) close_k(to, k, c.target);
    if (!same_v) close_v(to, v, ld, c.target);
}

}  // namespace
}  // namespace pitwall::engine::cpu
