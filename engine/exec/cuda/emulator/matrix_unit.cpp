// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/emulator/matrix_unit.h"

#include <cstring>

#include "engine/exec/cuda/emulator/block.h"
#include "engine/model/half.h"

namespace pitwall::cuda::emulator {
namespace {

constexpr uint32_t kM = 16, kN = 8, kK = 16;

struct Operands {
    const uint32_t* a;
    uint32_t b[2];
};

struct Pair {
    float low, high;
};
/// By arithmetic, not by a table: products of what nobody wrote are allowed where nobody reads them.
template <float (*kValue)(uint16_t)>
Pair unpack(uint32_t word) {
    return {kValue(static_cast<uint16_t>(word)), kValue(static_cast<uint16_t>(word >> 16))};
}

/// Lane 4 g + t holds rows g and g + 8 of a and d, column g of b.
template <float (*kValue)(uint16_t)>
void multiply(const void* const* ins, void* const* outs) {
    float a[kM][kK], b[kK][kN];
    for (uint32_t lane = 0; lane < 32; ++lane) {
        const auto& in = *static_cast<const Operands*>(ins[lane]);
        const uint32_t g = lane / 4, t = lane % 4;
        for (uint32_t i = 0; i < 4; ++i) {
            const Pair pair = unpack<kValue>(in.a[i]);
            const uint32_t row = g + i % 2 * 8, column = 2 * t + i / 2 * 8;
            a[row][column] = pair.low, a[row][column + 1] = pair.high;
        }
        for (uint32_t i = 0; i < 2; ++i) {
            const Pair pair = unpack<kValue>(in.b[i]);
            b[2 * t + 8 * i][g] = pair.low, b[2 * t + 8 * i + 1][g] = pair.high;
        }
    }
    float sum[kM][kN] = {};
    for (uint32_t m = 0; m < kM; ++m)
        for (uint32_t k = 0; k < kK; ++k)
            for (uint32_t n = 0; n < kN; ++n) sum[m][n] += a[m][k] * b[k][n];
    for (uint32_t lane = 0; lane < 32; ++lane) {
        auto* d = static_cast<float*>(outs[lane]);
        for (uint32_t i = 0; i < 4; ++i) d[i] += sum[lane / 4 + i / 2 * 8][2 * (lane % 4) + i % 2];
    }
}

template <bool kTransposed>
void load(const void* const* ins, void* const* outs) {
    for (size_t matrix = 0; matrix < 4; ++matrix) {
        uint16_t rows[8][8];
        for (size_t r = 0; r < 8; ++r) std::memcpy(rows[r], ins[8 * matrix + r], sizeof rows[r]);
        for (uint32_t lane = 0; lane < 32; ++lane) {
            const size_t g = lane / 4, t = lane % 4;
            const uint16_t low = kTransposed ? rows[2 * t][g] : rows[g][2 * t];
            const uint16_t high = kTransposed ? rows[2 * t + 1][g] : rows[g][2 * t + 1];
            static_cast<uint32_t*>(outs[lane])[matrix] = low | uint32_t{high} << 16;
        }
    }
}

}  // namespace

void multiply_fragments(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, bool bfloats,
                        Site site) {
    const Operands operands{a, {b0, b1}};
    meet_warp(&operands, d, bfloats ? multiply<engine::bfloat16_to_float> : multiply<engine::half_to_float>,
              site);
}

void load_fragments(uint32_t (&r)[4], const void* row, bool transposed, Site site) {
    check_aligned(row, 16);
    meet_warp(row, r, transposed ? load<true> : load<false>, site);
}

}  // namespace pitwall::cuda::emulator
