// SPDX-License-Identifier: GPL-3.0-or-later
//
// Products in bfloat16 of every tier that has them: rounding, what comes out against float64, and equal bits however the
// work is cut.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include "engine/exec/cpu/kernels/kernels.h"
#include "engine/exec/cpu/multiplier.h"
#include "engine/exec/cpu/packed_matrix.h"
#include "engine/model/half.h"
#include "tests/engine/exec/cpu/support.h"

namespace pitwall::engine::cpu {
namespace {

constexpr TensorType kFloatTypes[] = {TensorType::kF32, TensorType::kF16, TensorType::kBF16};
constexpr TensorType kQuantizedTypes[] = {TensorType::kQ4_0, TensorType::kQ4_1, TensorType::kQ5_0,
                                          TensorType::kQ5_1, TensorType::kQ8_0, TensorType::kQ4_K,
                                          TensorType::kQ5_K, TensorType::kQ6_K};

/// As the processor rounds: denormal numbers are zero.
uint16_t to_bfloat(float value) {
    return float_to_bfloat16(std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0f, value) : value);
}
float through_bfloat(float value) { return bfloat16_to_float(to_bfloat(value)); }

std::vector<float> random_rows(size_t count, std::mt19937& random) {
    std::normal_distribution<float> normal;
    std::vector<float> out(count);
    for (auto& value : out) value = normal(random);
    return out;
}

class BfloatProducts : public testing::TestWithParam<KernelTier> {
  protected:
    void SetUp() override {
        if (kernels().bfloats == nullptr) GTEST_SKIP() << "this tier has none";
    }
    const Kernels& kernels() const { return kernels_of(GetParam()); }
    const BfloatKernels& bfloats() const { return *kernels().bfloats; }
    /// Those that bfloat16 meets.
    std::vector<TensorType> types() const {
        std::vector<TensorType> types(std::begin(kFloatTypes), std::end(kFloatTypes));
        if (kernels().tiles != nullptr)
            types.insert(types.end(), std::begin(kQuantizedTypes), std::end(kQuantizedTypes));
        return types;
    }
    PackedMatrix matrix(TensorType type, uint32_t rows, uint32_t k) {
        const auto blocks = random_blocks(type, size_t{rows} * k, 1.0f, random_);
        return PackedMatrix::pack({type, rows, k, blocks.data(), blocks.size()}, "sample", pool_).value();
    }
    /// [tokens, pairs], with what lies behind them.
    std::vector<BfloatPair> rounded(const std::vector<float>& x, uint32_t k, size_t ld) const {
        std::vector<BfloatPair> out(x.size() / k * ld);
        for (size_t token = 0; token < x.size() / k; ++token)
            bfloats().round(x.data() + token * k, k, out.data() + token * ld);
        return out;
    }
    /// [tokens, columns] by a multiplier of its own.
    std::vector<float> multiplied(const Product& product, ActivationDtype dtype, const std::vector<float>& x,
                                  uint32_t columns, uint32_t threads = 1) {
        const auto tokens = static_cast<uint32_t>(x.size() / product.k());
        ThreadPool pool(threads);
        Multiplier multiplier = Multiplier::create(pool, kernels(), tokens, product.k()).value();
        multiplier.set_activation_dtype(dtype);
        std::vector<float> out(size_t{tokens + kTileTokens} * columns);
        multiplier.multiply(product, x.data(), product.k(), tokens, {out.data(), columns, nullptr, columns});
        out.resize(size_t{tokens} * columns);
        return out;
    }

    /// [rows, k], as they meet activations: a token of a one among zeros gives a column of them.
    std::vector<float> weights_in_use(const PackedMatrix& weights) {
        const uint32_t rows = weights.rows(), k = weights.columns();
        Product product;
        product.append(weights, 0);
        std::vector<float> ones(size_t{k} * k), out(size_t{rows} * k);
        for (uint32_t i = 0; i < k; ++i) ones[i * size_t{k} + i] = 1;
        const auto columns = multiplied(product, ActivationDtype::kBf16, ones, rows);
        for (uint32_t i = 0; i < k; ++i)
            for (uint32_t r = 0; r < rows; ++r) out[r * size_t{k} + i] = columns[i * size_t{rows} + r];
        return out;
    }
    /// The same, rounded by the rule; where they go through binary16 in tiles, as the kernel has them (ATileHoldsEachWeight).
    std::vector<float> rounded_weights(const PackedMatrix& weights) {
        if (kernels().tiles != nullptr && has_small_weights(weights.format())) return weights_in_use(weights);
        const uint32_t k = weights.columns();
        std::vector<float> out(weights.rows() * size_t{k});
        for (uint32_t r = 0; r < weights.rows(); ++r) weights.unpack_row(r, out.data() + r * size_t{k});
        for (float& weight : out) weight = through_bfloat(weight);
        return out;
    }

