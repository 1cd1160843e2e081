// SPDX-License-Identifier: GPL-3.0-or-later
//
// Weights of a panel as tiles of bfloat16, [16 rows][32 k], for tiles_amx.cpp. In an anonymous namespace, see lanes_avx512.h.
//
// A row of 4-bit weights takes 16 values in a group: they make a table, and one permutation looks up 32 weights in it. Its
// index are the nibbles as they lie in memory, four in a word, which is where the order of k in a tile comes from.
#pragma once

#include "engine/exec/cpu/kernels/body_groups.h"
#include "engine/exec/cpu/kernels/kernels.h"
#include "engine/exec/cpu/kernels/lanes_bfloat.h"

namespace pitwall::engine::cpu {
namespace {

/// Which k of a group stands at a place of a tile's row. A row's 16 bytes are 8 words; places 8 * s and on hold nibble s of
/// each; a byte's low nibble is a k below 16, its high one the k 16 higher (panel_format.h).
struct alignas(64) TileOrder {
    uint16_t k[kGroupValues];
};
constexpr TileOrder order_in_tile() {
    TileOrder order{};
    for (uint32_t place = 0; place < kGroupValues; ++place) {
        const uint32_t nibble = place / 8, word = place % 8;
        order.k[place] = static_cast<uint16_t>(16 * (nibble % 2) + 2 * word + nibble / 2);
    }
    return order;
}
constexpr TileOrder kTileOrder = order_in_tile();

/// std::min() would be code that the linker may share with files of other tiers.
constexpr uint32_t lesser(uint32_t a, uint32_t b) { return a < b ? a : b; }

/// 16 by 16 words of 32 bits, rows for columns.
PITWALL_LANES void transpose(__m512i* v) {
    __m512i two[16], four[16];
    unrolled<8>([&](auto i) PITWALL_LAMBDA {
        two[2 * i.value] = _mm512_unpacklo_epi32(v[2 * i.value], v[2 * i.value + 1]);
        two[2 * i.value + 1] = _mm512_unpackhi_epi32(v[2 * i.value], v[2 * i.value + 1]);
    });
    unrolled<4>([&](auto i) PITWALL_LAMBDA {
        constexpr int kFirst = 4 * i.value;
        four[kFirst] = _mm512_unpacklo_epi64(two[kFirst], two[kFirst + 2]);
        four[kFirst + 1] = _mm512_unpackhi_epi64(two[kFirst], two[kFirst + 2]);
        four[kFirst + 2] = _mm512_unpacklo_epi64(two[kFirst + 1], two[kFirst + 3]);
        four[kFirst + 3] = _mm512_unpackhi_epi64(two[kFirst + 1], two[kFirst + 3]);
    });
    unrolled<4>([&](auto i) PITWALL_LAMBDA {
        constexpr int kAt = i.value;
        const __m512i even0 = _mm512_shuffle_i32x4(four[kAt], four[kAt + 4], 0x88),
                      odd0 = _mm512_shuffle_i32x4(four[kAt], four[kAt + 4], 0xdd),
                      even1 = _mm512_shuffle_i32x4(four[kAt + 8], four[kAt + 12], 0x88),
                      odd1 = _mm512_shuffle_i32x4(four[kAt + 8], four[kAt + 12], 0xdd);
        v[kAt] = _mm512_shuffle_i32x4(even0, even1, 0x88);
        v[kAt + 4] = _mm512_shuffle_i32x4(odd0, odd1, 0x88);
        v[kAt + 8] = _mm512_shuffle_i32x4(even0, even1, 0xdd);
        v[kAt + 12] = _mm512_shuffle_i32x4(odd0, odd1, 0xdd);
    });
}

/// Four vectors of [16 rows][4 bytes] become 16 bytes a row: those of row r at out[r % 4][r / 4].
PITWALL_LANES void gather_rows(const std::byte* quads, std::byte (*out)[4][16]) {
    const __m512i a = load_bits(quads).v, b = load_bits(quads + 64).v, c = load_bits(quads + 128).v,
                  d = load_bits(quads + 192).v;
    const __m512i low0 = _mm512_unpacklo_epi32(a, b), high0 = _mm512_unpackhi_epi32(a, b),
                  low1 = _mm512_unpacklo_epi32(c, d), high1 = _mm512_unpackhi_epi32(c, d);
    _mm512_store_si512(out[0], _mm512_unpacklo_epi64(low0, low1));
    _mm512_store_si512(out[1], _mm512_unpackhi_epi64(low0, low1));
    _mm512_store_si512(out[2], _mm512_unpacklo_epi64(high0, high1));
    _mm512_store_si512(out[3], _mm512_unpackhi_epi64(high0, high1));
}

/// A group of 4-bit weights on the way: a weight is d * nibble + m.
template <PanelFormat kFormat>
struct alignas(64) NibbleRows {
    float d[kPanelRows], m[kPanelRows];
    std::byte rows[4][4][16];

