// SPDX-License-Identifier: GPL-3.0-or-later
// Layouts of the storage blocks: ggml's ggml-common.h, described at
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#include <cassert>
#include <cstring>

#include "engine/model/half.h"
#include "engine/model/model.h"

namespace pitwall::engine {
namespace {

template <class T>
T load(const std::byte* at) {  // storage has no alignment of its own
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

float half_at(const std::byte* at) { return half_to_float(load<uint16_t>(at)); }
uint32_t byte_at(const std::byte* at, size_t i) { return std::to_integer<uint32_t>(at[i]); }
int32_t signed_at(const std::byte* at, size_t i) { return static_cast<int8_t>(byte_at(at, i)); }

/// 32 values of 4 or 5 bits: value j in the low nibbles, j + 16 in the high ones, bit 4 from `high`.
template <class Value>
void unpack_nibbles(const std::byte* nibbles, uint32_t high, Value value, float* out) {
    for (uint32_t j = 0; j < 16; ++j) {
        const uint32_t byte = byte_at(nibbles, j);
        out[j] = value(static_cast<int32_t>((byte & 15) | ((high >> j) & 1) << 4));
        out[j + 16] = value(static_cast<int32_t>((byte >> 4) | ((high >> (j + 16)) & 1) << 4));
    }
}

void block_q4_0(const std::byte* in, float* out) {
    const float d = half_at(in);
    unpack_nibbles(
        in + 2, 0, [d](int32_t q) { return static_cast<float>(q - 8) * d; }, out);
}

void block_q4_1(const std::byte* in, float* out) {
    const float d = half_at(in), m = half_at(in + 2);
    unpack_nibbles(
        in + 4, 0, [d, m](int32_t q) { return static_cast<float>(q) * d + m; }, out);
}

void block_q5_0(const std::byte* in, float* out) {
    const float d = half_at(in);
    unpack_nibbles(
        in + 6, load<uint32_t>(in + 2), [d](int32_t q) { return static_cast<float>(q - 16) * d; }, out);
}

void block_q5_1(const std::byte* in, float* out) {
    const float d = half_at(in), m = half_at(in + 2);
    unpack_nibbles(
        in + 8, load<uint32_t>(in + 4), [d, m](int32_t q) { return static_cast<float>(q) * d + m; }, out);
}

void block_q8_0(const std::byte* in, float* out) {
    const float d = half_at(in);
    for (size_t j = 0; j < 32; ++j) out[j] = static_cast<float>(signed_at(in + 2, j)) * d;
}

struct ScaleMin {
    float scale, min;
};

/// The eight 6-bit scales and minima of Q4_K and Q5_K, packed into 12 bytes.
ScaleMin packed_scale(const std::byte* in, size_t j) {
    if (j < 4) return {static_cast<float>(byte_at(in, j) & 63), static_cast<float>(byte_at(in, j + 4) & 63)};
    const uint32_t low = byte_at(in, j + 4);
    return {static_cast<float>((low & 15) | (byte_at(in, j - 4) >> 6) << 4),
            static_cast<float>((low >> 4) | (byte_at(in, j) >> 6) << 4)};
}

/// Eight groups of 32; `high` (null for Q4_K) holds bit 4 of group g in its bit g.
void block_k45(const std::byte* in, const std::byte* high, const std::byte* nibbles, float* out) {
    const float d = half_at(in), dmin = half_at(in + 2);
    for (uint32_t g = 0; g < 8; ++g) {
        const ScaleMin s = packed_scale(in + 4, g);
        const float scale = d * s.scale, min = dmin * s.min;
        for (uint32_t l = 0; l < 32; ++l) {
            uint32_t q = (byte_at(nibbles, g / 2 * 32 + l) >> (g % 2 * 4)) & 15;
            if (high != nullptr) q |= ((byte_at(high, l) >> g) & 1) << 4;
            out[g * 32 + l] = scale * static_cast<float>(q) - min;
        }
    }
}

void block_q4_k(const std::byte* in, float* out) { block_k45(in, nullptr, in + 16, out); }
void block_q5_k(const std::byte* in, float* out) { block_k45(in, in + 16, in + 48, out); }

void block_q6_k(const std::byte* in, float* out) {
    const std::byte *low = in, *high = in + 128, *scales = in + 192;
    const float d = half_at(in + 208);
    for (uint32_t i = 0; i < 256; ++i) {
        const uint32_t half = i / 128, row = i % 128 / 32, l = i % 32;
        const uint32_t nibble = (byte_at(low, half * 64 + row % 2 * 32 + l) >> (row / 2 * 4)) & 15;
        const uint32_t top = (byte_at(high, half * 32 + l) >> (row * 2)) & 3;
        const int32_t q = static_cast<int32_t>(nibble | top << 4) - 32;
        out[i] = d * static_cast<float>(signed_at(scales, i / 16)) * static_cast<float>(q);
    }
}

template <class Block>
void each_block(TensorType type, const std::byte* data, size_t count, float* out, Block block) {
    const size_t values = block_values(type), bytes = block_bytes(type);
    for (size_t i = 0; i < count / values; ++i) block(data + i * bytes, out + i * values);
}

}  // namespace

void dequantize(TensorType type, const std::byte* data, size_t count, float* out) {
    assert(count % block_values(type) == 0);
    const auto f32 = [](const std::byte* in, float* to) { *to = load<float>(in); };
    const auto f16 = [](const std::byte* in, float* to) { *to = half_at(in); };
    const auto bf16 = [](const std::byte* in, float* to) { *to = bfloat16_to_float(load<uint16_t>(in)); };
    switch (type) {
        case TensorType::kF32:
            return each_block(type, data, count, out, f32);
        case TensorType::kF16:
            return each_block(type, data, count, out, f16);
        case TensorType::kBF16:
            return each_block(type, data, count, out, bf16);
        case TensorType::kQ4_0:
            return each_block(type, data, count, out, block_q4_0);
        case TensorType::kQ4_1:
            return each_block(type, data, count, out, block_q4_1);
        case TensorType::kQ5_0:
            return each_block(type, data, count, out, block_q5_0);
        case TensorType::kQ5_1:
            return each_block(type, data, count, out, block_q5_1);
        case TensorType::kQ8_0:
            return each_block(type, data, count, out, block_q8_0);
        case TensorType::kQ4_K:
            return each_block(type, data, count, out, block_q4_k);
        case TensorType::kQ5_K:
            return each_block(type, data, count, out, block_q5_k);
        case TensorType::kQ6_K:
            return each_block(type, data, count, out, block_q6_k);
    }
}

}  // namespace pitwall::engine
