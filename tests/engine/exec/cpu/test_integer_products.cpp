// SPDX-License-Identifier: GPL-3.0-or-later
//
// Integer products of every tier that runs here: rounding, what comes out against float64, and equal bits however the
// work is cut.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "engine/exec/cpu/kernels/kernels.h"
#include "engine/exec/cpu/multiplier.h"
#include "engine/exec/cpu/packed_matrix.h"
#include "tests/engine/exec/cpu/support.h"

namespace pitwall::engine::cpu {
namespace {

constexpr ActivationDtype kIntegers[] = {ActivationDtype::kI8, ActivationDtype::kI16};

std::vector<float> random_rows(size_t count, std::mt19937& random) {
    std::normal_distribution<float> normal;
    std::vector<float> out(count);
    for (auto& value : out) value = normal(random);
    for (size_t i = 0; i < count; i += 97) out[i] *= 30;  // outliers, as activations have them
    return out;
}

/// What a rounded row stands for, by what its groups say of themselves.
std::vector<double> values_of(const TileRows& rows, uint32_t token, uint32_t k) {
    std::vector<double> out;
    for (uint32_t at = 0; at < k; ++at) {
        const std::byte* groups = rows.groups + at / kGroupValues * rows.group_stride;
        const uint32_t i = at % kGroupValues;
        if (rows.dtype == ActivationDtype::kI8) {
            const auto& group = reinterpret_cast<const GroupI8*>(groups)[token];
            EXPECT_EQ(group.factor[i / 16], group.wide_factor[i / 16]);
            out.push_back(double(rows.scales[token]) * group.factor[i / 16] * group.values[i]);
        } else {
            const auto& group = reinterpret_cast<const GroupI16*>(groups)[token];
            const uint32_t place = i % 4 == 1 ? i + 1 : i % 4 == 2 ? i - 1 : i;
            out.push_back(double(rows.scales[token]) * group.values[place]);
        }
    }
    return out;
}

class IntegerProducts : public testing::TestWithParam<KernelTier> {
  protected:
    const Kernels& kernels() const { return kernels_of(GetParam()); }
    IntegerRows rounded(ActivationDtype dtype, const std::vector<float>& x, uint32_t k) {
        IntegerRows rows = IntegerRows::create(static_cast<uint32_t>(x.size() / k), k).value();
        rows.lay_out(kernels(), dtype, k, static_cast<uint32_t>(x.size() / k));
        for (uint32_t token = 0; token * k < x.size(); ++token)
            rows.round(kernels(), token, x.data() + size_t{token} * k);
        return rows;
    }
    PackedMatrix matrix(TensorType type, uint32_t rows, uint32_t k) {
        blocks_ = random_blocks(type, size_t{rows} * k, 1.0f, random_);
        return PackedMatrix::pack({type, rows, k, blocks_.data(), blocks_.size()}, "sample", pool_).value();
    }
    /// [tokens, rows] by a multiplier of its own.
    std::vector<float> product(const PackedMatrix& weights, ActivationDtype dtype,
                               const std::vector<float>& x, uint32_t threads = 1) {
        const auto tokens = static_cast<uint32_t>(x.size() / weights.columns());
        ThreadPool pool(threads);
        Multiplier multiplier = Multiplier::create(pool, kernels(), tokens, weights.columns()).value();
        multiplier.set_activation_dtype(dtype);
        Product product;
        product.append(weights, 0);
        const uint32_t ld = round_to_panel(weights.rows());
        std::vector<float> out(size_t{tokens} * ld);
        multiplier.multiply(product, x.data(), weights.columns(), tokens, {out.data(), ld, nullptr, ld});
        return out;
    }

