// SPDX-License-Identifier: GPL-3.0-or-later
//
// Attention in tiles of bfloat16: Q, K, V and the softmax's weights are rounded to it, sums are float32. A row's scores and
// values are sums of its own in the order of 32 values, and of 32 positions, so others beside it change no bit.
#include "engine/exec/cpu/kernels/lanes_avx512.h"
//
#include "engine/exec/cpu/kernels/attention_in_place.h"
#include "engine/exec/cpu/kernels/attention_operands.h"
#include "engine/exec/cpu/kernels/body_softmax.h"
#include "engine/exec/cpu/kernels/tile_config.h"
#include "engine/exec/cpu/kernels/tile_kernels.h"

namespace pitwall::engine::cpu {
namespace {

// Tiles 0 to 3 hold sums, 4 queries or weights; all five have as many rows as there are queries, up to 16. The compiler wants
// the numbers of tiles to be literals.

/// Sums [tile of rows][16 * i], as many as kCount, from memory or from zero, back into memory.
template <int kCount, class Work>
PITWALL_LANES void with_sums(bool begin, float* sums, size_t stride, const Work& work) {
    if (begin) {
        _tile_zero(0);
        if constexpr (kCount > 1) _tile_zero(1);
        if constexpr (kCount > 2) _tile_zero(2);
        if constexpr (kCount > 3) _tile_zero(3);
    } else {
        _tile_loadd(0, sums, stride);
        if constexpr (kCount > 1) _tile_loadd(1, sums + 16, stride);
        if constexpr (kCount > 2) _tile_loadd(2, sums + 32, stride);
        if constexpr (kCount > 3) _tile_loadd(3, sums + 48, stride);
    }
    work();
    _tile_stored(0, sums, stride);
    if constexpr (kCount > 1) _tile_stored(1, sums + 16, stride);
    if constexpr (kCount > 2) _tile_stored(2, sums + 32, stride);
    if constexpr (kCount > 3) _tile_stored(3, sums + 48, stride);
}

/// Adds the products of one step with kCount tiles that lie side by side.
template <int kCount>
PITWALL_LANES void multiply_step(const std::byte* rows, size_t stride, const std::byte* tiles) {
    _tile_loadd(4, rows, stride);
    _tile_loadd(5, tiles, kRowBytes);
    _tile_dpbf16ps(0, 4, 5);
    if constexpr (kCount > 1) {
        _tile_loadd(6, tiles + kTileBytes, kRowBytes);
        _tile_dpbf16ps(1, 4, 6);
    }
    if constexpr (kCount > 2) {
        _tile_loadd(7, tiles + 2 * kTileBytes, kRowBytes);
        _tile_dpbf16ps(2, 4, 7);
    }
    if constexpr (kCount > 3) {
        _tile_loadd(5, tiles + 3 * kTileBytes, kRowBytes);
        _tile_dpbf16ps(3, 4, 5);
    }
}

/// rows [up to 16][steps of 32] by tiles [step][next_step bytes].
struct RowTile {
    const std::byte* rows;
    size_t stride;
    const std::byte* tiles;
    size_t next_step;
    uint32_t steps;
    float* sums;
    size_t sums_stride;
    bool begin;
};

template <int kCount>
void multiply_rows(const RowTile& p) {
    with_sums<kCount>(p.begin, p.sums, p.sums_stride, [&]() PITWALL_LAMBDA {
        for (uint32_t step = 0; step < p.steps; ++step)
            multiply_step<kCount>(p.rows + step * kRowBytes, p.stride, p.tiles + step * p.next_step);
    });
}

/// By `count` tiles side by side.
void multiply_rows(RowTile p, uint32_t count) {
    for (; count >= 4; count -= 4, p.tiles += 4 * kTileBytes, p.sums += 64) multiply_rows<4>(p);
    if (count == 3) multiply_rows<3>(p);
    if (count == 2) multiply_rows<2>(p);
    if (count == 1) multiply_rows<1>(p);
}

/// Lane r is what the lanes of v[r] come to, folded together in an order that is the same for all.
template <class Fold>
PITWALL_LANES F folded(const F* v, const Fold& fold) {
    F two[8], four[4], eight[2];
    unrolled<8>([&](auto i) PITWALL_LAMBDA {
        const __m512 a = v[2 * i.value].v, b = v[2 * i.value + 1].v;
        two[i.value] = fold(F{_mm512_unpacklo_ps(a, b)}, F{_mm512_unpackhi_ps(a, b)});
    });
    unrolled<4>([&](auto i) PITWALL_LAMBDA {
        const __m512d a = _mm512_castps_pd(two[2 * i.value].v), b = _mm512_castps_pd(two[2 * i.value + 1].v);
        four[i.value] = fold(F{_mm512_castpd_ps(_mm512_unpacklo_pd(a, b))},
                             F{_mm512_castpd_ps(_mm512_unpackhi_pd(a, b))});
    });
    const auto quarters = [&](F a, F b) PITWALL_LAMBDA {
        return fold(F{_mm512_shuffle_f32x4(a.v, b.v, 0x88)}, F{_mm512_shuffle_f32x4(a.v, b.v, 0xdd)});
    };
    unrolled<2>([&](auto i)
                    PITWALL_LAMBDA { eight[i.value] = quarters(four[2 * i.value], four[2 * i.value + 1]); });
    return quarters(eight[0], eight[1]);
}

/// factor * 2^x for x <= 0, within 3e-6 of itself; below -115, and where x is not a number, 0. A polynomial on [0, 1), fitted
/// so that its largest relative error is as small as this degree allows, and that it is 1 at 0.
class PowerOfTwo {
  public:
    explicit PowerOfTwo(float factor) {
        constexpr float kSeries[] = {1, 0.69304484f, 0.24128021f, 0.05224246f, 0.01342669f};
        unrolled<5>([&](auto i) PITWALL_LAMBDA { series_[i.value] = broadcast(kSeries[i.value] * factor); });
    }
    [[gnu::always_inline]] F of(F x) const {
        constexpr int kLessItsFloor = 0x09;
        const F r{_mm512_reduce_ps(x.v, kLessItsFloor)};
        F p = series_[4];
        unrolled<4>([&](auto i) PITWALL_LAMBDA { p = fma(p, r, series_[3 - i.value]); });
        const __mmask16 wanted = _mm512_cmp_ps_mask(x.v, broadcast(-115.0f).v, _CMP_GE_OQ);
        return {_mm512_maskz_scalef_ps(wanted, p.v, x.v)};
    }

