// SPDX-License-Identifier: GPL-3.0-or-later
//
// Row-wise arithmetic of one tier: norm, rotation, what becomes of sums. Included after body_products.h.
#pragma once

#include "engine/exec/cpu/kernels/body_attention.h"
#include "engine/exec/cpu/kernels/body_kv_convert.h"
#include "engine/exec/cpu/kernels/body_swiglu.h"

namespace pitwall::engine::cpu {
namespace {

void exponential_rows(const float* x, uint32_t vectors, float* out) {
    for (uint32_t v = 0; v < vectors; ++v) store(out + 16 * v, exponential(load(x + 16 * v)));
}

void rms_norm(const float* x, const float* norm_weight, uint32_t size, uint32_t count, float epsilon,
              float* out) {
    F squares = zero();
    for (uint32_t i = 0; i < count; i += 16) squares = fma(load(x + i), load(x + i), squares);
    const float mean = horizontal_sum(squares) / static_cast<float>(size);
    const F scale = broadcast(1.0f / __builtin_sqrtf(mean + epsilon));
    for (uint32_t i = 0; i < count; i += 16)
        store(out + i, mul(mul(load(x + i), scale), load(norm_weight + i)));
}

void swiglu(const PanelSums& p) {
    for (uint32_t token = 0; token < p.tokens; ++token) {
        const float* sums = p.sums + token * p.ld;
        store(p.out + token * p.ldo, swiglu_of(load(sums), load(sums + kPanelRows)));
    }
}

void rotate_pairs(const PairRotation& r, float* heads, uint32_t count) {
    for (uint32_t head = 0; head < count; ++head, heads += r.dim) {
        uint32_t i = 0;
        for (; i + 16 <= r.dim; i += 16) {
            const F x = load(heads + i);
            store(heads + i, fma(x, load(r.cosines + i), mul(swap_neighbours(x), load(r.sines + i))));
        }
        for (; i < r.dim; i += 2) {
            const float a = heads[i], b = heads[i + 1];
            heads[i] = a * r.cosines[i] + b * r.sines[i];
            heads[i + 1] = b * r.cosines[i] + a * r.sines[i + 1];
        }
    }
}

void scale(const float* x, float factor, uint32_t count, float* out) {
    uint32_t i = 0;
    for (; i + 16 <= count; i += 16) store(out + i, mul(load(x + i), broadcast(factor)));
    for (; i < count; ++i) out[i] = x[i] * factor;
}

void store_sums(const PanelSums& p) {
    for (uint32_t token = 0; token < p.tokens; ++token)
        store(p.out + token * p.ldo, load(p.sums + token * p.ld));
}

void add_sums(const PanelSums& p) {
    for (uint32_t token = 0; token < p.tokens; ++token) {
        float* out = p.out + token * p.ldo;
        store(out, add(load(out), load(p.sums + token * p.ld)));
    }
}

/// Hardly any sixteen outputs hold one that is larger than all before: they are looked at one by one only then.
void keep_largest(const PanelRow& row, Largest& largest) {
    if (!any_at_least(load(row.values), broadcast(largest.value))) return;
    for (uint32_t i = 0; i < row.count; ++i) {
        const int32_t column = row.first_column + static_cast<int32_t>(i);
        if (largest.is_beaten_by(row.values[i], column)) largest = {row.values[i], column};
    }
}

constexpr Kernels kernels_of_this_tier(KernelTier tier) {
    return {tier,         {dequantize, tile, direct},
            rms_norm,     rotate_pairs,
            scale,        store_sums,
            swiglu,       add_sums,
            keep_largest, rotate_runs,
            store_kv,     convert_kv,
            open_tile,    attend,
            merge,        exponential_rows,
            {},           nullptr};
}

}  // namespace
}  // namespace pitwall::engine::cpu
