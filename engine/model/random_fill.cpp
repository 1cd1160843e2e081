// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/random_fill.h"

#include <cassert>
#include <cstring>

#include "engine/model/half.h"

namespace pitwall::engine {
namespace {

// Standard deviations of what is filled in: levels 0..15, bytes -128..127, and real numbers of [-1, 1).
constexpr float kNibbleDeviation = 4.6097722f, kByteDeviation = 73.900834f, kUnitDeviation = 0.57735027f;
constexpr size_t kNibbleBlock = 20, kByteBlock = 34;

/// Sixteen scales from 3/4 to 5/4 of `scale`, so that blocks differ as trained ones do.
struct Scales {
    uint16_t step[16], low[16];
};

Scales scales(float scale, float lowest_level) {
    Scales out = {};
    for (int i = 0; i < 16; ++i) {
        const float step = scale * (0.75f + static_cast<float>(i) / 30.0f);
        out.step[i] = float_to_half(step);
        out.low[i] = float_to_half(step * lowest_level);
    }
    return out;
}

void fill_q4_1(std::span<std::byte> out, uint64_t key, float deviation) {
    const Scales s = scales(deviation / kNibbleDeviation, -7.5f);
    for (size_t b = 0; b < out.size() / kNibbleBlock; ++b) {
        std::byte* block = out.data() + b * kNibbleBlock;
        const uint64_t low = random_bits(key, 2 * b), high = random_bits(key, 2 * b + 1);
        // The four bits that choose the scale are used twice; no one can tell from a weight.
        const uint64_t pick = (low ^ high) & 15;
        std::memcpy(block, &s.step[pick], 2);
        std::memcpy(block + 2, &s.low[pick], 2);
        std::memcpy(block + 4, &low, 8);
        std::memcpy(block + 12, &high, 8);
    }
}

void fill_q8_0(std::span<std::byte> out, uint64_t key, float deviation) {
    const Scales s = scales(deviation / kByteDeviation, 0);
    for (size_t b = 0; b < out.size() / kByteBlock; ++b) {
        std::byte* block = out.data() + b * kByteBlock;
        uint64_t last = 0;
        for (size_t i = 0; i < 4; ++i) {
            last = random_bits(key, 4 * b + i);
            std::memcpy(block + 2 + 8 * i, &last, 8);
        }
        std::memcpy(block, &s.step[last >> 60], 2);
    }
}

/// In [-1, 1) with 24 bits, exact in float32.
float unit(uint64_t bits) { return static_cast<float>(static_cast<int64_t>(bits) >> 40) * 0x1p-23f; }

void fill_f32(std::span<std::byte> out, uint64_t key, float middle, float scale) {
    for (size_t i = 0; i < out.size() / 4; ++i) {
        const float value = middle + scale * unit(random_bits(key, i));
        std::memcpy(out.data() + 4 * i, &value, 4);
    }
}

/// The upper halves of float32 numbers.
void fill_bf16(std::span<std::byte> out, uint64_t key, float scale) {
    for (size_t i = 0; i < out.size() / 2; ++i) {
        const float value = scale * unit(random_bits(key, i));
        std::memcpy(out.data() + 2 * i, reinterpret_cast<const std::byte*>(&value) + 2, 2);
    }
}

}  // namespace

void fill_random(TensorType type, std::span<std::byte> out, uint64_t key, float deviation) {
    switch (type) {
        case TensorType::kQ4_1:
            return fill_q4_1(out, key, deviation);
        case TensorType::kQ8_0:
            return fill_q8_0(out, key, deviation);
        case TensorType::kF32:
            return fill_f32(out, key, 0, deviation / kUnitDeviation);
        case TensorType::kBF16:
            return fill_bf16(out, key, deviation / kUnitDeviation);
        default:
            assert(!"synthetic weights are F32, BF16, Q4_1 or Q8_0");
    }
}

void fill_norm(std::span<std::byte> out, uint64_t key) { fill_f32(out, key, 1.0f, 0.1f); }

}  // namespace pitwall::engine
