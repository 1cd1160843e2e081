// SPDX-License-Identifier: GPL-3.0-or-later
//
// Storage blocks as ggml's ggml-common.h defines them; engine/model/dequantize.cpp says what they mean.
#include "engine/exec/cuda/executor/block_codes.h"

#include <cstring>

#include "engine/model/half.h"

namespace pitwall::cuda {
namespace {

using engine::TensorType;

constexpr uint16_t kSign = 0x8000;

uint32_t byte_at(const std::byte* at, size_t i) { return std::to_integer<uint32_t>(at[i]); }
uint16_t half_at(const std::byte* at) {
    uint16_t bits;
    std::memcpy(&bits, at, sizeof bits);
    return bits;
}
uint32_t word_at(const std::byte* at) {
    uint32_t bits;
    std::memcpy(&bits, at, sizeof bits);
    return bits;
}

void set_scale(CodeGroup& group, uint16_t scale, uint16_t minimum) {
    group.scales[0] = group.scales[1] = scale;
    group.minima[0] = group.minima[1] = minimum;
}

/// 32 values of 4 or 5 bits: value j in the low nibbles, j + 16 in the high ones, bit 4 from `high`.
void read_nibbles(const std::byte* nibbles, uint32_t high, CodeGroup& group) {
    for (uint32_t j = 0; j < 16; ++j) {
        const uint32_t byte = byte_at(nibbles, j);
        group.codes[j] = static_cast<int8_t>((byte & 15) | (high >> j & 1) << 4);
        group.codes[j + 16] = static_cast<int8_t>(byte >> 4 | (high >> (j + 16) & 1) << 4);
    }
}

/// Codes from 0 on instead of around 0; eight scales are exact in binary16, too.
void read_q4_0(const std::byte* in, CodeGroup& group) {
    read_nibbles(in + 2, 0, group);
    const float scale = engine::half_to_float(half_at(in));
    set_scale(group, half_at(in), engine::float_to_half(-8 * scale));
}

void read_q4_1(const std::byte* in, CodeGroup& group) {
    read_nibbles(in + 4, 0, group);
    set_scale(group, half_at(in), half_at(in + 2));
}

void read_q5_0(const std::byte* in, CodeGroup& group) {
    read_nibbles(in + 6, word_at(in + 2), group);
    for (int8_t& code : group.codes) code = static_cast<int8_t>(code - 16);
    set_scale(group, half_at(in), 0);
}

void read_q5_1(const std::byte* in, CodeGroup& group) {
    read_nibbles(in + 8, word_at(in + 4), group);
    set_scale(group, half_at(in), half_at(in + 2));
}

void read_q8_0(const std::byte* in, CodeGroup& group) {
    std::memcpy(group.codes, in + 2, kGroupValues);
    set_scale(group, half_at(in), 0);
}

/// The eight 6-bit scales and minima of Q4_K and Q5_K, packed into 12 bytes; binary16 of their products with d and dmin.
void read_k_scale(const std::byte* in, size_t g, CodeGroup& group) {
    const std::byte* const packed = in + 4;
    uint32_t scale = byte_at(packed, g) & 63, minimum = byte_at(packed, g + 4) & 63;
    if (g >= 4) {
        scale = (byte_at(packed, g + 4) & 15) | byte_at(packed, g - 4) >> 6 << 4;
        minimum = byte_at(packed, g + 4) >> 4 | byte_at(packed, g) >> 6 << 4;
    }
    const float d = engine::half_to_float(half_at(in)), dmin = engine::half_to_float(half_at(in + 2));
    set_scale(group, engine::float_to_half(d * static_cast<float>(scale)),
              engine::float_to_half(dmin * static_cast<float>(minimum)) ^ kSign);
}

/// Eight groups of 32; `high` (null for Q4_K) holds bit 4 of group g in its bit g.
void read_k45(const std::byte* in, const std::byte* high, const std::byte* nibbles, CodeGroup* groups) {
    for (uint32_t g = 0; g < 8; ++g) {
        for (uint32_t i = 0; i < kGroupValues; ++i) {
            uint32_t code = byte_at(nibbles, g / 2 * 32 + i) >> (g % 2 * 4) & 15;
            if (high) code |= (byte_at(high, i) >> g & 1) << 4;
            groups[g].codes[i] = static_cast<int8_t>(code);
        }
        read_k_scale(in, g, groups[g]);
    }
}

/// Low nibbles [128] | high pairs of bits [64] | signed scales of 16 [16] | d. Each half of 128 values has 64 bytes of nibbles
/// and 32 of pairs; its quarters take turns in them.
void read_q6_k(const std::byte* in, CodeGroup* groups) {
    const float d = engine::half_to_float(half_at(in + 208));
    for (uint32_t g = 0; g < 8; ++g) {
        const size_t half = g / 4, quarter = g % 4;
        const std::byte *low = in + half * 64 + quarter % 2 * 32, *high = in + 128 + half * 32;
        for (uint32_t i = 0; i < kGroupValues; ++i) {
            const uint32_t nibble = byte_at(low, i) >> (quarter / 2 * 4) & 15;
            const uint32_t top = byte_at(high, i) >> (quarter * 2) & 3;
            groups[g].codes[i] = static_cast<int8_t>(static_cast<int32_t>(nibble | top << 4) - 32);
        }
        for (uint32_t i = 0; i < 2; ++i) {
            const auto scale = static_cast<int8_t>(byte_at(in + 192, 2 * g + i));
            groups[g].scales[i] = engine::float_to_half(d * static_cast<float>(scale));
            groups[g].minima[i] = 0;
        }
    }
}

}  // namespace

void read_block(TensorType type, const std::byte* block, CodeGroup* groups) {
    switch (type) {
        case TensorType::kQ4_0:
            return read_q4_0(block, *groups);
        case TensorType::kQ4_1:
            return read_q4_1(block, *groups);
        case TensorType::kQ5_0:
            return read_q5_0(block, *groups);
        case TensorType::kQ5_1:
            return read_q5_1(block, *groups);
        case TensorType::kQ8_0:
            return read_q8_0(block, *groups);
        case TensorType::kQ4_K:
            return read_k45(block, nullptr, block + 16, groups);
        case TensorType::kQ5_K:
            return read_k45(block, block + 16, block + 48, groups);
        case TensorType::kQ6_K:
            return read_q6_k(block, groups);
        case TensorType::kF32:
        case TensorType::kF16:
        case TensorType::kBF16:
            break;
    }
}

}  // namespace pitwall::cuda
