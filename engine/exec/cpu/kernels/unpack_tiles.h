// SPDX-License-Identifier: GPL-3.0-or-later
//
// Weights of a panel as tiles of bfloat16, [pair of k][16 rows][2], for tiles_amx.cpp. In an anonymous namespace, see lanes_avx512.h.
//
// A vector of a quantized panel holds two words of each of its 16 rows. So a nibble of all words, or a byte, is a row of a tile as it
// lies, which is where the order of k in a tile comes from. Scale and offset are applied in binary16, 32 weights an instruction. Weights are
// asked for into the second-level cache, which takes 0.96 of the time that the first does with 16 tokens.
#pragma once

#include "engine/exec/cpu/kernels/body_groups.h"
#include "engine/exec/cpu/kernels/kernels.h"
#include "engine/exec/cpu/kernels/lanes_bfloat.h"

namespace pitwall::engine::cpu {
namespace {

/// Which k of a group stands at a place of a tile. Places 8 * j and on are of a quantized panel's vector j: its words hold bytes 0 and 1
/// of a row's four, and 2 and 3; a byte's low nibble is a k below 16, its high one the k 16 higher (panel_format.h).
struct alignas(64) TileOrder {
    uint16_t k[kGroupValues];
};
constexpr TileOrder order_in_tile() {
    TileOrder order{};
    for (uint32_t place = 0; place < kGroupValues; ++place) {
        const uint32_t vector = place / 8, nibble = place / 2 % 4, word = place % 2;
        order.k[place] = static_cast<uint16_t>(16 * (nibble % 2) + 4 * vector + nibble / 2 + 2 * word);
    }
    return order;
}
constexpr TileOrder kTileOrder = order_in_tile();

/// std::min() would be code that the linker may share with files of other tiers.
constexpr uint32_t lesser(uint32_t a, uint32_t b) { return a < b ? a : b; }

/// Binary16, 32 of them, as bfloat16 of 2^-112 of their size, to nearest: an eighth of their bits, as a signed number, leaves their
/// exponent where it was. Less than 2^-14 counts as zero in a tile; infinity becomes the number behind the largest.
PITWALL_LANES __m512i small(__m512h halves) {
    const __m512i eighth = _mm512_set1_epi16(4096), less_its_sign_copies = _mm512_set1_epi16(-0x7001);
    return _mm512_and_si512(_mm512_mulhrs_epi16(_mm512_castph_si512(halves), eighth), less_its_sign_copies);
}

/// The same number in all 32 places, from its bits.
PITWALL_LANES __m512h halves_of(uint16_t bits) {
    return _mm512_castsi512_ph(_mm512_set1_epi16(static_cast<int16_t>(bits)));
}
constexpr uint16_t kSixtyFour = 0x5400, kMinusEight = 0xc800;

/// What a group's weights are made with, each twice, for both words of a row: a weight is d * number + m.
struct RowScales {
    __m512h d, m;
};

/// Of d of 16 rows, then m of them, in binary16.
PITWALL_LANES RowScales twice(__m512i words) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i first = _mm512_or_si512(lane, _mm512_slli_epi32(lane, 16));
    const __m512i second = _mm512_add_epi16(first, _mm512_set1_epi16(16));
    return {_mm512_castsi512_ph(_mm512_permutexvar_epi16(first, words)),
            _mm512_castsi512_ph(_mm512_permutexvar_epi16(second, words))};
}

/// Scales are raised, so that fewer weights are too small for small().
PITWALL_LANES RowScales raised(__m512i words) {
    const __m512h product = _mm512_mul_ph(_mm512_castsi512_ph(words), halves_of(kSixtyFour));
    return twice(_mm512_castph_si512(product));
}
PITWALL_LANES __m256i raised(F scales) {
    return _mm512_cvtps_ph(mul(scales, broadcast(64)).v, _MM_FROUND_TO_NEAREST_INT);
}

template <PanelFormat kFormat>
PITWALL_LANES RowScales scales_of(const std::byte* panel, uint32_t index) {
    constexpr PanelLayout kLayout = layout_of(kFormat);
    const std::byte* group = panel + kLayout.group_offset(index);
    if constexpr (kLayout.scales == ScaleScheme::kScaleMin) return raised(_mm512_loadu_si512(group));
    if constexpr (kLayout.scales == ScaleScheme::kScale) {
        const auto* d = reinterpret_cast<const __m256i*>(group);
        RowScales scales = raised(_mm512_castsi256_si512(_mm256_loadu_si256(d)));
        static_assert(kLayout.offset == 8 || kLayout.low_bits == 8, "bytes have no offset");
        scales.m = _mm512_mul_ph(scales.d, halves_of(kMinusEight));
        return scales;
    }
    if constexpr (kLayout.scales == ScaleScheme::kSuper) {
        const Group<kFormat> open = open_group<kFormat>(panel, index);
        return twice(_mm512_inserti64x4(_mm512_castsi256_si512(raised(open.d)), raised(open.m), 1));
    }
}

/// Of a format with 4-bit weights.
template <PanelFormat kFormat>
class NibbleTiles {
  public:
    NibbleTiles(const std::byte* panel, uint32_t fetch_ahead) : panel_(panel), fetch_ahead_(fetch_ahead) {}
    [[gnu::always_inline]] void unpack(uint32_t group, std::byte* tile) {
        static_assert(kLayout.low_bits == 4 && kLayout.high_bits == 0);
        const std::byte* const begin = panel_ + kLayout.group_offset(group);
        const std::byte* const values = begin + kLayout.scale_bytes;
        fetch<kLayout.group_bytes(), kSecondLevel>(begin, fetch_ahead_);
        const RowScales scales = scales_of<kFormat>(panel_, group);
        unrolled<4>([&](auto j) PITWALL_LAMBDA {
            const __m512i words = load_bits(values + 64 * j.value).v;
            std::byte* const rows = tile + 256 * j.value;
            give(words, scales, rows);
            give(_mm512_srli_epi16(words, 4), scales, rows + 64);
            give(_mm512_srli_epi16(words, 8), scales, rows + 128);
            give(_mm512_srli_epi16(words, 12), scales, rows + 192);
        });
    }