  private:
    F series_[5];
};

/// Some queries, up to 16, and a tile of positions.
struct Meeting {
    uint32_t first_row, rows;
    uint32_t position, positions;  ///< the first, and how many somebody sees
    float* scores;
};

constexpr float kPerLn2 = 1.4426950408889634f;

/// Peaks of rows rise to what this tile has; offsets [16] are what their scores are less by, in powers of two.
void raise_peaks(const AttentionChunk& c, const Meeting& m, float* offsets) {
    F peaks[kRows];
    for (uint32_t row = 0; row < kRows; ++row)
        peaks[row] = row < m.rows ? peak_of(m.scores + size_t{row} * kAttentionTile,
                                            visible_positions(c, m.first_row + row, m.position))
                                  : zero();
    const F here = folded(peaks, [](F a, F b) PITWALL_LAMBDA { return max(a, b); });
    const auto wanted = static_cast<__mmask16>((1u << m.rows) - 1);
    const F before{_mm512_maskz_loadu_ps(wanted, c.peak + m.first_row)};
    float risen[kRows];
    store(risen, here);
    for (uint32_t rows = _mm512_mask_cmp_ps_mask(wanted, before.v, here.v, _CMP_LT_OQ); rows != 0;
         rows &= rows - 1) {
        const auto row = static_cast<uint32_t>(__builtin_ctz(rows));
        raise_peak(c, m.first_row + row, risen[row]);
    }
    // Finite where a row sees nothing yet: its weights are to be 0.
    store(offsets, min(mul(max(here, before), broadcast(-kPerLn2)), broadcast(-kMasked)));
}

/// Scores become weights; those of positions that a row does not see are 0.
void weigh_rows(const AttentionChunk& c, const Meeting& m, const PowerOfTwo& power, const Operands& o) {
    alignas(64) float offsets[kRows];
    raise_peaks(c, m, offsets);
    F sums[kRows];
    for (uint32_t row = 0; row < kRows; ++row) {
        sums[row] = zero();
        if (row >= m.rows) continue;
        const float* scores = m.scores + size_t{row} * kAttentionTile;
        const F offset = broadcast(offsets[row]);
        unrolled<kPositionSteps>([&](auto i) PITWALL_LAMBDA {
            const float* step = scores + i.value * kStep;
            const F low = power.of(fma(load(step), broadcast(kPerLn2), offset));
            const F high = power.of(fma(load(step + 16), broadcast(kPerLn2), offset));
            sums[row] = add(sums[row], add(low, high));
            _mm512_store_si512(o.weights + row * kWeightStride + i.value * kRowBytes, rounded(low, high).v);
        });
    }
    const F sum = folded(sums, [](F a, F b) PITWALL_LAMBDA { return add(a, b); });
    const auto wanted = static_cast<__mmask16>((1u << m.rows) - 1);
    float* const weight = c.weight + m.first_row;
    const F before{_mm512_maskz_loadu_ps(wanted, weight)};
    _mm512_mask_storeu_ps(weight, wanted, fma(sum, broadcast(1 / o.factor), before).v);
}

// For both of these tiles are taken for as many rows.

void score_rows(const AttentionChunk& c, const Meeting& m, const Operands& o) {
    finish_writing();
    multiply_rows({o.q + m.first_row * o.q_stride, o.q_stride, o.k, kBlocks * kTileBytes,
                   steps_of(c.layout->head_dim), m.scores, kScoreStride, true},
                  (m.positions + kBlockPositions - 1) / kBlockPositions);
}

void add_values(const AttentionChunk& c, const Meeting& m, const Operands& o) {
    const uint32_t vectors = c.layout->v_dim / kRows;
    finish_writing();
    multiply_rows({o.weights, kWeightStride, o.v, vectors * kTileBytes, steps_of(m.positions),
                   c.value + size_t{m.first_row} * c.layout->v_dim, c.layout->v_dim * sizeof(float), false},
                  vectors);
}

struct Configs {
    TileConfig of_rows[kRows + 1];
};
constexpr Configs all_configs() {
    Configs configs{};
    for (uint32_t rows = 1; rows <= kRows; ++rows) configs.of_rows[rows] = TileConfig(rows);
    return configs;
}

/// All rows with one tile of positions, whose K and V are laid out. The next rows' scores are begun before these become weights, so that they are there when
/// their turn comes.
void attend_laid_tile(const AttentionChunk& c, uint32_t position, uint32_t positions, const PowerOfTwo& power,
                      const Operands& o, uint32_t& taken) {
    static constexpr Configs kConfigs = all_configs();
    uint32_t scored = 0;  ///< rows
    for (uint32_t first = 0, turn = 0; first < c.rows; first += kRows, turn ^= 1) {
        const auto meeting = [&](uint32_t row, uint32_t buffer) PITWALL_LAMBDA {
            const uint32_t left = c.rows - row;
            return Meeting{row, left < kRows ? left : kRows, position, positions, o.scores[buffer]};
        };
        const Meeting now = meeting(first, turn);
        if (scored <= first) {
            if (now.rows != taken) take_tiles(kConfigs.of_rows[taken = now.rows]);
            score_rows(c, now, o);
            scored = first + now.rows;
        }
        if (c.rows - first >= 2 * kRows) {
            score_rows(c, meeting(first + kRows, turn ^ 1), o);
            scored += kRows;
        }
        weigh_rows(c, now, power, o);
        add_values(c, now, o);
    }
}

/// The same for few rows, with the same bits.
void attend_tile_in_place(const AttentionChunk& c, const TileBlocks& tile, uint32_t position,
                          uint32_t positions, const PowerOfTwo& power, const Operands& o) {
    const Meeting all{0, c.rows, position, positions, o.scores[0]};
    with_rows(c.rows, [&](auto rows) PITWALL_LAMBDA {
        score_rows_in_place<rows.value>(c, tile, positions, o.open_k, all.scores);
    });
    weigh_rows(c, all, power, o);
    for (uint32_t row = 0; row < c.rows; ++row)
        widen(o.weights + row * kWeightStride, kAttentionTile, all.scores + size_t{row} * kAttentionTile);
    with_rows(c.rows, [&](auto rows)
                          PITWALL_LAMBDA { add_rows_in_place<rows.value>(c, tile, positions, all.scores); });
}

/// All rows with one tile of positions.
void attend_tile(const AttentionChunk& c, const TileBlocks& tile, uint32_t position, const PowerOfTwo& power,
                 const Operands& o, uint32_t& taken) {
    const uint32_t left = c.last_position + 1 - position;
    const uint32_t positions = left < kAttentionTile ? left : kAttentionTile;
    if (fits_in_place(c)) return attend_tile_in_place(c, tile, position, positions, power, o);
    (in_halves(*c.layout) ? lay_halves : lay_opened)(c, tile, positions, o);
    attend_laid_tile(c, position, positions, power, o, taken);
}

}  // namespace

void amx_attend(const AttentionChunk& c) {
    const uint32_t rounding = begin_tile_rounding();
    if (c.first_tile == 0) begin_rows(c);
    const Operands o = operands_in(c);
    round_queries(c, o);
    if (fits_in_place(c))  // which opens no K
        for (uint32_t row = 0; row < c.rows; ++row)
            widen(o.q + row * o.q_stride, c.layout->head_dim, o.open_k + size_t{row} * c.layout->head_dim);
    const PowerOfTwo power(o.factor);
    uint32_t taken = 0;
    for (uint32_t tile = c.first_tile; tile < c.end_tile; ++tile) {
        const uint32_t position = c.first_position + tile * kAttentionTile;
        if (position > c.last_position) break;
        attend_tile(c, blocks_of(c, tile), position, power, o, taken);
    }
    if (taken > 0) _tile_release();
    end_tile_rounding(rounding);
}

}  // namespace pitwall::engine::cpu
