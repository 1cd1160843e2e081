// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "engine/model/half.h"
#include "engine/model/model.h"

namespace pitwall::engine {
namespace {

using Bytes = std::vector<uint8_t>;

/// binary16 by its definition.
double half_value(unsigned bits) {
    const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const double sign = bits & 0x8000 ? -1 : 1;
    if (exponent == 31) return fraction ? std::nan("") : sign * INFINITY;
    return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25));
}

TEST(Half, EveryValueGoesToFloatAndBack) {
    for (unsigned bits = 0; bits < 65536; ++bits) {
        const float value = half_to_float(static_cast<uint16_t>(bits));
        if (std::isnan(value)) {
            EXPECT_TRUE(std::isnan(half_value(bits)));
            EXPECT_TRUE(std::isnan(half_to_float(float_to_half(value))));
        } else {
            EXPECT_EQ(static_cast<double>(value), half_value(bits));
            EXPECT_EQ(float_to_half(value), bits);
        }
    }
}

TEST(Half, RoundsToTheNearestAndTiesToEven) {
    std::mt19937 random(1);
    for (int i = 0; i < 200'000; ++i) {
        const float value = std::bit_cast<float>(static_cast<uint32_t>(random()));
        if (std::isnan(value)) continue;
        const uint16_t got = float_to_half(value);
        if (std::abs(value) >= 65520) {
            EXPECT_TRUE(std::isinf(half_to_float(got))) << value;
            continue;
        }
        const double error = std::abs(half_value(got) - static_cast<double>(value));
        for (const int step : {-1, 1}) {
            const auto other = static_cast<uint16_t>(got + step);
            if ((other ^ got) & 0x8000 || (other & 0x7fff) > 0x7bff) continue;
            const double away = std::abs(half_value(other) - static_cast<double>(value));
            EXPECT_TRUE(error < away || (error == away && got % 2 == 0)) << value;
        }
    }
}

TEST(Bfloat16, EveryValueGoesToFloatAndBack) {
    for (unsigned bits = 0; bits < 65536; ++bits) {
        const float value = bfloat16_to_float(static_cast<uint16_t>(bits));
        if (std::isnan(value))
            EXPECT_TRUE(std::isnan(bfloat16_to_float(float_to_bfloat16(value))));
        else
            EXPECT_EQ(float_to_bfloat16(value), bits);
    }
}

TEST(Bfloat16, RoundsToTheNearestAndTiesToEven) {
    std::mt19937 random(2);
    for (int i = 0; i < 200'000; ++i) {
        const auto bits = static_cast<uint32_t>(random()) & (i % 2 == 0 ? ~0u : 0xffff8000u);  // ties as well
        const float value = std::bit_cast<float>(bits);
        if (!std::isfinite(value) || std::abs(value) > 3e38f) continue;
        const uint16_t got = float_to_bfloat16(value);
        const auto away = [&](int step) {
            const float other = bfloat16_to_float(static_cast<uint16_t>(got + step));
            return std::abs(static_cast<double>(other) - static_cast<double>(value));
        };
        for (const int step : {-1, 1}) {
            if (((got + step) ^ got) & 0x8000) continue;
            EXPECT_TRUE(away(0) < away(step) || (away(0) == away(step) && got % 2 == 0)) << value;
        }
    }
}

/// Bits `from` .. `from + count` of a field that is filled from the low bits of its first byte.
unsigned field(const uint8_t* bytes, unsigned from, unsigned count) {
    unsigned out = 0;
    for (unsigned i = 0; i < count; ++i) out |= ((bytes[(from + i) / 8] >> ((from + i) % 8)) & 1u) << i;
    return out;
}

double half_in(const uint8_t* at) { return half_value(static_cast<unsigned>(at[0] | at[1] << 8)); }

