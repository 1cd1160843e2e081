// SPDX-License-Identifier: GPL-3.0-or-later
//
// What becomes of a product's sums in tiles of bfloat16: where they lie, what they are added to, and as what they go on. Skipped where
// the processor has no such tiles.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "engine/exec/cpu/kernels/kernels.h"
#include "engine/exec/cpu/multiplier.h"
#include "engine/exec/cpu/packed_matrix.h"
#include "tests/engine/exec/cpu/support.h"

namespace pitwall::engine::cpu {
namespace {

constexpr uint32_t kDepth = 640, kWidth = 16 * 6, kMostTokens = 300;  // of k more than are unpacked at a time

const Kernels* kernels_with_tiles() {
    for (const KernelTier tier : available_kernel_tiers())
        if (kernels_of(tier).tiles != nullptr) return &kernels_of(tier);
    return nullptr;
}

class TileOutputs : public testing::Test {
  protected:
    void SetUp() override {
        if (kernels_ == nullptr) GTEST_SKIP() << "no processor with tiles of bfloat16";
    }
    PackedMatrix matrix(TensorType type, uint32_t rows, uint32_t k) {
        const auto blocks = random_blocks(type, size_t{rows} * k, 1.0f, random_);
        return PackedMatrix::pack({type, rows, k, blocks.data(), blocks.size()}, "sample", pool_).value();
    }
    std::vector<float> random(size_t count) {
        std::normal_distribution<float> normal;
        std::vector<float> out(count);
        for (auto& value : out) value = normal(random_);
        return out;
    }
    Multiplier multiplier(ThreadPool& pool) {
        Multiplier multiplier = Multiplier::create(pool, *kernels_, kMostTokens, kDepth).value();
        multiplier.set_activation_dtype(ActivationDtype::kBf16);
        return multiplier;
    }
    /// x times the product, added to `before` [tokens, kWidth]; as many of both as there are.
    std::vector<float> added(const Product& product, const std::vector<float>& x, std::vector<float> before,
                             uint32_t threads) {
        ThreadPool pool(threads);
        const auto tokens = static_cast<uint32_t>(x.size() / kDepth);
        before.resize(size_t{tokens + kTileTokens} * kWidth);
        multiplier(pool).multiply(product, x.data(), kDepth, tokens,
                                  {before.data(), kWidth, nullptr, 0, Epilogue::kAdd});
        before.resize(size_t{tokens} * kWidth);
        return before;
    }