  private:
    static constexpr PanelLayout kLayout = layout_of(kFormat);
    PITWALL_LANES void give(__m512i nibbles, const RowScales& scales, std::byte* row) {
        const __m512i numbers = _mm512_and_si512(nibbles, _mm512_set1_epi16(15));
        const __m512h weights = _mm512_fmadd_ph(_mm512_cvtepu16_ph(numbers), scales.d, scales.m);
        _mm512_store_si512(row, small(weights));
    }
    const std::byte* panel_;
    uint32_t fetch_ahead_;
};

/// Of 8-bit weights.
class ByteTiles {
  public:
    ByteTiles(const std::byte* panel, uint32_t fetch_ahead) : panel_(panel), fetch_ahead_(fetch_ahead) {}
    [[gnu::always_inline]] void unpack(uint32_t group, std::byte* tile) {
        const std::byte* const begin = panel_ + kLayout.group_offset(group);
        const std::byte* const values = begin + kLayout.scale_bytes;
        fetch<kLayout.group_bytes(), kSecondLevel>(begin, fetch_ahead_);
        const __m512h d = scales_of<PanelFormat::kQ8>(panel_, group).d;
        unrolled<4>([&](auto j) PITWALL_LAMBDA {
            const std::byte* const below = values + 64 * j.value;
            const __m512i first = load_bits(below).v, second = load_bits(below + 256).v;
            std::byte* const rows = tile + 256 * j.value;
            give(_mm512_slli_epi16(first, 8), d, rows);
            give(_mm512_slli_epi16(second, 8), d, rows + 64);
            give(first, d, rows + 128);
            give(second, d, rows + 192);
        });
    }

  private:
    static constexpr PanelLayout kLayout = layout_of(PanelFormat::kQ8);
    /// Of the upper bytes of words.
    PITWALL_LANES void give(__m512i words, __m512h d, std::byte* row) {
        const __m512h numbers = _mm512_cvtepi16_ph(_mm512_srai_epi16(words, 8));
        _mm512_store_si512(row, small(_mm512_mul_ph(numbers, d)));
    }
    const std::byte* panel_;
    uint32_t fetch_ahead_;
};

/// A tile of what pair(Index<first k>, Index<second k>) gives of 16 rows.
template <class Pair>
PITWALL_LANES void tile_of_pairs(const Pair& pair, std::byte* tile) {
    unrolled<kTilePairs>([&](auto i) PITWALL_LAMBDA {
        _mm512_store_si512(tile + 64 * i.value,
                           pair(Index<kTileOrder.k[2 * i.value]>{}, Index<kTileOrder.k[2 * i.value + 1]>{}));
    });
}

/// Whole groups of a float panel.
template <PanelFormat kFormat>
class FloatTiles {
  public:
    FloatTiles(const std::byte* panel, uint32_t fetch_ahead) : panel_(panel), fetch_ahead_(fetch_ahead) {}
    [[gnu::always_inline]] void unpack(uint32_t group, std::byte* tile) {
        const std::byte* first = panel_ + group * kGroupBytes;
        fetch<kGroupBytes, kSecondLevel>(first, fetch_ahead_);
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