    std::mt19937 random_{11};
    ThreadPool pool_{1};
    std::vector<std::byte> blocks_;
};

TEST_P(IntegerProducts, RoundingIsWithinHalfAStep) {
    constexpr uint32_t kDepth = 96, kTokens = 13;
    const auto x = random_rows(size_t{kTokens} * kDepth, random_);
    for (const ActivationDtype dtype : kIntegers) {
        const IntegerRows rows = rounded(dtype, x, kDepth);
        for (uint32_t token = 0; token < kTokens; ++token) {
            const TileRows tile = rows.tile(token / rows.tile_height());
            const auto got = values_of(tile, token % rows.tile_height(), kDepth);
            for (uint32_t i = 0; i < kDepth; ++i) {
                const float* first = x.data() + token * kDepth;
                float peak = 0;  // of the values that share a scale
                const uint32_t begin = dtype == ActivationDtype::kI8 ? i / 16 * 16 : 0,
                               end = dtype == ActivationDtype::kI8 ? begin + 16 : kDepth;
                for (uint32_t j = begin; j < end; ++j) peak = std::max(peak, std::abs(first[j]));
                double step = double(peak) / (dtype == ActivationDtype::kI8 ? 127 : 32767);
                if (dtype == ActivationDtype::kI8) step += double(tile.scales[token % rows.tile_height()]);
                ASSERT_NEAR(got[i], first[i], 0.5001 * step) << token << ", " << i;
            }
        }
    }
}

TEST_P(IntegerProducts, NothingButZerosAndTinyValuesAreZero) {
    for (const ActivationDtype dtype : kIntegers) {
        std::vector<float> x(64, 0.0f);
        x[40] = 1e-36f;
        const IntegerRows rows = rounded(dtype, x, 64);
        for (const double value : values_of(rows.tile(0), 0, 64)) EXPECT_EQ(value, 0);
    }
}

/// The integers' products are exact: only sums over groups round.
TEST_P(IntegerProducts, AgreeWithFloat64OfWhatWasRounded) {
    constexpr uint32_t kDepth = 768, kRows = 40, kTokens = 5;
    for (const TensorType type : kAllTypes) {
        if (block_values(type) == 1) continue;
        const PackedMatrix weights = matrix(type, kRows, kDepth);
        const auto x = random_rows(size_t{kTokens} * kDepth, random_);
        std::vector<float> row(kDepth);
        for (const ActivationDtype dtype : kIntegers) {
            const IntegerRows rows = rounded(dtype, x, kDepth);
            const auto got = product(weights, dtype, x);
            for (uint32_t r = 0; r < kRows; ++r) {
                weights.unpack_row(r, row.data());
                for (uint32_t token = 0; token < kTokens; ++token) {
                    const auto values =
                        values_of(rows.tile(token / rows.tile_height()), token % rows.tile_height(), kDepth);
                    double want = 0, size = 0;
                    for (uint32_t k = 0; k < kDepth; ++k) {
                        want += double(row[k]) * values[k];
                        size += std::abs(double(row[k]) * values[k]);
                    }
                    ASSERT_NEAR(got[token * 48 + r], want, 2e-6 * size)
                        << tensor_type_name(type) << ", row " << r << ", token " << token;
                }
            }
        }
    }
}

/// Values at the ends of their ranges: sums of products in narrow integers must not overflow.
/// All nibbles 15, all activations as large as their row allows: the most that the sum over a half may be.
TEST_P(IntegerProducts, TheLargestNibblesDoNotOverflow) {
    constexpr uint32_t kDepth = 256, kRows = 16;
    for (const TensorType type : {TensorType::kQ4_0, TensorType::kQ4_1, TensorType::kQ4_K}) {
        auto blocks = random_blocks(type, size_t{kRows} * kDepth, 1.0f, random_);
        const size_t nibbles = block_values(type) / 2;  // the last bytes of a block
        for (size_t end = block_bytes(type); end <= blocks.size(); end += block_bytes(type))
            std::fill(blocks.begin() + ptrdiff_t(end - nibbles), blocks.begin() + ptrdiff_t(end),
                      std::byte{255});
        const auto weights =
            PackedMatrix::pack({type, kRows, kDepth, blocks.data(), blocks.size()}, "largest", pool_).value();
        std::vector<float> row(kDepth);
        for (const float sign : {1.0f, -1.0f}) {
            const auto got = product(weights, ActivationDtype::kI8, std::vector<float>(kDepth, sign * 3));
            for (uint32_t r = 0; r < kRows; ++r) {
                weights.unpack_row(r, row.data());
                double want = 0, size = 0;
                for (const float weight : row)
                    want += double(weight) * sign * 3, size += std::abs(double(weight) * 3);
                ASSERT_NEAR(got[r], want, 2e-6 * size) << tensor_type_name(type) << ", row " << r;
            }
        }
    }
}

TEST_P(IntegerProducts, TheLargestValuesDoNotOverflow) {
    constexpr uint32_t kDepth = 256, kRows = 16;
    for (const TensorType type : kAllTypes) {
        if (block_values(type) == 1) continue;
        const PackedMatrix weights = matrix(type, kRows, kDepth);
        for (const float sign : {1.0f, -1.0f}) {
            const std::vector<float> x(kDepth, sign * 3);
            std::vector<float> row(kDepth);
            for (const ActivationDtype dtype : kIntegers) {
                const auto got = product(weights, dtype, x);
                for (uint32_t r = 0; r < kRows; ++r) {
                    weights.unpack_row(r, row.data());
                    double want = 0, size = 0;
                    for (uint32_t k = 0; k < kDepth; ++k)
                        want += double(row[k]) * double(x[k]), size += std::abs(double(row[k]) * 3);
                    ASSERT_NEAR(got[r], want, 2e-6 * size) << tensor_type_name(type) << ", row " << r;
                }
            }
        }
    }
}

/// However many tokens go together, over however many threads: the bits of a token are its own.
TEST_P(IntegerProducts, ATokenHasTheSameBitsInAnyCompany) {
    constexpr uint32_t kDepth = 1024, kRows = 16 * 5;
    for (const TensorType type : kAllTypes) {
        const PackedMatrix weights = matrix(type, kRows, kDepth);
        for (const ActivationDtype dtype : kIntegers) {
            const auto x = random_rows(size_t{150} * kDepth, random_);
            const auto all = product(weights, dtype, x, 2);
            for (const uint32_t tokens :
                 {1u, 2u, 3u, 4u, 5u, 7u, 9u, 11u, 12u, 13u, 17u, 24u, 25u, 31u, 32u, 33u, 49u, 65u, 129u}) {
                const uint32_t threads = std::array{1u, 2u, 3u, 8u}[random_() % 4];
                const uint32_t first = static_cast<uint32_t>(random_() % (150 - tokens));
                const std::vector<float> some(x.begin() + first * kDepth,
                                              x.begin() + (first + tokens) * kDepth);
                const auto alone = product(weights, dtype, some, threads);
                ASSERT_EQ(std::memcmp(alone.data(), all.data() + first * kRows, alone.size() * sizeof(float)),
                          0)
                    << tensor_type_name(type) << ", " << tokens << " tokens, " << threads << " threads";
            }
        }
    }
}

/// More than one block of tokens holds, and a block of nearly as many as it may.
TEST_P(IntegerProducts, ManyTokensHaveTheSameBitsInAnyCompany) {
    constexpr uint32_t kDepth = 256, kRows = 16 * 5, kTokens = 1050;
    const PackedMatrix weights = matrix(TensorType::kQ4_1, kRows, kDepth);
    const auto x = random_rows(size_t{kTokens} * kDepth, random_);
    for (const ActivationDtype dtype : kIntegers) {
        const auto alone = product(weights, dtype, x, 1), together = product(weights, dtype, x, 3);
        EXPECT_EQ(std::memcmp(alone.data(), together.data(), alone.size() * sizeof(float)), 0);
        const std::vector<float> last(x.end() - 7 * kDepth, x.end());
        const auto few = product(weights, dtype, last);
        EXPECT_EQ(std::memcmp(few.data(), alone.data() + (kTokens - 7) * kRows, few.size() * sizeof(float)),
                  0);
    }
}

/// One panel or several, weights unpacked in registers or before: the same bits.
TEST_P(IntegerProducts, DirectProductsHaveTheBitsOfTiles) {
    constexpr uint32_t kPanels = 6, kDepth = 512, kGroups = kDepth / kGroupValues;
    int direct_kernels = 0;
    for (const TensorType type : kAllTypes) {
        if (block_values(type) == 1) continue;
        const PackedMatrix weights = matrix(type, kPanels * 16, kDepth);
        std::vector<const std::byte*> panels;
        for (uint32_t p = 0; p < kPanels; ++p) panels.push_back(weights.panel(p));
        for (const ActivationDtype dtype : kIntegers) {
            for (uint32_t tokens = 1; tokens <= kMostTileTokens; ++tokens) {
                const auto x = random_rows(size_t{tokens} * kDepth, random_);
                const IntegerRows rows = rounded(dtype, x, kDepth);
                if (rows.tile_height() < tokens) continue;
                std::vector<float> by_direct(size_t{kMostTileTokens} * kPanels * 16), by_tile = by_direct;
                if (!kernels().integer.direct({panels.data(), kPanels, weights.format(), kDepth, rows.tile(0),
                                               by_direct.data(), kPanels * 16}))
                    continue;
                ++direct_kernels;
                std::vector<UnpackedGroup> unpacked(kGroups);
                for (uint32_t p = 0; p < kPanels; ++p) {
                    kernels().integer.unpack(weights.format(), panels[p], 0, kGroups, unpacked.data());
                    constexpr uint32_t kFirst = 7;  // sums go on from what an earlier call left
                    float* const out = by_tile.data() + p * 16;
                    kernels().integer.tile({unpacked.data(), kFirst, weights.format(), rows.tile(0), out,
                                            kPanels * 16, false, false});
                    kernels().integer.tile({unpacked.data() + kFirst, kGroups - kFirst, weights.format(),
                                            rows.tile(0, kFirst), out, kPanels * 16, true, true});
                }
                ASSERT_EQ(
                    std::memcmp(by_direct.data(), by_tile.data(), tokens * kPanels * 16 * sizeof(float)), 0)
                    << tensor_type_name(type) << ", " << tokens << " tokens";
                for (const auto* sums : {&by_direct, &by_tile})  // nothing is written behind the tile
                    EXPECT_TRUE(std::all_of(sums->begin() + rows.tile_height() * kPanels * 16, sums->end(),
                                            [](float sum) { return sum == 0; }));
            }
        }
    }
    EXPECT_GT(direct_kernels, 0);
}

/// Rows so wide that few tokens' fit the cache are multiplied in smaller blocks.
TEST_P(IntegerProducts, WideRowsHaveTheBitsOfSingleTokens) {
    constexpr uint32_t kRows = 48, kDepth = 4096, kTokens = 150;
    const PackedMatrix weights = matrix(TensorType::kQ4_1, kRows, kDepth);
    const auto x = random_rows(size_t{kTokens} * kDepth, random_);
    for (const ActivationDtype dtype : kIntegers) {
        const auto all = product(weights, dtype, x, 2);
        const std::vector<float> some(x.begin(), x.begin() + 29 * kDepth);
        const auto few = product(weights, dtype, some, 2);
        EXPECT_EQ(std::memcmp(few.data(), all.data(), few.size() * sizeof(float)), 0);
        for (const uint32_t token : {0u, 31u, 77u, 149u}) {
            const std::vector<float> own(x.begin() + token * kDepth, x.begin() + (token + 1) * kDepth);
            ASSERT_EQ(std::memcmp(product(weights, dtype, own).data(), all.data() + token * kRows,
                                  kRows * sizeof(float)),
                      0)
                << token;
        }
    }
}

TEST_P(IntegerProducts, OfATokenWithoutARowOnlyTheLargestIsKept) {
    constexpr uint32_t kRows = 16 * 40 + 7, kDepth = 64, kTokens = 37;
    random_.seed(19);
    PackedMatrix weights = matrix(TensorType::kQ4_1, kRows, kDepth);
    // Each output twice: the first of the two has to be found, by whichever thread.
    const size_t half = blocks_.size() / kRows * (kRows / 2);
    std::memcpy(blocks_.data() + half, blocks_.data(), half);
    weights =
        PackedMatrix::pack({TensorType::kQ4_1, kRows, kDepth, blocks_.data(), blocks_.size()}, "twice", pool_)
            .value();
    Product product;
    product.append(weights, 0);
    const auto x = random_rows(size_t{kTokens} * kDepth, random_);
    for (const uint32_t threads : {1u, 2u, 5u}) {
        ThreadPool pool(threads);
        Multiplier multiplier = Multiplier::create(pool, kernels(), kTokens, kDepth).value();
        multiplier.set_activation_dtype(ActivationDtype::kI8);
        std::vector<float> all(size_t{kTokens} * kRows), some(size_t{kTokens} * kRows, 7);
        std::vector<float*> every, odd;
        for (uint32_t token = 0; token < kTokens; ++token) {
            every.push_back(all.data() + size_t{token} * kRows);
            odd.push_back(token % 2 == 1 ? some.data() + size_t{token} * kRows : nullptr);
        }
        multiplier.multiply(product, x.data(), kDepth, kTokens, {nullptr, 0, every.data(), kRows});
        multiplier.multiply(product, x.data(), kDepth, kTokens, {nullptr, 0, odd.data(), kRows});
        for (uint32_t token = 0; token < kTokens; ++token) {
            const float *want = every[token], *row = some.data() + size_t{token} * kRows;
            if (token % 2 == 1) {
                ASSERT_EQ(std::memcmp(row, want, kRows * sizeof(float)), 0);
                continue;
            }
            EXPECT_EQ(std::count(row, row + kRows, 7.0f), kRows);
            EXPECT_EQ(multiplier.largest(token).column, std::max_element(want, want + kRows) - want) << token;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Kernels, IntegerProducts, testing::ValuesIn(available_kernel_tiers()),
                         [](const auto& tier) { return tier_test_name(tier.param); });

/// Integers are exact and floats go in one order: of all tiers with fused products.
TEST(IntegerTiers, GiveTheSameBitsInAWholeModel) {
    std::mt19937 random(5);
    for (const TensorType type : {TensorType::kQ4_1, TensorType::kQ6_K, TensorType::kQ5_0}) {
        const TestModel model(even_config(), {type, TensorType::kQ8_0}, 5);
        const auto tokens = random_tokens(100, model.config().vocab_size, random);
        const auto table = blocks_from(0, 20);
        for (const ActivationDtype dtype : kIntegers) {
            std::vector<float> first;
            for (const KernelTier tier : available_kernel_tiers()) {
                if (tier == KernelTier::kPlain) continue;
                Hand hand(model, 1, tier);
                ASSERT_TRUE(hand.executor().set_activation_dtype(dtype).ok());
                const auto logits = hand.logits(tokens, 100, table);
                if (first.empty()) first = logits;
                EXPECT_EQ(logits, first) << tensor_type_name(type) << ", " << kernel_tier_name(tier);
            }
        }
    }
}

}  // namespace
}  // namespace pitwall::engine::cpu