    const Kernels* kernels_ = kernels_with_tiles();
    std::mt19937 random_{29};
    ThreadPool pool_{1};
};

/// Of one kind of weights they are what the sums begin with; of two, whose sums are scaled, they are added at the end.
TEST_F(TileOutputs, WhatIsAddedToIsAddedOnceInAnyCompany) {
    const PackedMatrix quantized = matrix(TensorType::kQ4_1, kWidth / 2, kDepth),
                       same = matrix(TensorType::kQ8_0, kWidth / 2, kDepth),
                       floats = matrix(TensorType::kF16, kWidth / 2, kDepth);
    for (const PackedMatrix* other : {&same, &floats}) {
        Product product;
        product.append(quantized, 0);
        product.append(*other, kWidth / 2);
        const auto x = random(size_t{kMostTokens} * kDepth), before = random(size_t{kMostTokens} * kWidth);
        const auto all = added(product, x, before, 2);
        const auto sums = added(product, x, std::vector<float>(before.size()), 2);
        for (size_t i = 0; i < all.size(); ++i) ASSERT_NEAR(all[i], before[i] + sums[i], 2e-3) << i;
        for (const uint32_t tokens : {1u, 3u, 16u, 17u, 40u, 64u, 129u}) {
            const auto first = static_cast<uint32_t>(random_() % (kMostTokens - tokens));
            const auto part = [&](const std::vector<float>& rows, uint32_t width) {
                return std::vector<float>(rows.begin() + first * width,
                                          rows.begin() + (first + tokens) * width);
            };
            EXPECT_EQ(added(product, part(x, kDepth), part(before, kWidth), tokens % 3 + 1),
                      part(all, kWidth))
                << tokens << " tokens from " << first;
        }
    }
}

/// Whether they were written and read again, or rounded as they were made: also where threads divide them within 32.
TEST_F(TileOutputs, OutputsForOneProductAloneAreTheSameActivations) {
    const PackedMatrix gate = matrix(TensorType::kQ4_1, kWidth, kDepth),
                       up = matrix(TensorType::kQ4_1, kWidth, kDepth);
    Product gate_up;
    gate_up.append_pairs(gate, up);
    for (const TensorType type : {TensorType::kQ8_0, TensorType::kBF16}) {
        const PackedMatrix down = matrix(type, kWidth, kWidth);
        Product next;
        next.append(down, 0);
        for (const uint32_t tokens : {1u, 5u, 16u, 33u, 300u}) {
            const auto x = random(size_t{tokens} * kDepth);
            std::vector<float> outs[2];
            for (const bool alone : {false, true}) {
                ThreadPool pool(4);
                Multiplier own = multiplier(pool);
                std::vector<float> between(size_t{tokens + kTileTokens} * kWidth);
                outs[alone].resize(between.size());
                own.multiply(
                    gate_up, x.data(), kDepth, tokens,
                    {between.data(), kWidth, nullptr, 0, Epilogue::kSwiglu, alone ? &next : nullptr});
                own.multiply(next, between.data(), kWidth, tokens, {outs[alone].data(), kWidth});
                outs[alone].resize(size_t{tokens} * kWidth);
            }
            EXPECT_EQ(outs[0], outs[1]) << tensor_type_name(type) << ", " << tokens << " tokens";
        }
    }
}

/// 80 is no multiple of 32: what is left of the last 32 would be of nobody.
TEST_F(TileOutputs, OutputsOfNoWholeGroupsAreWritten) {
    constexpr uint32_t kOdd = 80;
    const PackedMatrix gate = matrix(TensorType::kQ8_0, kOdd, kDepth),
                       up = matrix(TensorType::kQ8_0, kOdd, kDepth),
                       down = matrix(TensorType::kF16, 32, kOdd);
    Product gate_up, next;
    gate_up.append_pairs(gate, up);
    next.append(down, 0);
    Multiplier own = multiplier(pool_);
    EXPECT_FALSE(own.takes_parts(next));
    const auto x = random(3 * kDepth);
    std::vector<float> between(size_t{16} * kOdd, -1.0f);
    own.multiply(gate_up, x.data(), kDepth, 3, {between.data(), kOdd, nullptr, 0, Epilogue::kSwiglu, &next});
    EXPECT_EQ(std::count(between.begin(), between.begin() + 3 * kOdd, -1.0f), 0);
}

TEST_F(TileOutputs, RowsGivenInPartsAreTheSame) {
    const PackedMatrix weights = matrix(TensorType::kQ4_0, kWidth, kDepth);
    Product product;
    product.append(weights, 0);
    constexpr uint32_t kTokens = 18;
    const auto x = random(kTokens * kDepth);
    std::vector<float> outs[2];
    for (const bool parts : {false, true}) {
        Multiplier own = multiplier(pool_);
        outs[parts].resize(size_t{kTokens + kTileTokens} * kWidth);
        if (parts) {
            own.lay_out(product, kTokens);
            for (uint32_t at = 0; at < kTokens * kDepth; at += 32)
                own.take_part(at / kDepth, at % kDepth, 32, x.data() + at);
        }
        own.multiply(product, x.data(), kDepth, kTokens, {outs[parts].data(), kWidth});
        outs[parts].resize(size_t{kTokens} * kWidth);
    }
    EXPECT_EQ(outs[0], outs[1]);
}

}  // namespace
}  // namespace pitwall::engine::cpu