    PITWALL_LANES void gather(const std::byte* panel, uint32_t index, NibbleRows& out) {
        constexpr PanelLayout kLayout = layout_of(kFormat);
        static_assert(kLayout.low_bits == 4 && kLayout.high_bits == 0);
        const Group<kFormat> group = open_group<kFormat>(panel, index);
        store(out.d, group.d);
        if constexpr (kLayout.scales == ScaleScheme::kScale)
            store(out.m, mul(group.d, broadcast(static_cast<float>(-kLayout.offset))));
        else
            store(out.m, group.m);
        gather_rows(group.low, out.rows);
    }

    /// Two rows share a table of 32 words: the second's index has bit 4 set.
    PITWALL_LANES void spread(const NibbleRows& group, std::byte* tile) {
        const __m512i low_bits = _mm512_set1_epi16(15), second = _mm512_set1_epi16(16);
        constexpr int kBothOfFirstOrThird = 0xea;  // (a & b) | c
        unrolled<kPanelRows / 2>([&](auto pair) PITWALL_LAMBDA {
            constexpr int kRow = 2 * pair.value;
            const __m512i table = rounded(values<kRow>(group), values<kRow + 1>(group)).v;
            const __m512i first = _mm512_and_si512(index<kRow>(group), low_bits);
            const __m512i other =
                _mm512_ternarylogic_epi32(index<kRow + 1>(group), low_bits, second, kBothOfFirstOrThird);
            _mm512_store_si512(tile + 64 * kRow, _mm512_permutexvar_epi16(first, table));
            _mm512_store_si512(tile + 64 * (kRow + 1), _mm512_permutexvar_epi16(other, table));
        });
    }

  private:
    /// A row's nibbles, each in the low four bits of a word, with others above them.
    template <int kRow>
    PITWALL_LANES __m512i index(const NibbleRows& group) {
        const auto* row = reinterpret_cast<const __m128i*>(group.rows[kRow % 4][kRow / 4]);
        const __m256i low = _mm256_set_m128i(_mm_set1_epi16(4), _mm_setzero_si128()),
                      high = _mm256_set_m128i(_mm_set1_epi16(12), _mm_set1_epi16(8));
        const __m512i shifts = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
        return _mm512_srlv_epi16(_mm512_broadcast_i32x4(_mm_load_si128(row)), shifts);
    }
    /// What the 16 nibbles of a row stand for.
    template <int kRow>
    PITWALL_LANES F values(const NibbleRows& group) {
        const F nibbles{_mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)};
        return fma(broadcast(group.d[kRow]), nibbles, broadcast(group.m[kRow]));
    }
};

/// A group of 8-bit weights on the way: a weight is d * byte. A word has a k of the first half of a tile's row in its lower
/// byte, and the k behind it, of the second half, in its upper one.
struct alignas(64) ByteRows {
    float of_lower[kPanelRows], of_upper[kPanelRows];  ///< d for bytes that stand 24 and 8 bits high
    std::byte rows[2][4][4][16];                       ///< k below 16; and from there on

    PITWALL_LANES void gather(const std::byte* panel, uint32_t index, ByteRows& out) {
        const auto group = open_group<PanelFormat::kQ8>(panel, index);
        store(out.of_lower, mul(group.d, broadcast(0x1p-24f)));
        store(out.of_upper, mul(group.d, broadcast(0x1p-8f)));
        gather_rows(group.low, out.rows[0]);
        gather_rows(group.low + 256, out.rows[1]);
    }

    PITWALL_LANES void spread(const ByteRows& group, std::byte* tile) {
        unrolled<kPanelRows>([&](auto row) PITWALL_LAMBDA {
            const auto* low = reinterpret_cast<const __m128i*>(group.rows[0][row.value % 4][row.value / 4]);
            const auto* high = reinterpret_cast<const __m128i*>(group.rows[1][row.value % 4][row.value / 4]);
            const __m512i words = _mm512_cvtepi16_epi32(_mm256_loadu2_m128i(high, low));
            const F lower = to_float(shift_left<24>(I{words})),
                    upper = to_float(both(I{words}, broadcast_bits(~0xff)));
            _mm512_store_si512(tile + 64 * row.value,
                               rounded(mul(lower, broadcast(group.of_lower[row.value])),
                                       mul(upper, broadcast(group.of_upper[row.value])))
                                   .v);
        });
    }
};

/// Groups [first, end) of a panel in ascending order. Rows are gathered some groups before they are spread: to read at once what was
/// just stored takes longer.
template <PanelFormat kFormat, class Rows>
class GatheredTiles {
  public:
    GatheredTiles(const std::byte* panel, uint32_t first, uint32_t end, uint32_t fetch_ahead)
        : panel_(panel), end_(end), fetch_ahead_(fetch_ahead) {
        for (uint32_t group = first; group < first + kLead; ++group) gather(group);
    }
    [[gnu::always_inline]] void unpack(uint32_t group, std::byte* tile) {
        gather(group + kLead);
        Rows::spread(ring_[group % kRing], tile);
    }

