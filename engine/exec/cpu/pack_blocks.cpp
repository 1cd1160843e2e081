// SPDX-License-Identifier: GPL-3.0-or-later
//
// Storage blocks as ggml's ggml-common.h defines them; see panel_format.h for where their numbers go.
#include "engine/exec/cpu/pack_blocks.h"

#include <cstring>

#include "engine/exec/cpu/kernels/panel_format.h"

namespace pitwall::engine::cpu {
namespace {

uint8_t byte_at(const std::byte* p, size_t index) { return static_cast<uint8_t>(p[index]); }
uint32_t word_at(const std::byte* p) {
    uint32_t word;
    std::memcpy(&word, p, sizeof word);
    return word;
}

/// A 16-bit number to its lane.
void put_half(const std::byte* source, std::byte* target, uint32_t lane) {
    std::memcpy(target + 2 * size_t{lane}, source, 2);
}

/// 16 bytes that hold k and k + 16 in their nibbles: ours but for the place.
void put_nibbles(const std::byte* bytes, std::byte* low, uint32_t lane) {
    for (uint32_t j = 0; j < 4; ++j) std::memcpy(low + 64 * j + 4 * size_t{lane}, bytes + 4 * j, 4);
}

void put_word(uint32_t word, std::byte* high, uint32_t index, uint32_t lane) {
    std::memcpy(high + 64 * size_t{index} + 4 * size_t{lane}, &word, sizeof word);
}

/// 32 values of up to 6 bits.
void put_values(const uint8_t* values, const PanelLayout& layout, std::byte* group, uint32_t lane) {
    std::byte* high = group + layout.scale_bytes;
    std::byte nibbles[16];
    for (uint32_t k = 0; k < 16; ++k)
        nibbles[k] = static_cast<std::byte>((values[k] & 15) | (values[k + 16] & 15) << 4);
    put_nibbles(nibbles, high + layout.high_bytes, lane);
    uint32_t words[2] = {0, 0};
    const uint32_t per_word = layout.high_bits == 0 ? 32 : 32 / layout.high_bits;
    for (uint32_t k = 0; k < kGroupValues; ++k) {
        words[k / per_word] |= static_cast<uint32_t>(values[k] >> 4) << (layout.high_bits * (k % per_word));
    }
    for (uint32_t i = 0; i < layout.high_bits; ++i) put_word(words[i], high, i, lane);
}

/// Q4_0, Q4_1, Q5_0, Q5_1: d | m | high bits | nibbles, each where the type has it.
void pack_32(PanelFormat format, const std::byte* block, std::byte* group, uint32_t lane) {
    const PanelLayout layout = layout_of(format);
    put_half(block, group, lane);
    block += 2;
    if (layout.scales == ScaleScheme::kScaleMin) {
        put_half(block, group + 32, lane);
        block += 2;
    }
    if (layout.high_bits != 0) {
        put_word(word_at(block), group + layout.scale_bytes, 0, lane);
        block += 4;
    }
    put_nibbles(block, group + layout.scale_bytes + layout.high_bytes, lane);
}

void pack_q8_0(const std::byte* block, std::byte* group, uint32_t lane) {
    put_half(block, group, lane);
    for (uint32_t quad = 0; quad < kGroupValues / 4; ++quad)
        std::memcpy(group + 32 + (quad * kPanelRows + lane) * 4, block + 2 + 4 * size_t{quad}, 4);
}

/// The 6-bit scale and minimum of group `g`, out of 12 bytes (ggml's get_scale_min_k4).
void unpack_scale_min(const std::byte* scales, uint32_t g, uint8_t& scale, uint8_t& minimum) {
    if (g < 4) {
        scale = byte_at(scales, g) & 63;
        minimum = byte_at(scales, g + 4) & 63;
        return;
    }
    scale = static_cast<uint8_t>((byte_at(scales, g + 4) & 15) | (byte_at(scales, g - 4) >> 6) << 4);
    minimum = static_cast<uint8_t>((byte_at(scales, g + 4) >> 4) | (byte_at(scales, g) >> 6) << 4);
}

/// Q4_K and Q5_K: d | dmin | 12 bytes of scales | high bits [32], where the type has them | nibbles [128].
void pack_k(PanelFormat format, const std::byte* block, std::byte* super, uint32_t lane) {
    const PanelLayout layout = layout_of(format);
    put_half(block, super, lane);
    put_half(block + 2, super + 32, lane);
    const std::byte* high = block + 16;
    const std::byte* nibbles = layout.high_bits != 0 ? high + 32 : high;
    for (uint32_t g = 0; g < 8; ++g) {
        std::byte* group = super + layout.group_offset(g);
        uint8_t scale = 0, minimum = 0, values[kGroupValues];
        unpack_scale_min(block + 4, g, scale, minimum);
        group[lane] = static_cast<std::byte>(scale);
        group[kPanelRows + lane] = static_cast<std::byte>(minimum);
        for (uint32_t k = 0; k < kGroupValues; ++k) {
            const uint8_t pair = byte_at(nibbles, g / 2 * 32 + k);
            values[k] = g % 2 == 0 ? pair & 15 : pair >> 4;
            if (layout.high_bits != 0) values[k] |= static_cast<uint8_t>((byte_at(high, k) >> g & 1) << 4);
        }
        put_values(values, layout, group, lane);
    }
}

/// Q6_K: low nibbles [128] | high pairs of bits [64] | signed scales [16] | d.
void pack_q6_k(const std::byte* block, std::byte* super, uint32_t lane) {
    constexpr PanelLayout layout = layout_of(PanelFormat::kQ6K);
    const std::byte* scales = block + 192;
    put_half(block + 208, super, lane);
    for (uint32_t g = 0; g < 8; ++g) {
        std::byte* group = super + layout.group_offset(g);
        group[lane] = scales[2 * g];
        group[kPanelRows + lane] = scales[2 * g + 1];
        // Each half of 128 values has 64 bytes of nibbles and 32 of pairs; its quarters take turns in them.
        const uint32_t quarter = g % 4;
        const std::byte* low = block + g / 4 * 64 + quarter % 2 * 32;
        const std::byte* high = block + 128 + g / 4 * 32;
        uint8_t values[kGroupValues];
        for (uint32_t k = 0; k < kGroupValues; ++k) {
            const uint8_t nibble = quarter < 2 ? byte_at(low, k) & 15 : byte_at(low, k) >> 4;
            values[k] = static_cast<uint8_t>(nibble | (byte_at(high, k) >> (2 * quarter) & 3) << 4);
        }
        put_values(values, layout, group, lane);
    }
}

}  // namespace

void pack_block(TensorType type, const std::byte* block, std::byte* target, uint32_t lane) {
    switch (type) {
        case TensorType::kQ4_0:
            return pack_32(PanelFormat::kQ4, block, target, lane);
        case TensorType::kQ4_1:
            return pack_32(PanelFormat::kQ4M, block, target, lane);
        case TensorType::kQ5_0:
            return pack_32(PanelFormat::kQ5, block, target, lane);
        case TensorType::kQ5_1:
            return pack_32(PanelFormat::kQ5M, block, target, lane);
        case TensorType::kQ8_0:
            return pack_q8_0(block, target, lane);
        case TensorType::kQ4_K:
            return pack_k(PanelFormat::kQ4K, block, target, lane);
        case TensorType::kQ5_K:
            return pack_k(PanelFormat::kQ5K, block, target, lane);
        case TensorType::kQ6_K:
            return pack_q6_k(block, target, lane);
        case TensorType::kF32:
        case TensorType::kF16:
        case TensorType::kBF16:
            break;
    }
}

}  // namespace pitwall::engine::cpu