    std::mt19937 random_{17};
    ThreadPool pool_{1};
};

TEST_P(BfloatProducts, RowsAreRoundedToNearestWithZerosBehind) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    auto x = random_rows(77, random_);
    const float edges[] = {1.00390625f, 1.01171875f, -1.00390625f, 1e-40f, -1e-40f,  // ties go to even
                           3.4e38f,     kInfinity,   -kInfinity,   0.0f,   -0.0f};
    std::copy(std::begin(edges), std::end(edges), x.begin());
    for (const uint32_t k : {1u, 2u, 16u, 31u, 32u, 33u, 47u, 48u, 49u, 77u}) {
        std::vector<BfloatPair> out((k + 31) / 32 * 16, {7, 7});
        bfloats().round(x.data(), k, out.data());
        for (uint32_t i = 0; i < 2 * out.size(); ++i) {
            const uint16_t got = i % 2 == 0 ? out[i / 2].first : out[i / 2].second;
            ASSERT_EQ(got, i < k ? to_bfloat(x[i]) : 0) << "value " << i << " of " << k << ", " << x[i];
        }
    }
}

TEST_P(BfloatProducts, PanelsUnpackToPairs) {
    constexpr uint32_t kRows = 20, kDepth = 41, kLd = 40;
    for (const TensorType type : kFloatTypes) {
        const PackedMatrix weights = matrix(type, kRows, kDepth);
        std::vector<float> row(kDepth + 1);
        for (const auto& [begin, count] : {std::pair<uint32_t, uint32_t>{0, 21}, {4, 9}, {20, 1}}) {
            std::vector<BfloatPair> out(size_t{count} * kLd);
            for (uint32_t p = 0; p < weights.panels(); ++p)
                bfloats().products.unpack(weights.format(), weights.panel(p), begin, count,
                                          out.data() + 16 * size_t{p}, kLd);
            for (uint32_t r = 0; r < kRows; ++r) {
                weights.unpack_row(r, row.data());
                for (uint32_t i = 0; i < count; ++i) {
                    ASSERT_EQ(out[i * kLd + r].first, to_bfloat(row[2 * (begin + i)]))
                        << tensor_type_name(type);
                    ASSERT_EQ(out[i * kLd + r].second, to_bfloat(row[2 * (begin + i) + 1]))
                        << tensor_type_name(type);
                }
            }
        }
    }
}

/// Sums of a row of rounded weights with tokens of rounded activations, and of the sizes of what is added.
struct Reference {
    double sum = 0, size = 0;
};
Reference reference(std::span<const float> row, const float* x) {
    Reference out;
    for (size_t i = 0; i < row.size(); ++i) {
        const double term = double(row[i]) * double(through_bfloat(x[i]));
        out.sum += term, out.size += std::abs(term);
    }
    return out;
}

/// Of quantized formats k is whole blocks; others may have any, and of a multiple of 32 other kernels.
std::vector<uint32_t> depths_of(TensorType type) {
    const uint32_t block = block_values(type);
    if (block == 1) return {41, 64, 600, 768};
    if (block == 32) return {32, 96, 768};
    return {256, 768};
}

TEST_P(BfloatProducts, AgreeWithFloat64OfTheRoundedValues) {
    constexpr uint32_t kRows = 16 * 3;
    for (const TensorType type : types()) {
        for (const uint32_t k : depths_of(type)) {
            const PackedMatrix weights = matrix(type, kRows, k);
            Product product;
            product.append(weights, 0);
            const std::vector<float> rows = rounded_weights(weights);
            for (const uint32_t tokens : {1u, 2u, 3u, 16u, 17u, 40u}) {
                const auto x = random_rows(size_t{tokens} * k, random_);
                const auto got = multiplied(product, ActivationDtype::kBf16, x, kRows);
                for (uint32_t r = 0; r < kRows; ++r) {
                    const std::span row(rows.data() + r * size_t{k}, k);
                    for (uint32_t token = 0; token < tokens; ++token) {
                        const Reference want = reference(row, x.data() + token * size_t{k});
                        ASSERT_NEAR(got[token * kRows + r], want.sum, 2e-6 * want.size)
                            << tensor_type_name(type) << " of " << k << ", row " << r << ", token " << token
                            << " of " << tokens;
                    }
                }
            }
        }
    }
}