  private:
    static constexpr uint32_t kLead = 2, kRing = 4;
    [[gnu::always_inline]] void gather(uint32_t group) {
        constexpr PanelLayout kLayout = layout_of(kFormat);
        fetch<kLayout.group_bytes()>(panel_ + kLayout.group_offset(group), fetch_ahead_);
        if (group < end_) Rows::gather(panel_, group, ring_[group % kRing]);
    }
    const std::byte* panel_;
    uint32_t end_, fetch_ahead_;
    Rows ring_[kRing];
};

/// A tile of the pairs [in the tile's order][16 rows] that pair(Index<first k>, Index<second k>) gives.
template <class Pair>
PITWALL_LANES void tile_of_pairs(const Pair& pair, std::byte* tile) {
    __m512i pairs[kTilePairs];
    unrolled<kTilePairs>([&](auto i) PITWALL_LAMBDA {
        pairs[i.value] = pair(Index<kTileOrder.k[2 * i.value]>{}, Index<kTileOrder.k[2 * i.value + 1]>{});
    });
    transpose(pairs);
    unrolled<kPanelRows>([&](auto row)
                             PITWALL_LAMBDA { _mm512_store_si512(tile + 64 * row.value, pairs[row.value]); });
}

/// Whole groups of a float panel.
template <PanelFormat kFormat>
class FloatTiles {
  public:
    FloatTiles(const std::byte* panel, uint32_t fetch_ahead) : panel_(panel), fetch_ahead_(fetch_ahead) {}
    [[gnu::always_inline]] void unpack(uint32_t group, std::byte* tile) {
        const std::byte* first = panel_ + group * kGroupBytes;
        fetch<kGroupBytes>(first, fetch_ahead_);
        tile_of_pairs([&](auto a, auto b) PITWALL_LAMBDA { return pair<a.value, b.value>(first); }, tile);
    }

  private:
    static constexpr size_t kPairBytes = layout_of(kFormat).float_pair_bytes(),
                            kGroupBytes = kTilePairs * kPairBytes;
    template <int kA, int kB>
    PITWALL_LANES __m512i pair(const std::byte* group) {
        if constexpr (kFormat == PanelFormat::kF32)
            return halves_in_turns(rounded(of_k<kA>(group), of_k<kB>(group))).v;
        if constexpr (kFormat == PanelFormat::kF16)
            return halves_in_turns(rounded(load_half(group + kA * kPairBytes / 2),
                                           load_half(group + kB * kPairBytes / 2)))
                .v;
        if constexpr (kFormat == PanelFormat::kBf16) {
            // [two k][16 rows][2]: both are lower words, or both upper.
            const __m512i a = load_bits(group + kA / 2 * kPairBytes).v,
                          b = load_bits(group + kB / 2 * kPairBytes).v;
            constexpr __mmask32 kUpperWords = 0xaaaaaaaa;
            static_assert(kA % 2 == kB % 2);
            if constexpr (kA % 2 == 0)
                return _mm512_mask_blend_epi16(kUpperWords, a, _mm512_slli_epi32(b, 16));
            return _mm512_mask_blend_epi16(kUpperWords, _mm512_srli_epi32(a, 16), b);
        }
    }
    template <int kK>
    PITWALL_LANES F of_k(const std::byte* group) {
        return as_float(load_bits(group + kK * kPairBytes / 2));
    }
    const std::byte* panel_;
    uint32_t fetch_ahead_;
};

/// Of all other formats, and of groups that are not whole: through float32, as their own kernels unpack them.
class WideTiles {
  public:
    WideTiles(const std::byte* panel, PanelFormat format, uint32_t k)
        : panel_(panel), format_(format), k_(k) {}
    void unpack(uint32_t group, std::byte* tile) {
        const uint32_t first = group * kGroupValues, count = lesser(kGroupValues, k_ - first);
        avx512_kernels().floats.unpack(format_, panel_, first, count, values_[0], kPanelRows);
        for (uint32_t i = count; i < kGroupValues; ++i) store(values_[i], zero());
        tile_of_pairs(
            [&](auto a, auto b) PITWALL_LAMBDA {
                return halves_in_turns(rounded(load(values_[a.value]), load(values_[b.value]))).v;
            },
            tile);
    }

  private:
    const std::byte* panel_;
    PanelFormat format_;
    uint32_t k_;
    alignas(64) float values_[kGroupValues][kPanelRows];
};

}  // namespace
}  // namespace pitwall::engine::cpu
