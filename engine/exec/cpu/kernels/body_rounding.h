// SPDX-License-Identifier: GPL-3.0-or-later
//
// Activations of a row become integers, see GroupI8 and GroupI16. Included after a tier's dots; see lanes_avx512.h why all
// is in an anonymous namespace.
#pragma once

#include <cstring>

#include "engine/exec/cpu/kernels/body_groups.h"
#include "engine/exec/cpu/kernels/body_magnitude.h"
#include "engine/exec/cpu/kernels/integer_kernels.h"

namespace pitwall::engine::cpu {
namespace {

/// So small a largest value has no reciprocal: all is taken for zero.
constexpr float kSmallest = 1e-30f;

float peak_of(const float* x, uint32_t k) {
    const float peak = largest_magnitude(x, k);
    return peak > kSmallest ? peak : 0.0f;
}

/// Halves of groups that are rounded together: a lane each for what there is one of in a half.
constexpr int kHalvesAtOnce = 16;
constexpr uint32_t kRunValues = 16 * kHalvesAtOnce;

/// A row in runs of so many values; of the last, what is behind the row's end is zero.
class Runs {
  public:
    Runs(const float* x, uint32_t k) : x_(x), left_(k) {}
    bool any() const { return left_ > 0; }
    uint32_t groups() const { return (left_ < kRunValues ? left_ : kRunValues) / kGroupValues; }
    const float* values() {
        if (left_ >= kRunValues) return x_;
        for (uint32_t i = 0; i < kRunValues; i += 16) store(last_ + i, i < left_ ? load(x_ + i) : zero());
        return last_;
    }
    void next() { x_ += kRunValues, left_ -= left_ < kRunValues ? left_ : kRunValues; }

  private:
    const float* x_;
    uint32_t left_;
    alignas(64) float last_[kRunValues];
};

/// Calls write(Index<group>) for the first `groups` groups of a run.
template <class Write>
PITWALL_LANES void each_group(uint32_t groups, const Write& write) {
    unrolled<kHalvesAtOnce / 2>([&](auto group) PITWALL_LAMBDA {
        if (static_cast<uint32_t>(group.value) < groups) write(group);
    });
}

PITWALL_LANES F peaks_of(const float* values) {
    F sizes[kHalvesAtOnce];
    unrolled<kHalvesAtOnce>([&](auto i)
                                PITWALL_LAMBDA { sizes[i.value] = magnitude(load(values + 16 * i.value)); });
    return largest_of_each(sizes);
}

constexpr float kMostFactor = 32767.0f, kMostI8 = 127.0f;

/// The least whole numbers of which the halves' peaks are within 127; 0 of those that are all zero.
PITWALL_LANES F factors_of(F peaks, float row_peak) {
    const F ratio = mul(peaks, broadcast(row_peak > 0 ? kMostFactor / row_peak : 0.0f));
    const F nearest = to_float(to_int(ratio));
    const F up = select_less(nearest, ratio, add(nearest, broadcast(1.0f)), nearest);
    return min(up, broadcast(kMostFactor));
}

void round_i8(const float* x, uint32_t k, std::byte* groups, size_t group_stride, float* scale) {
    const float peak = peak_of(x, k);
    *scale = peak / (kMostI8 * kMostFactor);
    const F steps = broadcast(peak > 0 ? kMostI8 * kMostFactor / peak : 0.0f);
    for (Runs runs(x, k); runs.any(); runs.next()) {
        const float* values = runs.values();
        const F factors = factors_of(peaks_of(values), peak);
        alignas(64) float inverse[kHalvesAtOnce], factor[kHalvesAtOnce], scaled_sum[kHalvesAtOnce];
        alignas(64) int32_t minus_sum[kHalvesAtOnce];
        alignas(32) int16_t words[kHalvesAtOnce];
        store(inverse, select_less(zero(), factors, div(steps, factors), zero()));
        store(factor, factors);
        store_words(words, to_int(factors));
        I rounded[kHalvesAtOnce];
        unrolled<kHalvesAtOnce>([&](auto i) PITWALL_LAMBDA {
            rounded[i.value] = to_int(mul(load(values + 16 * i.value), broadcast(inverse[i.value])));
        });
        const I sums = sum_of_each(rounded);
        store(scaled_sum, mul(factors, to_float(sums)));
        store_bits(minus_sum, sub(broadcast_bits(0), sums));
        each_group(runs.groups(), [&](auto group) PITWALL_LAMBDA {
            constexpr int kFirst = 2 * group.value;
            auto& out = *reinterpret_cast<GroupI8*>(groups + group.value * group_stride);
            store_bytes(out.values, rounded[kFirst]);
            store_bytes(out.values + 16, rounded[kFirst + 1]);
            std::memcpy(out.wide_factor, factor + kFirst, sizeof out.wide_factor);
            std::memcpy(out.factor, words + kFirst, sizeof out.factor);
            std::memcpy(out.minus_sum, minus_sum + kFirst, sizeof out.minus_sum);
            out.total = scaled_sum[kFirst] + scaled_sum[kFirst + 1];
        });
        groups += kHalvesAtOnce / 2 * group_stride;
    }
}

void round_i16(const float* x, uint32_t k, std::byte* groups, size_t group_stride, float* scale) {
    const float peak = peak_of(x, k);
    const F inverse = broadcast(peak > 0 ? 32767.0f / peak : 0.0f);
    *scale = peak / 32767.0f;
    for (Runs runs(x, k); runs.any(); runs.next()) {
        const float* values = runs.values();
        I rounded[kHalvesAtOnce];
        unrolled<kHalvesAtOnce>([&](auto i) PITWALL_LAMBDA {
            rounded[i.value] = to_int(mul(load(values + 16 * i.value), inverse));
        });
        alignas(64) float sum[kHalvesAtOnce];
        store(sum, to_float(sum_of_each(rounded)));
        each_group(runs.groups(), [&](auto group) PITWALL_LAMBDA {
            constexpr int kFirst = 2 * group.value;
            auto& out = *reinterpret_cast<GroupI16*>(groups + group.value * group_stride);
            store_words_0213(out.values, rounded[kFirst]);
            store_words_0213(out.values + 16, rounded[kFirst + 1]);
            std::memcpy(out.sum, sum + kFirst, sizeof out.sum);
            out.total = sum[kFirst] + sum[kFirst + 1];
        });
        groups += kHalvesAtOnce / 2 * group_stride;
    }
}

}  // namespace
}  // namespace pitwall::engine::cpu