/// Rounded twice: to the 11 bits of binary16, of which a K-quant's scales have no more either, then to 8.
TEST_P(BfloatProducts, ATileHoldsEachWeight) {
    if (kernels().tiles == nullptr) GTEST_SKIP() << "this tier multiplies floats alone in bfloat16";
    constexpr uint32_t kRows = 32, kDepth = 256;
    std::vector<std::pair<TensorType, float>> types_and_sizes;
    for (const TensorType type : types())
        for (const float size : {1.0f, 1e-3f}) types_and_sizes.emplace_back(type, size);
    for (const auto& [type, size] : types_and_sizes) {
        const auto blocks = random_blocks(type, size_t{kRows} * kDepth, size, random_);
        const PackedMatrix weights =
            PackedMatrix::pack({type, kRows, kDepth, blocks.data(), blocks.size()}, "sample", pool_).value();
        const std::vector<float> got = weights_in_use(weights);
        std::vector<float> row(kDepth);
        for (uint32_t r = 0; r < kRows; ++r) {
            weights.unpack_row(r, row.data());
            const float largest = std::ranges::max(row, {}, [](float w) { return std::abs(w); });
            const float scales = type == TensorType::kQ4_K ? 0x1p-10f * std::abs(largest) : 0;
            for (uint32_t i = 0; i < kDepth; ++i)
                ASSERT_NEAR(got[r * kDepth + i], row[i],
                            (0x1p-8f + 0x1p-11f) * std::abs(row[i]) + scales + 0x1p-20f)
                    << tensor_type_name(type) << ", row " << r << ", k " << i;
        }
    }
}

/// What binary16 cannot hold, of weights and of activations, is the nearest that it can.
TEST_P(BfloatProducts, WhatIsOutsideATilesRangeIsAtItsEnd) {
    if (kernels().tiles == nullptr) GTEST_SKIP() << "this tier multiplies floats alone in bfloat16";
    constexpr uint32_t kRows = 16, kDepth = 32, kBlockBytes = 2 + kDepth;  // Q8_0: d, then bytes
    for (const auto& [d, byte] :
         {std::pair{0x1p-24f, 15}, {0x1p-24f, 16}, {0x1p-14f, 99}, {8.0f, 127}, {10.0f, 127}}) {
        std::vector<std::byte> blocks(kRows * kBlockBytes, static_cast<std::byte>(byte));
        const uint16_t half = float_to_half(d);
        for (uint32_t row = 0; row < kRows; ++row)
            std::memcpy(blocks.data() + row * kBlockBytes, &half, sizeof half);
        blocks[3] = static_cast<std::byte>(-byte);
        const PackedMatrix weights =
            PackedMatrix::pack({TensorType::kQ8_0, kRows, kDepth, blocks.data(), blocks.size()}, "sample",
                               pool_)
                .value();
        const std::vector<float> got = weights_in_use(weights);
        const float exact = static_cast<float>(byte) * d;
        const float want = exact < 0x1p-20f ? 0 : exact > 1023 ? 1024 : exact;
        EXPECT_NEAR(got[0], want, 0x1p-8f * want) << d;
        EXPECT_NEAR(got[1], -want, 0x1p-8f * want) << d;
        if (want == 0 || want == 1024) continue;
        Product product;
        product.append(weights, 0);
        for (const float x : {1e-30f, 1e6f, 1e8f, -3e38f}) {
            std::vector<float> row(kDepth);
            row[0] = x;
            const float held = std::clamp(x, -0x1p22f, 0x1p22f);
            EXPECT_NEAR(multiplied(product, ActivationDtype::kBf16, row, kRows)[0], want * held,
                        0x1p-6f * std::abs(want * held));
        }
    }
}

