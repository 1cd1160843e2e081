// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/kernels/lanes_avx512.h"
//
#include "engine/exec/cpu/kernels/body_swiglu.h"
#include "engine/exec/cpu/kernels/tile_config.h"
#include "engine/exec/cpu/kernels/tile_kernels.h"
#include "engine/exec/cpu/kernels/unpack_tiles.h"

namespace pitwall::engine::cpu {
namespace {

// Tiles 0 to 3 hold sums, 4 and 5 weights of a panel each, 6 and 7 activations of a tile of tokens each. The compiler wants
// their numbers to be literals.

/// Weights [panel][group] and activations [token][group] of some groups; `next` bytes are from one panel, or row, to the next.
struct TileOperands {
    const std::byte *weights, *x;
    size_t next_weights, next_row;
    uint32_t groups;
};

/// Sums of up to two panels, [token][ldc].
struct TileSums {
    float *first, *second;
    size_t ldc;
    bool begin;  ///< at zero
    TileSums from_token(uint32_t token) const {
        return {first + token * ldc, second + token * ldc, ldc, begin};
    }
};

/// Adds up to two panels by up to two tiles of tokens. Activations pass by once: they are read so that they do not drive weights out of
/// the first-level cache.
template <int kPanels, int kTiles>
void multiply_block(TileOperands o, const TileSums& sums) {
    const size_t stride = sums.ldc * sizeof(float);
    const TileSums below = sums.from_token(kTileTokens);
    if (sums.begin) {
        _tile_zero(0);
        if constexpr (kPanels == 2) _tile_zero(1);
        if constexpr (kTiles == 2) _tile_zero(2);
        if constexpr (kPanels == 2 && kTiles == 2) _tile_zero(3);
    } else {
        _tile_loadd(0, sums.first, stride);
        if constexpr (kPanels == 2) _tile_loadd(1, sums.second, stride);
        if constexpr (kTiles == 2) _tile_loadd(2, below.first, stride);
        if constexpr (kPanels == 2 && kTiles == 2) _tile_loadd(3, below.second, stride);
    }
    const std::byte* second_x = o.x + kTileTokens * o.next_row;
    for (uint32_t group = 0; group < o.groups; ++group, o.weights += kTileBytes) {
        _tile_loadd(4, o.weights, 64);
        _tile_stream_loadd(6, o.x + group * kTileRowBytes, o.next_row);
        _tile_dpbf16ps(0, 6, 4);
        if constexpr (kTiles == 2) {
            _tile_stream_loadd(7, second_x + group * kTileRowBytes, o.next_row);
            _tile_dpbf16ps(2, 7, 4);
        }
        if constexpr (kPanels == 2) {
            _tile_loadd(5, o.weights + o.next_weights, 64);
            _tile_dpbf16ps(1, 6, 5);
            if constexpr (kTiles == 2) _tile_dpbf16ps(3, 7, 5);
        }
    }
    _tile_stored(0, sums.first, stride);
    if constexpr (kPanels == 2) _tile_stored(1, sums.second, stride);
    if constexpr (kTiles == 2) _tile_stored(2, below.first, stride);
    if constexpr (kPanels == 2 && kTiles == 2) _tile_stored(3, below.second, stride);
}

template <class Tiles, class Use>
void with(const TiledProduct& p, const TilePanel& panel, const Use& use) {
    Tiles tiles(panel.data, p.fetch_ahead);
    use(tiles);
}

/// Calls use(tiles) with what unpacks that panel's groups.
template <class Use>
void with_tiles_of(const TiledProduct& p, const TilePanel& panel, const Use& use) {
    using enum PanelFormat;
    if (panel.format == kQ4) return with<NibbleTiles<kQ4>>(p, panel, use);
    if (panel.format == kQ4M) return with<NibbleTiles<kQ4M>>(p, panel, use);
    if (panel.format == kQ4K) return with<NibbleTiles<kQ4K>>(p, panel, use);
    if (panel.format == kQ8) return with<ByteTiles>(p, panel, use);
    if (p.k % kGroupValues == 0) {
        if (panel.format == kF32) return with<FloatTiles<kF32>>(p, panel, use);
        if (panel.format == kF16) return with<FloatTiles<kF16>>(p, panel, use);
        if (panel.format == kBf16) return with<FloatTiles<kBf16>>(p, panel, use);
    }
    WideTiles tiles(panel.data, panel.format, p.k);
    use(tiles);
}

template <int kTile>
[[gnu::always_inline]] inline void load_tile(const void* from, size_t stride) {
    if constexpr (kTile == 0) _tile_loadd(0, from, stride);
    if constexpr (kTile == 1) _tile_loadd(1, from, stride);
    if constexpr (kTile == 2) _tile_loadd(2, from, stride);
    if constexpr (kTile == 3) _tile_loadd(3, from, stride);
    if constexpr (kTile == 6) _tile_loadd(6, from, stride);
    if constexpr (kTile == 7) _tile_loadd(7, from, stride);
}
template <int kTile>
[[gnu::always_inline]] inline void store_tile(void* to, size_t stride) {
    if constexpr (kTile == 0) _tile_stored(0, to, stride);
    if constexpr (kTile == 1) _tile_stored(1, to, stride);
    if constexpr (kTile == 2) _tile_stored(2, to, stride);
    if constexpr (kTile == 3) _tile_stored(3, to, stride);
}
/// Adds activations of 16 tokens, in tile 6 or 7 by turns, times the weights in tile 4.
template <int kTile>
[[gnu::always_inline]] inline void multiply_tile(const std::byte* x, size_t stride) {
    load_tile<6 + kTile % 2>(x, stride);
    if constexpr (kTile == 0) _tile_dpbf16ps(0, 6, 4);
    if constexpr (kTile == 1) _tile_dpbf16ps(1, 7, 4);
    if constexpr (kTile == 2) _tile_dpbf16ps(2, 6, 4);
    if constexpr (kTile == 3) _tile_dpbf16ps(3, 7, 4);
}

/// Few tiles of tokens: each group of weights is multiplied soon after it was unpacked, and not kept.
template <int kTiles>
void multiply_panel(const TiledProduct& p, const TilePanel& panel) {
    constexpr uint32_t kLag = 2, kRing = 8;
    const size_t stride = p.ldc * sizeof(float), tile_sums = kTileTokens * p.ldc;
    const uint32_t groups = tile_groups(p.k);
    const size_t row_bytes = p.ldx * sizeof(BfloatPair);
    const auto* x = reinterpret_cast<const std::byte*>(p.x);
    alignas(64) static constexpr float kZeros[kPanelRows] = {};
    const float* const begin = p.add ? panel.c : kZeros;
    unrolled<kTiles>([&](auto tile) PITWALL_LAMBDA {
        load_tile<tile.value>(begin + (p.add ? tile.value * tile_sums : 0), p.add ? stride : 0);
    });
    with_tiles_of(p, panel, [&](auto& tiles) PITWALL_LAMBDA {
        for (uint32_t group = 0; group < groups + kLag; ++group) {
            if (group < groups) tiles.unpack(group, p.scratch + group % kRing * kTileBytes);
            finish_writing();
            if (group < kLag) continue;
            const uint32_t ready = group - kLag;
            _tile_loadd(4, p.scratch + ready % kRing * kTileBytes, 64);
            unrolled<kTiles>([&](auto tile) PITWALL_LAMBDA {
                multiply_tile<tile.value>(x + ready * kTileRowBytes + tile.value * kTileTokens * row_bytes,
                                          row_bytes);
            });
        }
    });
    unrolled<kTiles>(
        [&](auto tile) PITWALL_LAMBDA { store_tile<tile.value>(panel.c + tile.value * tile_sums, stride); });
}

template <int kTiles>
void multiply_panels_by_few(const TiledProduct& p) {
    for (uint32_t i = 0; i < p.panel_count; ++i) multiply_panel<kTiles>(p, p.panels[i]);
}

void unpack_panel(const TiledProduct& p, const TilePanel& panel, uint32_t first, uint32_t end,
                  std::byte* out) {
    with_tiles_of(p, panel, [&](auto& tiles) PITWALL_LAMBDA {
        for (uint32_t group = first; group < end; ++group, out += kTileBytes) tiles.unpack(group, out);
    });
}

/// One or two panels: groups [first, end) are unpacked once for all tokens.
template <int kPanels>
void multiply_depth(const TiledProduct& p, const TilePanel* panels, uint32_t first, uint32_t end) {
    const size_t next_weights = (end - first) * kTileBytes;
    for (uint32_t i = 0; i < kPanels; ++i)
        unpack_panel(p, panels[i], first, end, p.scratch + i * next_weights);
    finish_writing();
    const size_t row_bytes = p.ldx * sizeof(BfloatPair);
    const std::byte* x = reinterpret_cast<const std::byte*>(p.x) + first * kTileRowBytes;
    const TileSums all{panels[0].c, panels[kPanels - 1].c, p.ldc, first == 0 && !p.add};
    for (uint32_t token = 0; token < p.tokens; token += 2 * kTileTokens) {
        const TileOperands operands{p.scratch, x + token * row_bytes, next_weights, row_bytes, end - first};
        if (p.tokens - token > kTileTokens)
            multiply_block<kPanels, 2>(operands, all.from_token(token));
        else
            multiply_block<kPanels, 1>(operands, all.from_token(token));
    }
}

template <int kPanels>
void multiply_panels(const TiledProduct& p, const TilePanel* panels) {
    const uint32_t groups = tile_groups(p.k), depths = (groups + kTileDepthGroups - 1) / kTileDepthGroups;
    for (uint32_t i = 0; i < depths; ++i)
        multiply_depth<kPanels>(p, panels, groups * i / depths, groups * (i + 1) / depths);
}

void multiply_panels_by_many(const TiledProduct& p) {
    for (uint32_t i = 0; i < p.panel_count;) {
        if (i + 1 < p.panel_count)
            multiply_panels<2>(p, p.panels + i), i += 2;
        else
            multiply_panels<1>(p, p.panels + i++);
    }
}

/// Sums of a panel become those of what was to be multiplied, where its weights or activations stand for other numbers.
void rescale(const TiledProduct& p, const TilePanel& panel) {
    const int exponent = p.x_exponent + (has_small_weights(panel.format) ? kSmallWeights : 0);
    if (exponent == 0) return;
    const F factor = as_float(broadcast_bits((127 - exponent) << 23));
    for (uint32_t token = 0; token < p.tokens; ++token)
        store(panel.c + token * p.ldc, mul(load(panel.c + token * p.ldc), factor));
}

struct Configs {
    TileConfig of_tokens[kTileTokens + 1];
};
/// Of few tokens no more rows are read and written than there are.
constexpr Configs all_configs() {
    Configs configs{};
    for (uint32_t tokens = 1; tokens <= kTileTokens; ++tokens)
        for (const int tile : {0, 6}) configs.of_tokens[tokens].rows[tile] = static_cast<uint8_t>(tokens);
    return configs;
}

void multiply(const TiledProduct& p) {
    static constexpr Configs kConfigs = all_configs();
    take_tiles(kConfigs.of_tokens[lesser(p.tokens, kTileTokens)]);
    switch ((p.tokens + kTileTokens - 1) / kTileTokens) {
        case 1:
            multiply_panels_by_few<1>(p);
            break;
        case 2:
            multiply_panels_by_few<2>(p);
            break;
        case 3:
            multiply_panels_by_few<3>(p);
            break;
        case 4:
            multiply_panels_by_few<4>(p);
            break;
        default:
            multiply_panels_by_many(p);
    }
    _tile_release();
    finish_writing();
    for (uint32_t i = 0; i < p.panel_count; ++i) rescale(p, p.panels[i]);
}

/// No infinity comes of a number; what is none stays none.
PITWALL_LANES F raised_activations(F x, F factor) {
    const __m512 largest = as_float(broadcast_bits(0x7f7f0000)).v;
    const __m512 least = as_float(broadcast_bits(static_cast<int32_t>(0xff7f0000))).v;
    return {_mm512_max_ps(least, _mm512_min_ps(largest, mul(x, factor).v))};
}

void round(const TiledRow& r) {
    const __m512i order = _mm512_load_si512(kTileOrder.k);
    const F factor = as_float(broadcast_bits((127 + r.exponent) << 23));
    BfloatPair* out = r.pairs;
    for (uint32_t at = 0; at < r.k; at += kGroupValues, out += kTilePairs) {
        const ThirtyTwo some = load_up_to_32(r.x + at, r.k - at);
        const I words = rounded(raised_activations(some.low, factor), raised_activations(some.high, factor));
        _mm512_store_si512(out, _mm512_permutexvar_epi16(order, words.v));
    }
}

/// Of a group's 32 places those below 16 in k are every other pair, those above the rest.
void round_swiglu(const TiledSwiglu& s) {
    const __m512i order = _mm512_load_si512(kTileOrder.k);
    const F factor = as_float(broadcast_bits((127 + s.exponent) << 23));
    const auto own = static_cast<__mmask16>(s.k / 16 % 2 == 0 ? 0x5555 : 0xaaaa);
    BfloatPair* pairs = s.pairs + s.k / kGroupValues * kTilePairs;
    for (uint32_t token = 0; token < s.tokens; ++token, pairs += s.ldp) {
        const float* sums = s.sums + token * s.ld;
        const F x = raised_activations(swiglu_of(load(sums), load(sums + kPanelRows)), factor);
        _mm512_mask_storeu_epi32(pairs, own, _mm512_permutexvar_epi16(order, rounded(x, x).v));
    }
}

}  // namespace

const BfloatTileKernels& amx_tiles() {
    static constexpr BfloatTileKernels kKernels{round, round_swiglu, multiply, amx_attend};
    return kKernels;
}

}  // namespace pitwall::engine::cpu
