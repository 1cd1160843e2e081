// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/exec/random_weights.h"

#include <cstring>

#include "engine/model/half.h"

namespace pitwall::engine {
namespace {

void put_half(std::byte* target, float value) {
    const uint16_t half = float_to_half(value);
    std::memcpy(target, &half, sizeof half);
}

/// Offsets of the binary16 scales of a storage block, and how large the integers are that they scale.
struct BlockScales {
    std::vector<uint32_t> offsets;
    float largest;
};

BlockScales scales_of(TensorType type) {
    switch (type) {
        case TensorType::kQ4_0:
            return {{0}, 8};
        case TensorType::kQ4_1:
            return {{0, 2}, 15};
        case TensorType::kQ5_0:
            return {{0}, 16};
        case TensorType::kQ5_1:
            return {{0, 2}, 31};
        case TensorType::kQ8_0:
            return {{0}, 127};
        case TensorType::kQ4_K:
            return {{0, 2}, 15 * 40};
        case TensorType::kQ5_K:
            return {{0, 2}, 31 * 40};
        case TensorType::kQ6_K:
            return {{208}, 32 * 80};
        default:
            return {{}, 1};
    }
}

void put_float(TensorType type, std::byte* target, float value) {
    if (type == TensorType::kF32) std::memcpy(target, &value, sizeof value);
    if (type == TensorType::kF16) put_half(target, value);
    if (type == TensorType::kBF16) std::memcpy(target, reinterpret_cast<const char*>(&value) + 2, 2);
}

}  // namespace

std::vector<std::byte> random_bytes(size_t bytes, std::mt19937& random) {
    std::vector<std::byte> out(bytes);
    for (auto& byte : out) byte = static_cast<std::byte>(random() & 255);
    return out;
}

std::vector<std::byte> random_blocks(TensorType type, size_t values, float size, std::mt19937& random) {
    const size_t width = block_bytes(type);
    std::vector<std::byte> out = random_bytes(values / block_values(type) * width, random);
    std::uniform_real_distribution<float> uniform(-1, 1);
    const BlockScales scales = scales_of(type);
    for (size_t offset = 0; offset < out.size(); offset += width) {
        const float step = size * (1.5f + 0.5f * uniform(random)) / scales.largest;
        if (block_values(type) == 1) put_float(type, &out[offset], size * uniform(random));
        for (size_t i = 0; i < scales.offsets.size(); ++i) {
            const bool minimum = i == 1 && (type == TensorType::kQ4_1 || type == TensorType::kQ5_1);
            put_half(&out[offset + scales.offsets[i]], minimum ? -step * scales.largest / 2 : step);
        }
    }
    return out;
}

}  // namespace pitwall::engine
