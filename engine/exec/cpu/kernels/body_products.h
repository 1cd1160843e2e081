// SPDX-License-Identifier: GPL-3.0-or-later
//
// Matrix products of one tier. Included after the tier's lanes; see there why all is in an anonymous namespace.
#pragma once

#include "engine/exec/cpu/kernels/body_groups.h"
#include "engine/exec/cpu/kernels/kernels.h"

namespace pitwall::engine::cpu {
namespace {

/// The stored value of k = 16 * kHalf + 4 * quad + kByte, less the format's offset. The quad varies at run time: 32
/// copies of a kernel's body would fit no cache of decoded instructions, and take minutes to compile.
template <int kHalf, int kByte, PanelFormat kFormat>
PITWALL_LANES F stored_value(const Group<kFormat>& group, uint32_t quad) {
    constexpr PanelLayout kLayout = layout_of(kFormat);
    if constexpr (kLayout.low_bits == 8) {
        const I quads = load_bits(group.low + 64 * (4 * kHalf + quad));
        return to_float(shift_right_signed<24>(shift_left<24 - 8 * kByte>(quads)));
    } else {
        const I low = shift_right<8 * kByte + 4 * kHalf>(load_bits(group.low + 64 * quad));
        if constexpr (kLayout.high_bits == 0) return low_nibble<kLayout.offset>(low);
        const I word = load_bits(group.high + (kLayout.high_bits == 2 ? 64 * kHalf : 0));
        const uint32_t bit =
            (kLayout.high_bits == 1 ? 16 * kHalf : 0) + kLayout.high_bits * (4 * quad + kByte);
        const I high =
            shift_left<4>(both(shift_right(word, bit), broadcast_bits((1 << kLayout.high_bits) - 1)));
        return to_float(sub(either(both(low, broadcast_bits(15)), high), broadcast_bits(kLayout.offset)));
    }
}

template <int kHalf, int kByte, PanelFormat kFormat>
PITWALL_LANES F weight(const Group<kFormat>& group, uint32_t quad) {
    constexpr ScaleScheme kScales = layout_of(kFormat).scales;
    const F value = stored_value<kHalf, kByte>(group, quad);
    if constexpr (kScales == ScaleScheme::kScaleMin || kScales == ScaleScheme::kSuper)
        return fma(group.d, value, group.m);
    if constexpr (kScales == ScaleScheme::kSuper6) return mul(kHalf == 0 ? group.d : group.m, value);
    return mul(group.d, value);
}

/// body(half, byte, quad) for the 32 k of a group, ascending.
template <class Body>
PITWALL_LANES void each_k(const Body& body) {
    unrolled<2>([&](auto half) PITWALL_LAMBDA {
        for (uint32_t quad = 0; quad < 4; ++quad) {
            unrolled<4>([&](auto byte) PITWALL_LAMBDA { body(half, byte, quad); });
        }
    });
}

template <PanelFormat kFormat>
void dequantize_groups(const std::byte* panel, uint32_t k_begin, uint32_t k_count, float* out, size_t ld) {
    for (uint32_t k = 0; k < k_count; k += kGroupValues) {
        const Group<kFormat> group = open_group<kFormat>(panel, (k_begin + k) / kGroupValues);
        float* row = out + k * ld;
        each_k([&](auto half, auto byte, uint32_t quad) PITWALL_LAMBDA {
            store(row, weight<half.value, byte.value>(group, quad));
            row += ld;
        });
    }
}

void widen(PanelFormat format, const std::byte* panel, uint32_t k_begin, uint32_t k_count, float* out,
           size_t ld) {
    const bool wide = format == PanelFormat::kF32;
    const std::byte* row = panel + size_t{k_begin} * kPanelRows * (wide ? 4 : 2);
    for (uint32_t k = 0; k < k_count; ++k, row += kPanelRows * (wide ? 4 : 2), out += ld) {
        if (wide) store(out, as_float(load_bits(row)));
        if (format == PanelFormat::kF16) store(out, load_half(row));
        if (format == PanelFormat::kBf16) store(out, load_bfloat(row));
    }
}

void dequantize(PanelFormat format, const std::byte* panel, uint32_t k_begin, uint32_t k_count, float* out,
                size_t ld) {
    switch (format) {
        case PanelFormat::kF32:
        case PanelFormat::kF16:
        case PanelFormat::kBf16:
            return widen(format, panel, k_begin, k_count, out, ld);
        case PanelFormat::kQ4:
            return dequantize_groups<PanelFormat::kQ4>(panel, k_begin, k_count, out, ld);
        case PanelFormat::kQ4M:
            return dequantize_groups<PanelFormat::kQ4M>(panel, k_begin, k_count, out, ld);
        case PanelFormat::kQ5:
            return dequantize_groups<PanelFormat::kQ5>(panel, k_begin, k_count, out, ld);
        case PanelFormat::kQ5M:
            return dequantize_groups<PanelFormat::kQ5M>(panel, k_begin, k_count, out, ld);
        case PanelFormat::kQ8:
            return dequantize_groups<PanelFormat::kQ8>(panel, k_begin, k_count, out, ld);
        case PanelFormat::kQ4K:
            return dequantize_groups<PanelFormat::kQ4K>(panel, k_begin, k_count, out, ld);
        case PanelFormat::kQ5K:
            return dequantize_groups<PanelFormat::kQ5K>(panel, k_begin, k_count, out, ld);
        case PanelFormat::kQ6K:
            return dequantize_groups<PanelFormat::kQ6K>(panel, k_begin, k_count, out, ld);
    }
}

template <int kRows, int kVectors>
void register_tile(const TileProduct& t, uint32_t row, uint32_t vector) {
    const float* a = t.a + row * t.lda;
    const float* b = t.b + size_t{vector} * kPanelRows;
    float* c = t.c + row * t.ldc + size_t{vector} * kPanelRows;
    F sum[kRows][kVectors];
    unrolled<kRows * kVectors>([&](auto i) PITWALL_LAMBDA {
        constexpr int kRow = i.value / kVectors, kVector = i.value % kVectors;
        sum[kRow][kVector] = t.accumulate ? load(c + kRow * t.ldc + kVector * 16) : zero();
    });
    for (uint32_t k = 0; k < t.k; ++k, b += t.ldb) {
        F w[kVectors];
        unrolled<kVectors>([&](auto v) PITWALL_LAMBDA { w[v.value] = load(b + v.value * 16); });
        unrolled<kRows>([&](auto r) PITWALL_LAMBDA {
            const F x = broadcast(a[r.value * t.lda + k]);
            unrolled<kVectors>([&](auto v) PITWALL_LAMBDA {
                sum[r.value][v.value] = fma(w[v.value], x, sum[r.value][v.value]);
            });
        });
    }
    unrolled<kRows * kVectors>([&](auto i) PITWALL_LAMBDA {
        constexpr int kRow = i.value / kVectors, kVector = i.value % kVectors;
        store(c + kRow * t.ldc + kVector * 16, sum[kRow][kVector]);
    });
}

/// The register tile of exactly `rows` rows, 1 <= rows <= kMost.
template <int kMost, int kVectors>
void tile_of_rows(const TileProduct& t, uint32_t rows, uint32_t row, uint32_t vector) {
    if constexpr (kMost > 1) {
        if (rows < kMost) return tile_of_rows<kMost - 1, kVectors>(t, rows, row, vector);
    }
    register_tile<kMost, kVectors>(t, row, vector);
}

/// All rows of `kVectors` vectors, in tiles of nearly equal height: a full tile and a sliver would waste registers.
template <int kVectors>
void tile_column(const TileProduct& t, uint32_t vector) {
    constexpr uint32_t kMost = static_cast<uint32_t>(kTileRows[kVectors]);
    uint32_t tiles = (t.rows + kMost - 1) / kMost;
    for (uint32_t row = 0; tiles > 0; --tiles) {
        const uint32_t rows = (t.rows - row + tiles - 1) / tiles;
        tile_of_rows<static_cast<int>(kMost), kVectors>(t, rows, row, vector);
        row += rows;
    }
}

template <int kVectors>
uint32_t tile_columns(const TileProduct& t, uint32_t vector) {
    for (; vector + kVectors <= t.vectors; vector += kVectors) tile_column<kVectors>(t, vector);
    if constexpr (kVectors > 1) return tile_columns<kVectors / 2>(t, vector);
    return vector;
}

void tile(const TileProduct& product) { tile_columns<kTileVectors>(product, 0); }

template <PanelFormat kFormat, int kPanels, int kTokens>
void direct_panels(const DirectProduct& p, uint32_t first) {
    F sum[kTokens][kPanels];
    unrolled<kTokens * kPanels>([&](auto i)
                                    PITWALL_LAMBDA { sum[i.value / kPanels][i.value % kPanels] = zero(); });
    for (uint32_t k = 0; k < p.k; k += kGroupValues) {
        Group<kFormat> group[kPanels];
        unrolled<kPanels>([&](auto i) PITWALL_LAMBDA {
            group[i.value] = open_group<kFormat>(p.panels[first + i.value], k / kGroupValues);
        });
        const float* x = p.x + k;
        each_k([&](auto half, auto byte, uint32_t quad) PITWALL_LAMBDA {
            unrolled<kPanels>([&](auto i) PITWALL_LAMBDA {
                const F w = weight<half.value, byte.value>(group[i.value], quad);
                unrolled<kTokens>([&](auto t) PITWALL_LAMBDA {
                    sum[t.value][i.value] = fma(w, broadcast(x[t.value * p.ldx]), sum[t.value][i.value]);
                });
            });
            ++x;
        });
    }
    unrolled<kTokens * kPanels>([&](auto i) PITWALL_LAMBDA {
        constexpr int kToken = i.value / kPanels, kPanel = i.value % kPanels;
        store(p.c + kToken * p.ldc + (first + kPanel) * 16, sum[kToken][kPanel]);
    });
}

/// Fewest panels of a direct kernel: single panels beside several tokens would only cost compile time.
constexpr int least_panels(int tokens) { return tokens > 1 && kDirectPanels[tokens] > 1 ? 2 : 1; }

template <PanelFormat kFormat, int kTokens, int kPanels = kDirectPanels[kTokens]>
void direct_from(const DirectProduct& p, uint32_t first) {
    for (; first + kPanels <= p.panel_count; first += kPanels)
        direct_panels<kFormat, kPanels, kTokens>(p, first);
    if constexpr (kPanels > least_panels(kTokens)) direct_from<kFormat, kTokens, kPanels / 2>(p, first);
}

template <PanelFormat kFormat, int kTokens>
bool direct_of_tokens(const DirectProduct& p) {
    if constexpr (kDirectPanels[kTokens] == 0) {
        return false;
    } else {
        if (p.panel_count % least_panels(kTokens) != 0) return false;
        direct_from<kFormat, kTokens>(p, 0);
        return true;
    }
}

template <PanelFormat kFormat>
bool direct_of_format(const DirectProduct& p) {
    switch (p.tokens) {
        case 1:
            return direct_of_tokens<kFormat, 1>(p);
        case 2:
            return direct_of_tokens<kFormat, 2>(p);
        case 3:
            return direct_of_tokens<kFormat, 3>(p);
        case 4:
            return direct_of_tokens<kFormat, 4>(p);
        default:
            return false;
    }
}

bool direct(const DirectProduct& product) {
    switch (product.format) {
        case PanelFormat::kQ4:
            return direct_of_format<PanelFormat::kQ4>(product);
        case PanelFormat::kQ4M:
            return direct_of_format<PanelFormat::kQ4M>(product);
        case PanelFormat::kQ8:
            return direct_of_format<PanelFormat::kQ8>(product);
        case PanelFormat::kQ4K:
            return direct_of_format<PanelFormat::kQ4K>(product);
        default:
            return false;
    }
}

}  // namespace
}  // namespace pitwall::engine::cpu