/// Few tokens through a direct kernel, or all through unpacked weights, in one piece or two: the same bits.
TEST_P(BfloatProducts, DirectProductsHaveTheBitsOfTiles) {
    constexpr uint32_t kPanels = 7, kRows = 16 * kPanels, kDepth = 301, kPairs = 151, kLd = 160, kFirst = 64;
    int direct_kernels = 0;
    for (const TensorType type : kFloatTypes) {
        const PackedMatrix weights = matrix(type, kRows, kDepth);
        std::vector<const std::byte*> panels;
        std::vector<BfloatPair> unpacked(size_t{kPairs} * kRows);
        for (uint32_t p = 0; p < kPanels; ++p) {
            panels.push_back(weights.panel(p));
            bfloats().products.unpack(weights.format(), panels[p], 0, kPairs, unpacked.data() + 16 * p,
                                      kRows);
        }
        for (uint32_t tokens = 1; tokens <= kDirectTokens; ++tokens) {
            const auto x = rounded(random_rows(size_t{tokens} * kDepth, random_), kDepth, kLd);
            for (uint32_t count = 1; count <= kPanels; ++count) {
                const size_t ld = count * 16;
                std::vector<float> by_tile(tokens * ld), by_direct(tokens * ld);
                bfloats().products.tile({x.data(), kLd, unpacked.data(), kRows, by_tile.data(), ld, tokens,
                                         count, kFirst, false});
                bfloats().products.tile({x.data() + kFirst, kLd, unpacked.data() + kFirst * kRows, kRows,
                                         by_tile.data(), ld, tokens, count, kPairs - kFirst, true});
                if (!bfloats().products.direct({panels.data(), count, weights.format(), kPairs, x.data(), kLd,
                                                tokens, by_direct.data(), ld}))
                    continue;
                ++direct_kernels;
                ASSERT_EQ(std::memcmp(by_tile.data(), by_direct.data(), by_tile.size() * 4), 0)
                    << tensor_type_name(type) << ", " << tokens << " tokens, " << count << " panels";
            }
        }
    }
    EXPECT_GT(direct_kernels, 0);
}

/// However many tokens go together, over however many threads: the bits of a token are its own.
TEST_P(BfloatProducts, ATokenHasTheSameBitsInAnyCompany) {
    constexpr uint32_t kRows = 16 * 9, kTokens = 300;
    for (const TensorType type : types()) {
        const uint32_t k = depths_of(type).back() - (type == TensorType::kF16 ? 168 : 0);
        const PackedMatrix weights = matrix(type, kRows, k);
        Product product;
        product.append(weights, 0);
        const auto x = random_rows(size_t{kTokens} * k, random_);
        const auto all = multiplied(product, ActivationDtype::kBf16, x, kRows, 2);
        for (const uint32_t tokens :
             {1u, 2u, 3u, 4u, 5u, 6u, 7u, 13u, 16u, 17u, 33u, 40u, 48u, 63u, 64u, 65u, 129u, 290u}) {
            const uint32_t first = static_cast<uint32_t>(random_() % (kTokens - tokens));
            const std::vector<float> some(x.begin() + first * k, x.begin() + (first + tokens) * k);
            const auto alone = multiplied(product, ActivationDtype::kBf16, some, kRows, tokens % 3 + 1);
            ASSERT_EQ(std::memcmp(alone.data(), all.data() + first * kRows, alone.size() * sizeof(float)), 0)
                << tensor_type_name(type) << ", " << tokens << " tokens";
        }
    }
}

/// One multiplier for several products and numbers of tokens in turns: nothing of one is left for the next.
TEST_P(BfloatProducts, ProductsInTurnsHaveTheBitsOfThoseAlone) {
    constexpr uint32_t kRows = 16 * 4, kMostTokens = 70;
    struct Case {
        TensorType type;
        uint32_t k, tokens;
    };
    ThreadPool pool(2);
    Multiplier shared = Multiplier::create(pool, kernels(), kMostTokens, 600).value();
    shared.set_activation_dtype(ActivationDtype::kBf16);
    for (const Case& c : {Case{TensorType::kF16, 600, 70},
                          {TensorType::kBF16, 64, 1},
                          {TensorType::kBF16, 64, 1},
                          {TensorType::kF32, 537, 33},
                          {TensorType::kF16, 600, 70}}) {
        const PackedMatrix weights = matrix(c.type, kRows, c.k);
        Product product;
        product.append(weights, 0);
        const auto x = random_rows(size_t{c.tokens} * c.k, random_);
        std::vector<float> out(size_t{c.tokens + kTileTokens} * kRows);
        shared.multiply(product, x.data(), c.k, c.tokens, {out.data(), kRows, nullptr, kRows});
        out.resize(size_t{c.tokens} * kRows);
        EXPECT_EQ(out, multiplied(product, ActivationDtype::kBf16, x, kRows));
    }
}