/// Value `i` of one block, written down value by value from the description of the format.
double reference(TensorType type, const uint8_t* b, unsigned i) {
    const unsigned nibble32 = i % 16 * 8 + (i / 16) * 4;  // position in bits within 16 bytes
    switch (type) {
        case TensorType::kQ4_0:
            return half_in(b) * (static_cast<int>(field(b + 2, nibble32, 4)) - 8);
        case TensorType::kQ4_1:
            return half_in(b) * field(b + 4, nibble32, 4) + half_in(b + 2);
        case TensorType::kQ5_0: {
            const unsigned q = field(b + 6, nibble32, 4) + 16 * field(b + 2, i, 1);
            return half_in(b) * (static_cast<int>(q) - 16);
        }
        case TensorType::kQ5_1: {
            const unsigned q = field(b + 8, nibble32, 4) + 16 * field(b + 4, i, 1);
            return half_in(b) * q + half_in(b + 2);
        }
        case TensorType::kQ8_0:
            return half_in(b) * static_cast<int8_t>(b[2 + i]);
        case TensorType::kQ4_K:
        case TensorType::kQ5_K: {
            const unsigned group = i / 32;
            unsigned scale = field(b + 4, group * 8, 6), min = field(b + 4, group * 8 + 32, 6);
            if (group >=
                4) {  // four low bits together in the last four bytes, two high bits above the others
                scale = field(b + 4, 64 + (group - 4) * 8, 4) + 16 * field(b + 4, (group - 4) * 8 + 6, 2);
                min = field(b + 4, 68 + (group - 4) * 8, 4) + 16 * field(b + 4, (group - 4) * 8 + 38, 2);
            }
            const uint8_t* low = b + (type == TensorType::kQ4_K ? 16 : 48);
            unsigned q = field(low, (group / 2 * 32 + i % 32) * 8 + group % 2 * 4, 4);
            if (type == TensorType::kQ5_K) q += 16 * field(b + 16, i % 32 * 8 + group, 1);
            return half_in(b) * scale * q - half_in(b + 2) * min;
        }
        case TensorType::kQ6_K: {
            const unsigned n = i / 128, quarter = i % 128 / 32, l = i % 32;
            const unsigned low = field(b, (n * 64 + quarter % 2 * 32 + l) * 8 + quarter / 2 * 4, 4);
            const unsigned high = field(b + 128, (n * 32 + l) * 8 + quarter * 2, 2);
            return half_in(b + 208) * static_cast<int8_t>(b[192 + i / 16]) *
                   (static_cast<int>(low + 16 * high) - 32);
        }
        default:
            return 0;
    }
}

class Dequantize : public ::testing::TestWithParam<TensorType> {};

TEST_P(Dequantize, EqualsTheFormulaValueByValue) {
    const TensorType type = GetParam();
    std::mt19937 random(static_cast<unsigned>(type));
    constexpr size_t kBlocks = 50;
    const size_t values = block_values(type), bytes = block_bytes(type);
    Bytes data(kBlocks * bytes);
    for (uint8_t& b : data) b = static_cast<uint8_t>(random());
    // Scales near one, so that every difference shows: the halves lie at the front, in Q6_K at the end.
    for (size_t b = 0; b < kBlocks; ++b) {
        const size_t first = type == TensorType::kQ6_K ? 208 : 0;
        for (const size_t at : {first, type == TensorType::kQ6_K ? first : 2}) {
            if (type == TensorType::kQ8_0 || type == TensorType::kQ4_0 || type == TensorType::kQ5_0) {
                if (at == 2) continue;
            }
            data[b * bytes + at + 1] = static_cast<uint8_t>(0x30 + random() % 12);
        }
    }
    std::vector<float> out(kBlocks * values);
    dequantize(type, reinterpret_cast<const std::byte*>(data.data()), out.size(), out.data());
    for (size_t i = 0; i < out.size(); ++i) {
        const double expected =
            reference(type, data.data() + i / values * bytes, static_cast<unsigned>(i % values));
        ASSERT_NEAR(out[i], expected, std::abs(expected) * 1e-5 + 1e-4) << "value " << i;
    }
}

INSTANTIATE_TEST_SUITE_P(Formats, Dequantize,
                         ::testing::Values(TensorType::kQ4_0, TensorType::kQ4_1, TensorType::kQ5_0,
                                           TensorType::kQ5_1, TensorType::kQ8_0, TensorType::kQ4_K,
                                           TensorType::kQ5_K, TensorType::kQ6_K),
                         [](const auto& test) { return std::string(tensor_type_name(test.param)); });

TEST(DequantizePlain, FloatsOfEveryWidth) {
    const float f32[] = {1.5f, -0.0f, 3e38f};
    float out[3];
    dequantize(TensorType::kF32, reinterpret_cast<const std::byte*>(f32), 3, out);
    EXPECT_EQ(out[0], 1.5f);
    EXPECT_EQ(out[2], 3e38f);
    const uint16_t f16[] = {0x3c00, 0xc000, 0x0001};
    dequantize(TensorType::kF16, reinterpret_cast<const std::byte*>(f16), 3, out);
    EXPECT_EQ(out[0], 1.0f);
    EXPECT_EQ(out[1], -2.0f);
    EXPECT_EQ(out[2], 0x1p-24f);
    const uint16_t bf16[] = {0x3f80, 0xc040, 0x0000};
    dequantize(TensorType::kBF16, reinterpret_cast<const std::byte*>(bf16), 3, out);
    EXPECT_EQ(out[0], 1.0f);
    EXPECT_EQ(out[1], -3.0f);
}

TEST(TensorTypes, BlocksHaveTheFormatsSizes) {
    EXPECT_EQ(row_bytes(TensorType::kQ4_1, 64), 40u);
    EXPECT_EQ(row_bytes(TensorType::kQ6_K, 512), 420u);
    EXPECT_EQ(row_bytes(TensorType::kBF16, 3), 6u);
    EXPECT_EQ(tensor_type_name(TensorType::kQ5_K), "Q5_K");
}

}  // namespace
}  // namespace pitwall::engine
