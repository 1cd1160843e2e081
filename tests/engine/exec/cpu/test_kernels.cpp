// SPDX-License-Identifier: GPL-3.0-or-later
//
// Every kernel of every tier that runs here against float64, and the tiers that promise equal bits against each other.
#include "engine/exec/cpu/kernels/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "engine/exec/cpu/packed_matrix.h"
#include "engine/model/half.h"
#include "tests/engine/exec/cpu/support.h"

namespace pitwall::engine::cpu {
namespace {

std::vector<float> random_floats(size_t count, std::mt19937& random, float size = 1) {
    std::uniform_real_distribution<float> uniform(-size, size);
    std::vector<float> out(count);
    for (auto& value : out) value = uniform(random);
    return out;
}

class EveryTier : public testing::TestWithParam<KernelTier> {
  protected:
    const Kernels& kernels() const { return kernels_of(GetParam()); }
    std::mt19937 random_{3};
};

TEST_P(EveryTier, TileAgreesWithFloat64InAllShapes) {
    for (uint32_t rows = 1; rows <= 26; ++rows) {
        for (uint32_t vectors = 1; vectors <= 5; ++vectors) {
            const uint32_t k = 37, n = vectors * 16;
            const auto a = random_floats(rows * 40, random_), b = random_floats(k * (n + 16), random_),
                       before = random_floats(rows * n, random_);
            for (const bool accumulate : {false, true}) {
                std::vector<float> c = before;
                kernels().floats.tile(
                    {a.data(), 40, b.data(), n + 16, c.data(), n, rows, vectors, k, accumulate});
                for (uint32_t r = 0; r < rows; ++r) {
                    for (uint32_t i = 0; i < n; ++i) {
                        double want = accumulate ? double(before[r * n + i]) : 0;
                        for (uint32_t j = 0; j < k; ++j)
                            want += double(a[r * 40 + j]) * double(b[j * (n + 16) + i]);
                        ASSERT_NEAR(c[r * n + i], want, 1e-5) << rows << " rows, " << vectors << " vectors";
                    }
                }
            }
        }
    }
}

/// One token through a direct kernel, several through it, and all through the float scratch: the same bits.
TEST_P(EveryTier, DirectProductsHaveTheBitsOfTiles) {
    ThreadPool pool(1);
    int direct_kernels = 0;
    constexpr uint32_t kPanels = 7, kRows = 16 * kPanels;
    for (const TensorType type : kAllTypes) {
        const uint32_t depth = block_values(type) == 1 ? 301 : 512;
        const auto blocks = random_blocks(type, size_t{kRows} * depth, 1.0f, random_);
        const auto packed =
            PackedMatrix::pack({type, kRows, depth, blocks.data(), blocks.size()}, "sample", pool);
        ASSERT_TRUE(packed.ok());
        std::vector<const std::byte*> panels;
        std::vector<float> weights(size_t{depth} * kRows);
        for (uint32_t p = 0; p < kPanels; ++p) {
            panels.push_back(packed.value().panel(p));
            kernels().floats.unpack(packed.value().format(), panels[p], 0, depth, weights.data() + 16 * p,
                                    kRows);
        }
        for (uint32_t tokens = 1; tokens <= kDirectTokens; ++tokens) {
            const auto x = random_floats(size_t{tokens} * depth, random_);
            for (uint32_t count = 1; count <= kPanels; ++count) {
                const size_t ld = count * 16;
                std::vector<float> by_tile(tokens * ld), by_direct(tokens * ld);
                kernels().floats.tile({x.data(), depth, weights.data(), kRows, by_tile.data(), ld, tokens,
                                       count, depth, false});
                const bool done =
                    kernels().floats.direct({panels.data(), count, packed.value().format(), depth, x.data(),
                                             depth, tokens, by_direct.data(), ld});
                EXPECT_TRUE(done || tokens > 1 || block_values(type) > 1)
                    << "floats have a kernel in every tier";
                if (!done) continue;
                ++direct_kernels;
                ASSERT_EQ(std::memcmp(by_tile.data(), by_direct.data(), by_tile.size() * 4), 0)
                    << tensor_type_name(type) << ", " << tokens << " tokens, " << count << " panels";
            }
        }
    }
    EXPECT_GT(direct_kernels, 0);
}

TEST_P(EveryTier, ExponentialIsWithinTwoUnits) {
    std::vector<float> x;
    for (float value = -79.9f; value < 88; value += 0.00731f) x.push_back(value);
    for (const float value : {0.0f, -0.0f, 1e-30f, -1e-8f, 0.34657f, -80.0f}) x.push_back(value);
    while (x.size() % 16 != 0) x.push_back(1);
    std::vector<float> got(x.size());
    kernels().exponential(x.data(), static_cast<uint32_t>(x.size() / 16), got.data());
    for (size_t i = 0; i < x.size(); ++i) {
        const double want = std::exp(double(x[i]));
        ASSERT_NEAR(got[i] / want, 1, 2.5e-7) << x[i];
        ASSERT_TRUE(x[i] != 0 || got[i] == 1.0f) << "masks and merges count on exp(0) = 1";
    }
}

TEST_P(EveryTier, ExponentialHasDefinedEnds) {
    const float inf = std::numeric_limits<float>::infinity();
    const float x[16] = {-80.01f, -1e3f, -3e38f, -inf, 88.5f, 1e3f, inf, std::nanf("")};
    float got[16];
    kernels().exponential(x, 1, got);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(got[i], 0.0f);
    for (int i = 4; i < 8; ++i) EXPECT_TRUE(got[i] > 1e38f && got[i] < inf) << x[i] << " gave " << got[i];
}

TEST_P(EveryTier, NormAgreesWithFloat64) {
    for (const uint32_t size : {5u, 16u, 40u, 576u}) {
        const uint32_t count = (size + 15) / 16 * 16;
        auto x = random_floats(count, random_, 3), weight = random_floats(count, random_);
        for (uint32_t i = size; i < count; ++i) x[i] = weight[i] = 0;
        std::vector<float> out(count);
        kernels().rms_norm(x.data(), weight.data(), size, count, 1e-5f, out.data());
        double squares = 0;
        for (const float value : x) squares += double(value) * double(value);
        for (uint32_t i = 0; i < size; ++i)
            ASSERT_NEAR(out[i], double(x[i]) / std::sqrt(squares / size + 1e-5) * double(weight[i]), 2e-6);
    }
}

TEST_P(EveryTier, PairsAreRotatedWhateverTheWidth) {
    for (const uint32_t dim : {2u, 16u, 26u, 64u}) {
        constexpr uint32_t kHeads = 3;
        const auto x = random_floats(kHeads * dim, random_), angles = random_floats(dim / 2, random_, 3);
        std::vector<float> cosines(dim), sines(dim), out = x;
        for (uint32_t i = 0; i < dim; ++i) {
            cosines[i] = std::cos(angles[i / 2]);
            sines[i] = (i % 2 == 0 ? -1.0f : 1.0f) * std::sin(angles[i / 2]);
        }
        out.push_back(7);
        kernels().rotate_pairs({cosines.data(), sines.data(), dim}, out.data(), kHeads);
        EXPECT_EQ(out.back(), 7) << "nothing behind the last head";
        for (uint32_t i = 0; i < kHeads * dim; i += 2) {
            const double angle = double(angles[i % dim / 2]), a = double(x[i]), b = double(x[i + 1]);
            ASSERT_NEAR(out[i], a * std::cos(angle) - b * std::sin(angle), 1e-6);
            ASSERT_NEAR(out[i + 1], b * std::cos(angle) + a * std::sin(angle), 1e-6);
        }
    }
}

TEST_P(EveryTier, ScalingEndsWithItsCount) {
    const auto x = random_floats(40, random_);
    for (const uint32_t count : {1u, 16u, 37u}) {
        std::vector<float> out(40, 7);
        kernels().scale(x.data(), 0.5f, count, out.data());
        for (uint32_t i = 0; i < 40; ++i) ASSERT_EQ(out[i], i < count ? x[i] * 0.5f : 7.0f);
    }
}

TEST_P(EveryTier, LargestIsTheFirstOfEqualsAndANumber) {
    auto x = random_floats(32, random_);
    x[3] = x[24] = x[27] = 9;
    x[2] = std::nanf("");
    x[31] = 100;  // behind the last
    Largest largest;
    kernels().keep_largest({x.data() + 16, 15, 116}, largest);
    EXPECT_EQ(largest.column, 124);
    kernels().keep_largest({x.data(), 16, 100}, largest);
    EXPECT_EQ(largest.column, 103) << "the first, whichever panel came first";
    EXPECT_EQ(largest.value, 9);
    for (const float nothing : {std::nanf(""), -std::numeric_limits<float>::infinity()}) {
        const std::vector<float> row(16, nothing);
        Largest none;
        kernels().keep_largest({row.data(), 16, 0}, none);
        EXPECT_EQ(none.column, -1);
    }
}

TEST_P(EveryTier, SwigluAgreesWithFloat64) {
    constexpr uint32_t kTokens = 100, kLd = 48, kOut = 20;
    auto sums = random_floats(kTokens * kLd, random_, 20);
    sums[0] = -200, sums[1] = 200, sums[2] = 0;
    std::vector<float> out(kTokens * kOut, 7);
    kernels().swiglu({sums.data(), kLd, kTokens, out.data(), kOut});
    for (uint32_t token = 0; token < kTokens; ++token)
        for (uint32_t i = 0; i < kOut; ++i) {
            const double gate = double(sums[token * kLd + i]), up = double(sums[token * kLd + 16 + i]);
            const double want = i < 16 ? gate / (1 + std::exp(-gate)) * up : 7;
            ASSERT_NEAR(out[token * kOut + i], want, 1e-6 * (1 + std::abs(want))) << gate;
        }
}

TEST_P(EveryTier, AddAdds) {
    auto out = random_floats(60, random_);
    const auto before = out, sums = random_floats(54, random_);
    kernels().add({sums.data(), 18, 3, out.data(), 20});
    for (size_t token = 0; token < 3; ++token)
        for (size_t i = 0; i < 20; ++i)
            EXPECT_EQ(out[token * 20 + i], before[token * 20 + i] + (i < 16 ? sums[token * 18 + i] : 0));
}

INSTANTIATE_TEST_SUITE_P(Kernels, EveryTier, testing::ValuesIn(available_kernel_tiers()),
                         [](const auto& tier) { return tier_test_name(tier.param); });

TEST(KernelTiers, Avx2AndAvx512GiveTheSameBitsInAWholeModel) {
    if (!kernel_tier_available(KernelTier::kAvx512)) GTEST_SKIP() << "this processor has no AVX-512";
    std::mt19937 random(5);
    for (const TensorType type : {TensorType::kQ4_1, TensorType::kQ6_K, TensorType::kF16}) {
        const TestModel model(even_config(), {type, TensorType::kQ8_0}, 5);
        const auto tokens = random_tokens(300, model.config().vocab_size, random);
        const auto table = blocks_from(0, 20);
        EXPECT_EQ(Hand(model, 1, KernelTier::kAvx2).logits(tokens, 300, table),
                  Hand(model, 1, KernelTier::kAvx512).logits(tokens, 300, table))
            << tensor_type_name(type);
    }
}

}  // namespace
}  // namespace pitwall::engine::cpu