/// Quantized panels beside floats are multiplied as with f32, but by those kernels that take them.
TEST_P(BfloatProducts, QuantizedWeightsMeetFloat32) {
    if (kernels().tiles != nullptr) GTEST_SKIP() << "this tier's tiles take all formats";
    constexpr uint32_t kDepth = 256, kRows = 48;
    const PackedMatrix quantized = matrix(TensorType::kQ4_1, kRows, kDepth),
                       floats = matrix(TensorType::kF16, kRows, kDepth);
    Product both, alone;
    both.append(floats, 0);
    both.append(quantized, kRows);
    alone.append(floats, 0);
    for (const uint32_t tokens : {1u, 3u, 9u}) {
        const auto x = random_rows(size_t{tokens} * kDepth, random_);
        const auto got = multiplied(both, ActivationDtype::kBf16, x, 2 * kRows),
                   in_f32 = multiplied(both, ActivationDtype::kF32, x, 2 * kRows),
                   in_bf16 = multiplied(alone, ActivationDtype::kBf16, x, kRows);
        for (uint32_t token = 0; token < tokens; ++token) {
            const auto row = got.begin() + token * 2 * kRows;
            EXPECT_TRUE(std::equal(row, row + kRows, in_bf16.begin() + token * kRows));
            EXPECT_TRUE(std::equal(row + kRows, row + 2 * kRows, in_f32.begin() + token * 2 * kRows + kRows));
        }
    }
}

/// But with tiles, which take all formats: then those of a product change nothing of each other.
TEST_P(BfloatProducts, InTilesEachMatrixHasTheBitsOfItAlone) {
    if (kernels().tiles == nullptr) GTEST_SKIP() << "this tier multiplies floats alone in bfloat16";
    constexpr uint32_t kDepth = 256, kRows = 48;  // an odd number of panels each: pairs are of both
    const TensorType mixed[] = {TensorType::kF16, TensorType::kQ4_1, TensorType::kQ6_K, TensorType::kQ8_0};
    std::vector<PackedMatrix> matrices;
    Product all;
    for (const TensorType type : mixed) matrices.push_back(matrix(type, kRows, kDepth));
    for (uint32_t i = 0; i < 4; ++i) all.append(matrices[i], i * kRows);
    for (const uint32_t tokens : {1u, 9u, 50u}) {
        const auto x = random_rows(size_t{tokens} * kDepth, random_);
        const auto got = multiplied(all, ActivationDtype::kBf16, x, 4 * kRows, 2);
        for (uint32_t i = 0; i < 4; ++i) {
            Product one;
            one.append(matrices[i], 0);
            const auto alone = multiplied(one, ActivationDtype::kBf16, x, kRows);
            for (uint32_t token = 0; token < tokens; ++token) {
                const auto row = got.begin() + (token * 4 + i) * kRows;
                EXPECT_TRUE(std::equal(row, row + kRows, alone.begin() + token * kRows))
                    << tensor_type_name(mixed[i]) << ", token " << token << " of " << tokens;
            }
        }
    }
}

/// Small rows and many tokens: the most that fit the scratch of a thread.
TEST_P(BfloatProducts, ManyTokensOfSmallRowsHaveTheBitsOfFew) {
    constexpr uint32_t kDepth = 64, kRows = 16 * 5, kTokens = 1040;
    const PackedMatrix weights = matrix(TensorType::kBF16, kRows, kDepth);
    Product product;
    product.append(weights, 0);
    const auto x = random_rows(size_t{kTokens} * kDepth, random_);
    for (const uint32_t tokens : {512u, kTokens}) {
        const std::vector<float> some(x.begin(), x.begin() + tokens * kDepth);
        const auto all = multiplied(product, ActivationDtype::kBf16, some, kRows);
        const std::vector<float> last(some.end() - kDepth, some.end());
        const auto alone = multiplied(product, ActivationDtype::kBf16, last, kRows);
        EXPECT_TRUE(std::equal(alone.begin(), alone.end(), all.end() - kRows));
    }
}

INSTANTIATE_TEST_SUITE_P(Kernels, BfloatProducts, testing::ValuesIn(available_kernel_tiers()),
                         [](const auto& tier) { return tier_test_name(tier.param); });

}  // namespace
}  // namespace pitwall::engine::cpu
