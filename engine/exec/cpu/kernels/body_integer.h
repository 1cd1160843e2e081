// SPDX-License-Identifier: GPL-3.0-or-later
//
// Products with integer activations of one tier. Included after the tier's lanes and dots; see lanes_avx512.h why all is
// in an anonymous namespace.
#pragma once

#include <algorithm>
#include <bit>
#include <iterator>
#include <type_traits>

#include "engine/exec/cpu/kernels/body_groups.h"
#include "engine/exec/cpu/kernels/body_rounding.h"
#include "engine/exec/cpu/kernels/integer_kernels.h"

namespace pitwall::engine::cpu {
namespace {

/// What a kernel has to know of a format at compile time.
template <int kWeightBits, bool kScaleOfEachHalf, int kOffset>
struct Kind {
    static constexpr bool kFitsWords = kWeightBits == 4;  ///< a half's product with 8-bit activations
    static constexpr int kBits = kWeightBits == 8 && kDotTakesBytes ? 5 : std::max(kWeightBits, 5);
    static constexpr bool kHalves = kScaleOfEachHalf;
    static constexpr bool kHasOffset = kOffset > 0;  ///< and no m
    static constexpr int kOffsetBits = std::countr_zero(static_cast<unsigned>(kOffset));
};

/// What is taken from a weight's unsigned value.
template <PanelFormat kFormat>
constexpr int kOffsetOf = layout_of(kFormat).low_bits == 8 ? 128 : layout_of(kFormat).offset;
template <PanelFormat kFormat>
using KindOf = Kind<static_cast<int>(layout_of(kFormat).low_bits + layout_of(kFormat).high_bits),
                    layout_of(kFormat).scales == ScaleScheme::kSuper6, kOffsetOf<kFormat>>;

/// A weight is d * unsigned value + m.
struct Scales {
    F d[2], m[2];
};

template <PanelFormat kFormat>
PITWALL_LANES Scales scales_of(const Group<kFormat>& group) {
    constexpr PanelLayout kLayout = layout_of(kFormat);
    const F offset = broadcast(static_cast<float>(-kOffsetOf<kFormat>));
    if constexpr (kLayout.scales == ScaleScheme::kSuper6)
        return {{group.d, group.m}, {mul(group.d, offset), mul(group.m, offset)}};
    if constexpr (kLayout.scales == ScaleScheme::kScale)
        return {{group.d, group.d}, {mul(group.d, offset), zero()}};
    return {{group.d, group.d}, {group.m, group.m}};
}

/// The high bits of four values, each in bit 4 and up of its byte.
template <PanelFormat kFormat, int kHalf, int kQuad>
PITWALL_LANES I high_bits(const Group<kFormat>& group) {
    if constexpr (layout_of(kFormat).high_bits == 1) {
        const I four = both(shift_right<16 * kHalf + 4 * kQuad>(load_bits(group.high)), broadcast_bits(0xf));
        const I spread =
            either(either(four, shift_left<7>(four)), either(shift_left<14>(four), shift_left<21>(four)));
        return shift_left<4>(both(spread, broadcast_bits(0x01010101)));
    } else {
        const I pairs =
            both(shift_right<8 * kQuad>(load_bits(group.high + 64 * kHalf)), broadcast_bits(0xff));
        const I spread =
            either(either(pairs, shift_left<6>(pairs)), either(shift_left<12>(pairs), shift_left<18>(pairs)));
        return shift_left<4>(both(spread, broadcast_bits(0x03030303)));
    }
}

/// Values 16 * kHalf + 4 * kQuad and the three after it, as unsigned bytes.
template <PanelFormat kFormat, int kHalf, int kQuad>
PITWALL_LANES I unsigned_quad(const Group<kFormat>& group) {
    constexpr PanelLayout kLayout = layout_of(kFormat);
    if constexpr (kLayout.low_bits == 8) {
        return flip(load_bits(group.low + 64 * (4 * kHalf + kQuad)),
                    broadcast_bits(static_cast<int32_t>(0x80808080)));
    } else {
        const I low =
            both(shift_right<4 * kHalf>(load_bits(group.low + 64 * kQuad)), broadcast_bits(0x0f0f0f0f));
        if constexpr (kLayout.high_bits == 0) return low;
        return either(low, high_bits<kFormat, kHalf, kQuad>(group));
    }
}

/// Of each lane, sixteen weights without their scale times sixteen integers.
template <class Kind, int kHalf>
PITWALL_LANES I dot_half(const I* quads, const GroupI8& x) {
    I start = broadcast_bits(0);
    if constexpr (Kind::kHasOffset) start = shift_left<Kind::kOffsetBits>(broadcast_bits(x.minus_sum[kHalf]));
    return dot_quads<Kind::kBits>(start, quads + 4 * kHalf, x.values + 16 * kHalf);
}

/// s += the product of one group with one token; see GroupI8.
template <class Kind>
PITWALL_LANES F add_scaled(F s, const Scales& w, I first, I second, const GroupI8& x) {
    if constexpr (!Kind::kHasOffset) s = fma(w.m[0], broadcast(x.total), s);
    if constexpr (Kind::kFitsWords) return fma(w.d[0], to_float(dot_halves(first, second, x.factor)), s);
    const F one = mul(to_float(first), broadcast(x.wide_factor[0])), other = broadcast(x.wide_factor[1]);
    if constexpr (Kind::kHalves) return fma(w.d[1], mul(to_float(second), other), fma(w.d[0], one, s));
    return fma(w.d[0], fma(to_float(second), other, one), s);
}

template <class Kind, int kTokens>
PITWALL_LANES void add_group_i8(F* sum, const Scales& w, const I* quads, const std::byte* rows) {
    static_assert(Kind::kHasOffset || !Kind::kHalves, "an m of each half would need a total of each");
    unrolled<kTokens>([&](auto t) PITWALL_LAMBDA {
        const auto& x = *reinterpret_cast<const GroupI8*>(rows + t.value * sizeof(GroupI8));
        const I first = dot_half<Kind, 0>(quads, x), second = dot_half<Kind, 1>(quads, x);
        sum[t.value] = add_scaled<Kind>(sum[t.value], w, first, second, x);
    });
}

template <class Kind, int kHalf, int kTokens>
PITWALL_LANES void scale_words(F* sum, const Scales& w, const I* products, const std::byte* rows) {
    unrolled<kTokens>([&](auto t) PITWALL_LAMBDA {
        const auto& x = *reinterpret_cast<const GroupI16*>(rows + t.value * sizeof(GroupI16));
        F& s = sum[t.value];
        const F of_offset = broadcast(Kind::kHalves ? x.sum[kHalf] : x.total);
        s = fma(w.d[kHalf], to_float(products[t.value]), fma(w.m[kHalf], of_offset, s));
    });
}

/// `quad` gives the quads one by one, quad(Index<half>, Index<quad>): their words would fill all registers.
template <class Kind, int kTokens, class Quad>
PITWALL_LANES void add_group_i16(F* sum, const Scales& w, const Quad& quad, const std::byte* rows) {
    I products[kTokens];
    unrolled<kTokens>([&](auto t) PITWALL_LAMBDA { products[t.value] = broadcast_bits(0); });
    unrolled<2>([&](auto half) PITWALL_LAMBDA {
        unrolled<4>([&](auto q) PITWALL_LAMBDA {
            const I bytes = quad(half, q);
            const I even = both(bytes, broadcast_bits(0x00ff00ff));
            const I odd = both(shift_right<8>(bytes), broadcast_bits(0x00ff00ff));
            unrolled<kTokens>([&](auto t) PITWALL_LAMBDA {
                const auto& x = *reinterpret_cast<const GroupI16*>(rows + t.value * sizeof(GroupI16));
                const int16_t* four = x.values + 16 * half.value + 4 * q.value;
                products[t.value] = dot_pairs(products[t.value], even, four);
                products[t.value] = dot_pairs(products[t.value], odd, four + 2);
            });
        });
        if constexpr (Kind::kHalves) {
            scale_words<Kind, half.value, kTokens>(sum, w, products, rows);
            unrolled<kTokens>([&](auto t) PITWALL_LAMBDA { products[t.value] = broadcast_bits(0); });
        }
    });
    if constexpr (!Kind::kHalves) scale_words<Kind, 0, kTokens>(sum, w, products, rows);
}

template <ActivationDtype kDtype, class Kind, int kTokens, class Quad>
PITWALL_LANES void add_group(F* sum, const Scales& w, const Quad& quad, const std::byte* rows) {
    if constexpr (kDtype == ActivationDtype::kI16) {
        add_group_i16<Kind, kTokens>(sum, w, quad, rows);
    } else {
        I quads[8];
        unrolled<8>([&](auto q) PITWALL_LAMBDA {
            quads[q.value] = quad(Index<q.value / 4>{}, Index<q.value % 4>{});
        });
        add_group_i8<Kind, kTokens>(sum, w, quads, rows);
    }
}

template <PanelFormat kFormat>
void unpack_groups(const std::byte* panel, uint32_t first, uint32_t count, UnpackedGroup* out) {
    for (uint32_t i = 0; i < count; ++i) {
        const Group<kFormat> group = open_group<kFormat>(panel, first + i);
        const Scales scales = scales_of(group);
        unrolled<2>([&](auto half) PITWALL_LAMBDA {
            store(out[i].d[half.value], scales.d[half.value]);
            store(out[i].m[half.value], scales.m[half.value]);
            unrolled<4>([&](auto quad) PITWALL_LAMBDA {
                store_bits(out[i].values[4 * half.value + quad.value],
                           unsigned_quad<kFormat, half.value, quad.value>(group));
            });
        });
    }
}

template <ActivationDtype kDtype, class Kind, int kTokens>
void tile_of(const IntegerTile& t) {
    F sum[kTokens];
    unrolled<kTokens>(
        [&](auto i) PITWALL_LAMBDA { sum[i.value] = t.accumulate ? load(t.c + i.value * t.ldc) : zero(); });
    const std::byte* rows = t.rows.groups;
    const UnpackedGroup* const end = t.weights + t.groups;
    for (const UnpackedGroup* group = t.weights; group != end; ++group, rows += t.rows.group_stride) {
        constexpr int kSecond = Kind::kHalves ? 1 : 0;
        const Scales scales{{load(group->d[0]), load(group->d[kSecond])},
                            {load(group->m[0]), load(group->m[kSecond])}};
        const auto quad = [&](auto half, auto q)
                              PITWALL_LAMBDA { return load_bits(group->values[4 * half.value + q.value]); };
        add_group<kDtype, Kind, kTokens>(sum, scales, quad, rows);
    }
    unrolled<kTokens>([&](auto i) PITWALL_LAMBDA {
        if (t.last) sum[i.value] = mul(sum[i.value], broadcast(t.rows.scales[i.value]));
        store(t.c + i.value * t.ldc, sum[i.value]);
    });
}

template <ActivationDtype kDtype>
constexpr bool has_higher(size_t at, int most = INT32_MAX) {
    const int of_any = kDtype == ActivationDtype::kI16 ? kMostTokensI16 : INT32_MAX;
    return at + 1 < std::size(kIntegerHeights) && kIntegerHeights[at + 1] <= std::min(most, of_any);
}

constexpr int kHighestPart = 16;  ///< of a tile whose weights lie unpacked
// A part of that many tokens takes a kernel that writes them all, and no more.
static_assert(std::end(kIntegerHeights)[-1] <= kHighestPart ||
              std::find(std::begin(kIntegerHeights), std::end(kIntegerHeights), kHighestPart) !=
                  std::end(kIntegerHeights));
static_assert(std::end(kIntegerHeights)[-1] <= static_cast<int>(kMostTileTokens));

/// The kernel of at least `tokens` tokens: c has room for them.
template <ActivationDtype kDtype, class Kind, int kAt = 0>
void part_of_height(const IntegerTile& t) {
    constexpr int kHeight = kIntegerHeights[kAt];
    if constexpr (has_higher<kDtype>(kAt, kHighestPart)) {
        if (t.rows.tokens > kHeight) return part_of_height<kDtype, Kind, kAt + 1>(t);
    }
    tile_of<kDtype, Kind, kHeight>(t);
}

/// High tiles in parts: weights are at hand for the second, and each height is one more kernel to compile.
template <ActivationDtype kDtype, class Kind>
void tile_in_parts(const IntegerTile& tile) {
    if (tile.rows.tokens <= kHighestPart) return part_of_height<kDtype, Kind>(tile);
    IntegerTile t = tile;
    constexpr size_t kToken = kDtype == ActivationDtype::kI16 ? sizeof(GroupI16) : sizeof(GroupI8);
    for (uint32_t left = t.rows.tokens; left > 0; left -= t.rows.tokens) {
        t.rows.tokens = std::min<uint32_t>(left, kHighestPart);
        part_of_height<kDtype, Kind>(t);
        t.rows.groups += t.rows.tokens * kToken;
        t.rows.scales += t.rows.tokens;
        t.c += t.rows.tokens * t.ldc;
    }
}

template <class Kind>
void tile_of_kind(const IntegerTile& t) {
    t.rows.dtype == ActivationDtype::kI16 ? tile_in_parts<ActivationDtype::kI16, Kind>(t)
                                          : tile_in_parts<ActivationDtype::kI8, Kind>(t);
}

template <ActivationDtype kDtype, PanelFormat kFormat, int kTokens>
void direct_panel(const IntegerDirect& p, const std::byte* panel, float* c) {
    F sum[kTokens];
    unrolled<kTokens>([&](auto i) PITWALL_LAMBDA { sum[i.value] = zero(); });
    const std::byte* rows = p.rows.groups;
    for (uint32_t g = 0; g < p.k / kGroupValues; ++g, rows += p.rows.group_stride) {
        const Group<kFormat> group = open_group<kFormat>(panel, g);
        fetch<layout_of(kFormat).group_bytes()>(panel + layout_of(kFormat).group_offset(g), p.fetch_ahead);
        const auto quad = [&](auto half, auto q)
                              PITWALL_LAMBDA { return unsigned_quad<kFormat, half.value, q.value>(group); };
        add_group<kDtype, KindOf<kFormat>, kTokens>(sum, scales_of(group), quad, rows);
    }
    unrolled<kTokens>([&](auto i) PITWALL_LAMBDA {
        store(c + i.value * p.ldc, mul(sum[i.value], broadcast(p.rows.scales[i.value])));
    });
}

/// The kernel of at least so many tokens, as part_of_height(). One panel after the other: several side by side, as many
/// streams from memory, are slower for want of registers.
template <ActivationDtype kDtype, PanelFormat kFormat, int kAt = 0>
bool direct_of_height(const IntegerDirect& p) {
    constexpr int kHeight = kIntegerHeights[kAt];
    if constexpr (has_higher<kDtype>(kAt)) {
        if (p.rows.tokens > kHeight) return direct_of_height<kDtype, kFormat, kAt + 1>(p);
    }
    for (uint32_t i = 0; i < p.panel_count; ++i)
        direct_panel<kDtype, kFormat, kHeight>(p, p.panels[i], p.c + i * kPanelRows);
    return true;
}

template <PanelFormat kFormat>
bool direct_integers_of_format(const IntegerDirect& p) {
    return p.rows.dtype == ActivationDtype::kI16 ? direct_of_height<ActivationDtype::kI16, kFormat>(p)
                                                 : direct_of_height<ActivationDtype::kI8, kFormat>(p);
}

void unpack(PanelFormat format, const std::byte* panel, uint32_t first, uint32_t count, UnpackedGroup* out) {
    switch (format) {
        case PanelFormat::kQ4:
            return unpack_groups<PanelFormat::kQ4>(panel, first, count, out);
        case PanelFormat::kQ4M:
            return unpack_groups<PanelFormat::kQ4M>(panel, first, count, out);
        case PanelFormat::kQ5:
            return unpack_groups<PanelFormat::kQ5>(panel, first, count, out);
        case PanelFormat::kQ5M:
            return unpack_groups<PanelFormat::kQ5M>(panel, first, count, out);
        case PanelFormat::kQ8:
            return unpack_groups<PanelFormat::kQ8>(panel, first, count, out);
        case PanelFormat::kQ4K:
            return unpack_groups<PanelFormat::kQ4K>(panel, first, count, out);
        case PanelFormat::kQ5K:
            return unpack_groups<PanelFormat::kQ5K>(panel, first, count, out);
        case PanelFormat::kQ6K:
            return unpack_groups<PanelFormat::kQ6K>(panel, first, count, out);
        case PanelFormat::kF32:
        case PanelFormat::kF16:
        case PanelFormat::kBf16:
            return;
    }
}

void integer_tile(const IntegerTile& t) {
    switch (t.format) {
        case PanelFormat::kQ4:
            return tile_of_kind<KindOf<PanelFormat::kQ4>>(t);
        case PanelFormat::kQ4M:
        case PanelFormat::kQ4K:
            return tile_of_kind<KindOf<PanelFormat::kQ4M>>(t);
        case PanelFormat::kQ5:
            return tile_of_kind<KindOf<PanelFormat::kQ5>>(t);
        case PanelFormat::kQ5M:
        case PanelFormat::kQ5K:
            return tile_of_kind<KindOf<PanelFormat::kQ5M>>(t);
        case PanelFormat::kQ6K:
            return tile_of_kind<KindOf<PanelFormat::kQ6K>>(t);
        case PanelFormat::kQ8:
            return tile_of_kind<KindOf<PanelFormat::kQ8>>(t);
        case PanelFormat::kF32:
        case PanelFormat::kF16:
        case PanelFormat::kBf16:
            return;
    }
}

bool direct_integers(const IntegerDirect& product) {
    switch (product.format) {
        case PanelFormat::kQ4:
            return direct_integers_of_format<PanelFormat::kQ4>(product);
        case PanelFormat::kQ4M:
            return direct_integers_of_format<PanelFormat::kQ4M>(product);
        case PanelFormat::kQ8:
            return direct_integers_of_format<PanelFormat::kQ8>(product);
        case PanelFormat::kQ4K:
            return direct_integers_of_format<PanelFormat::kQ4K>(product);
        default:
            return false;
    }
}

constexpr IntegerKernels integers_of_this_tier() {
    IntegerKernels kernels{{},        kMostTokensI16, kDirectTiles, kOwnTokens,     round_i8,
                           round_i16, unpack,         integer_tile, direct_integers};
    int at = 0;
    for (const int height : kIntegerHeights) kernels.heights[at++] = static_cast<uint8_t>(height);
    return kernels;
}

}  // namespace
}  // namespace pitwall::engine::cpu
