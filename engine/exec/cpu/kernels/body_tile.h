// SPDX-License-Identifier: GPL-3.0-or-later
//
// Register tiles of one tier, over weights that lie unpacked. Included after the tier's lanes; see lanes_avx512.h why all
// is in an anonymous namespace.
//
// A Step says what one Element is and how a vector of weights meets an activation: its
//     Element, Weights, load(const Element*), broadcast(Element), multiply_add(weights, activation, sum).
#pragma once

#include "engine/exec/cpu/kernels/body_groups.h"
#include "engine/exec/cpu/kernels/product_kernels.h"

namespace pitwall::engine::cpu {
namespace {

template <class Step, int kRows, int kVectors>
void register_tile(const TileProduct<typename Step::Element>& t, uint32_t row, uint32_t vector) {
    const auto* a = t.a + row * t.lda;
    const auto* b = t.b + size_t{vector} * kPanelRows;
    float* c = t.c + row * t.ldc + size_t{vector} * kPanelRows;
    F sum[kRows][kVectors];
    unrolled<kRows * kVectors>([&](auto i) PITWALL_LAMBDA {
        constexpr int kRow = i.value / kVectors, kVector = i.value % kVectors;
        sum[kRow][kVector] = t.accumulate ? load(c + kRow * t.ldc + kVector * 16) : zero();
    });
    for (uint32_t k = 0; k < t.k; ++k, b += t.ldb) {
        typename Step::Weights w[kVectors];
        unrolled<kVectors>([&](auto v) PITWALL_LAMBDA { w[v.value] = Step::load(b + v.value * 16); });
        unrolled<kRows>([&](auto r) PITWALL_LAMBDA {
            const auto x = Step::broadcast(a[r.value * t.lda + k]);
            unrolled<kVectors>([&](auto v) PITWALL_LAMBDA {
                sum[r.value][v.value] = Step::multiply_add(w[v.value], x, sum[r.value][v.value]);
            });
        });
    }
    unrolled<kRows * kVectors>([&](auto i) PITWALL_LAMBDA {
        constexpr int kRow = i.value / kVectors, kVector = i.value % kVectors;
        store(c + kRow * t.ldc + kVector * 16, sum[kRow][kVector]);
    });
}

/// The register tile of exactly `rows` rows, 1 <= rows <= kMost.
template <class Step, int kMost, int kVectors>
void tile_of_rows(const TileProduct<typename Step::Element>& t, uint32_t rows, uint32_t row,
                  uint32_t vector) {
    if constexpr (kMost > 1) {
        if (rows < kMost) return tile_of_rows<Step, kMost - 1, kVectors>(t, rows, row, vector);
    }
    register_tile<Step, kMost, kVectors>(t, row, vector);
}

/// All rows of `kVectors` vectors, in tiles of nearly equal height: a full tile and a sliver would waste registers.
template <class Step, int kVectors>
void tile_column(const TileProduct<typename Step::Element>& t, uint32_t vector) {
    constexpr uint32_t kMost = static_cast<uint32_t>(kTileRows[kVectors]);
    uint32_t tiles = (t.rows + kMost - 1) / kMost;
    for (uint32_t row = 0; tiles > 0; --tiles) {
        const uint32_t rows = (t.rows - row + tiles - 1) / tiles;
        tile_of_rows<Step, static_cast<int>(kMost), kVectors>(t, rows, row, vector);
        row += rows;
    }
}

template <class Step, int kVectors = kTileVectors>
void tile_columns(const TileProduct<typename Step::Element>& t, uint32_t vector = 0) {
    for (; vector + kVectors <= t.vectors; vector += kVectors) tile_column<Step, kVectors>(t, vector);
    if constexpr (kVectors > 1) tile_columns<Step, kVectors / 2>(t, vector);
}

}  // namespace
}  // namespace pitwall::engine::cpu
