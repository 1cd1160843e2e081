// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/kernels/lanes_avx512.h"
//
#include "engine/exec/cpu/kernels/tile_config.h"
#include "engine/exec/cpu/kernels/tile_kernels.h"
#include "engine/exec/cpu/kernels/unpack_tiles.h"

namespace pitwall::engine::cpu {
namespace {

// Tiles 0 to 3 hold sums, 4 and 5 weights of a panel each, 6 and 7 activations of a tile of tokens each. The compiler wants
// their numbers to be literals.

/// Weights [panel][group] and activations of some groups; `next` bytes are from one panel, or tile, to the other.
struct TileOperands {
    const std::byte *weights, *x;
    size_t next_weights, next_x;
    uint32_t groups;
};

/// Adds up to two panels by up to two tiles of tokens to sums [tile][panel][16 rows][16 tokens]; the first time those begin at
/// zero. Activations pass by once: they are read so that they do not drive weights out of the first-level cache.
template <int kPanels, int kTiles>
void multiply_block(TileOperands o, bool begin, std::byte* sums) {
    if (begin) {
        _tile_zero(0);
        if constexpr (kPanels == 2) _tile_zero(1);
        if constexpr (kTiles == 2) _tile_zero(2);
        if constexpr (kPanels == 2 && kTiles == 2) _tile_zero(3);
    } else {
        _tile_loadd(0, sums, 64);
        if constexpr (kPanels == 2) _tile_loadd(1, sums + kTileBytes, 64);
        if constexpr (kTiles == 2) _tile_loadd(2, sums + kPanels * kTileBytes, 64);
        if constexpr (kPanels == 2 && kTiles == 2) _tile_loadd(3, sums + 3 * kTileBytes, 64);
    }
    for (uint32_t group = 0; group < o.groups; ++group, o.weights += kTileBytes, o.x += kTileBytes) {
        _tile_loadd(4, o.weights, 64);
        _tile_stream_loadd(6, o.x, 64);
        _tile_dpbf16ps(0, 4, 6);
        if constexpr (kTiles == 2) {
            _tile_stream_loadd(7, o.x + o.next_x, 64);
            _tile_dpbf16ps(2, 4, 7);
        }
        if constexpr (kPanels == 2) {
            _tile_loadd(5, o.weights + o.next_weights, 64);
            _tile_dpbf16ps(1, 5, 6);
            if constexpr (kTiles == 2) _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_stored(0, sums, 64);
    if constexpr (kPanels == 2) _tile_stored(1, sums + kTileBytes, 64);
    if constexpr (kTiles == 2) _tile_stored(2, sums + kPanels * kTileBytes, 64);
    if constexpr (kPanels == 2 && kTiles == 2) _tile_stored(3, sums + 3 * kTileBytes, 64);
}

/// c[token][row] = sums[row][token].
void give(const std::byte* sums, uint32_t tokens, float* c, size_t ldc) {
    __m512i rows[kPanelRows];
    if (tokens <= 2) {
        const __m512i row =
            _mm512_slli_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), 4);
        for (uint32_t token = 0; token < tokens; ++token)
            _mm512_storeu_si512(c + token * ldc, _mm512_i32gather_epi32(row, sums + 4 * token, 4));
        return;
    }
    unrolled<kPanelRows>([&](auto i)
                             PITWALL_LAMBDA { rows[i.value] = _mm512_load_si512(sums + 64 * i.value); });
    transpose(rows);
    unrolled<kTileTokens>([&](auto token) PITWALL_LAMBDA {
        if (static_cast<uint32_t>(token.value) < tokens)
            _mm512_storeu_si512(c + token.value * ldc, rows[token.value]);
    });
}

template <PanelFormat kFormat, class Rows, class Use>
void with_gathered(const TiledProduct& p, const TilePanel& panel, uint32_t first, uint32_t end,
                   const Use& use) {
    GatheredTiles<kFormat, Rows> tiles(panel.data, first, end, p.fetch_ahead);
    use(tiles);
}

template <PanelFormat kFormat, class Use>
void with_floats(const TiledProduct& p, const TilePanel& panel, const Use& use) {
    FloatTiles<kFormat> tiles(panel.data, p.fetch_ahead);
    use(tiles);
}

/// Calls use(tiles) with what unpacks groups [first, end) of that panel.
template <class Use>
void with_tiles_of(const TiledProduct& p, const TilePanel& panel, uint32_t first, uint32_t end,
                   const Use& use) {
    using enum PanelFormat;
    if (panel.format == kQ4) return with_gathered<kQ4, NibbleRows<kQ4>>(p, panel, first, end, use);
    if (panel.format == kQ4M) return with_gathered<kQ4M, NibbleRows<kQ4M>>(p, panel, first, end, use);
    if (panel.format == kQ4K) return with_gathered<kQ4K, NibbleRows<kQ4K>>(p, panel, first, end, use);
    if (panel.format == kQ8) return with_gathered<kQ8, ByteRows>(p, panel, first, end, use);
    if (p.k % kGroupValues == 0) {
        if (panel.format == kF32) return with_floats<kF32>(p, panel, use);
        if (panel.format == kF16) return with_floats<kF16>(p, panel, use);
        if (panel.format == kBf16) return with_floats<kBf16>(p, panel, use);
    }
    WideTiles tiles(panel.data, panel.format, p.k);
    use(tiles);
}

/// Up to 16 tokens: each group of weights is multiplied soon after it was unpacked, and not kept.
void multiply_panel(const TiledProduct& p, const TilePanel& panel, float* c) {
    constexpr uint32_t kLag = 2, kRing = 4;
    static_assert(kRing + 1 <= 2 * kTileDepthGroups, "room for them and the sums");
    const uint32_t groups = tile_groups(p.k);
    std::byte* const sums = p.scratch + kRing * kTileBytes;
    _tile_zero(0);
    with_tiles_of(p, panel, 0, groups, [&](auto& tiles) PITWALL_LAMBDA {
        for (uint32_t group = 0; group < groups + kLag; ++group) {
            if (group < groups) tiles.unpack(group, p.scratch + group % kRing * kTileBytes);
            finish_writing();
            if (group < kLag) continue;
            const uint32_t ready = group - kLag;
            _tile_loadd(4, p.scratch + ready % kRing * kTileBytes, 64);
            _tile_loadd(6, p.x + ready * kTileBytes, 64);
            _tile_dpbf16ps(0, 4, 6);
        }
    });
    _tile_stored(0, sums, 64);
    give(sums, p.tokens, c, p.ldc);
}

void unpack_panel(const TiledProduct& p, const TilePanel& panel, uint32_t first, uint32_t end,
                  std::byte* out) {
    with_tiles_of(p, panel, first, end, [&](auto& tiles) PITWALL_LAMBDA {
        for (uint32_t group = first; group < end; ++group, out += kTileBytes) tiles.unpack(group, out);
    });
}

/// One or two panels: groups [first, end) are unpacked once for all tokens.
template <int kPanels>
void multiply_depth(const TiledProduct& p, const TilePanel* panels, uint32_t first, uint32_t end,
                    std::byte* sums) {
    const size_t next_weights = (end - first) * kTileBytes, next_x = tile_groups(p.k) * kTileBytes;
    for (uint32_t i = 0; i < kPanels; ++i)
        unpack_panel(p, panels[i], first, end, p.scratch + i * next_weights);
    finish_writing();
    const std::byte* x = p.x + first * kTileBytes;
    for (uint32_t token = 0; token < p.tokens; token += 2 * kTileTokens) {
        const TileOperands operands{p.scratch, x, next_weights, next_x, end - first};
        if (p.tokens - token > kTileTokens)
            multiply_block<kPanels, 2>(operands, first == 0, sums);
        else
            multiply_block<kPanels, 1>(operands, first == 0, sums);
        x += 2 * next_x;
        sums += 2 * kPanels * kTileBytes;
    }
}

template <int kPanels>
void multiply_panels(const TiledProduct& p, const TilePanel* panels, float* c) {
    std::byte* const sums = p.scratch + size_t{kPanels} * kTileDepthGroups * kTileBytes;
    const uint32_t groups = tile_groups(p.k), depths = (groups + kTileDepthGroups - 1) / kTileDepthGroups;
    for (uint32_t i = 0; i < depths; ++i)
        multiply_depth<kPanels>(p, panels, groups * i / depths, groups * (i + 1) / depths, sums);
    for (uint32_t token = 0, tile = 0; token < p.tokens; token += kTileTokens, tile += kPanels) {
        const uint32_t tokens = lesser(kTileTokens, p.tokens - token);
        for (uint32_t panel = 0; panel < kPanels; ++panel)
            give(sums + (tile + panel) * kTileBytes, tokens, c + token * p.ldc + size_t{panel} * kPanelRows,
                 p.ldc);
    }
}

void multiply(const TiledProduct& p) {
    static constexpr TileConfig kConfig;
    take_tiles(kConfig);
    for (uint32_t i = 0; i < p.panel_count;) {
        float* c = p.c + size_t{i} * kPanelRows;
        if (p.tokens <= kTileTokens)
            multiply_panel(p, p.panels[i++], c);
        else if (i + 1 < p.panel_count)
            multiply_panels<2>(p, p.panels + i, c), i += 2;
        else
            multiply_panels<1>(p, p.panels + i++, c);
    }
    _tile_release();
}

/// A group of 32 k of up to 16 tokens.
void lay_tile(const BfloatPair* rows, size_t ld, uint32_t tokens, std::byte* tile) {
    const __m512i order = _mm512_load_si512(kTileOrder.k);
    __m512i pairs[kTileTokens];
    unrolled<kTileTokens>([&](auto token) PITWALL_LAMBDA {
        pairs[token.value] = _mm512_setzero_si512();
        if (static_cast<uint32_t>(token.value) < tokens)
            pairs[token.value] = _mm512_permutexvar_epi16(order, load_bits(rows + token.value * ld).v);
    });
    transpose(pairs);
    unrolled<kTilePairs>(
        [&](auto pair) PITWALL_LAMBDA { _mm512_store_si512(tile + 64 * pair.value, pairs[pair.value]); });
}

void lay_out(const TiledRows& r) {
    std::byte* tile = r.tiles;
    for (uint32_t token = 0; token < r.tokens; token += kTileTokens) {
        const BfloatPair* rows = r.rows + token * r.ld;
        for (uint32_t group = 0; group < tile_groups(r.k); ++group, tile += kTileBytes)
            lay_tile(rows + group * kTilePairs, r.ld, lesser(kTileTokens, r.tokens - token), tile);
    }
}

}  // namespace

const BfloatTileKernels& amx_tiles() {
    static constexpr BfloatTileKernels kKernels{lay_out, multiply, amx_attend};
    return kKernels;
}

}  // namespace pitwall::engine::cpu
