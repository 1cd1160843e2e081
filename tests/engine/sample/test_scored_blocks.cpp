// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/sample/scored_blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "engine/sample/exponential.h"

namespace pitwall::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> some_logits(size_t count) {
    std::mt19937 random(static_cast<unsigned>(count));
    std::normal_distribution<float> normal(0, 6);
    std::vector<float> logits(count);
    for (float& x : logits) x = normal(random);
    return logits;
}

/// Sums of a block as eight chains, which meet in pairs.
double plain_sum(const std::vector<float>& scores, size_t block, float farthest) {
    double sums[8] = {};
    for (size_t i = block * 64; i < std::min(scores.size(), block * 64 + 64); ++i)
        if (scores[i] >= -farthest) sums[i % 8] += static_cast<double>(exponential::of_negative(scores[i]));
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

class EachVectors : public testing::TestWithParam<ScoringVectors> {};

TEST_P(EachVectors, BitsAreThoseOfPlainArithmetic) {
    for (const size_t count : {1u, 63u, 64u, 65u, 1000u, 4096u}) {
        const std::vector<float> logits = some_logits(count);
        const float best = *std::ranges::max_element(logits), temperature = 0.7f, farthest = 20;
        std::vector<float> scores;
        for (const float x : logits) scores.push_back((x - best) / temperature);
        ScoredBlocks blocks(GetParam());
        blocks.score(logits, best, temperature);
        std::vector<Candidate> all;
        blocks.collect(1000, all);
        ASSERT_EQ(all.size(), count);
        for (size_t i = 0; i < count; ++i) {
            EXPECT_EQ(all[i].id, static_cast<TokenId>(i));
            EXPECT_EQ(all[i].score, scores[i]);
        }
        double sum = 0;
        for (size_t block = 0; block * 64 < count; ++block) sum += plain_sum(scores, block, farthest);
        EXPECT_EQ(blocks.weigh(farthest), sum);
    }
}

std::string vectors_name(const testing::TestParamInfo<ScoringVectors>& info) {
    static constexpr const char* kNames[] = {"plain", "avx2", "avx512"};
    return kNames[static_cast<size_t>(info.param)];
}
INSTANTIATE_TEST_SUITE_P(ScoredBlocks, EachVectors, testing::ValuesIn(available_scoring_vectors()),
                         vectors_name);

/// Infinity over infinity, where temperature is infinite.
TEST(ScoredBlocks, WhatIsNoNumberIsNeverDrawn) {
    const std::vector<float> logits{-kInfinity, 1, std::nanf(""), 3, -kInfinity};
    ScoredBlocks blocks;
    blocks.score(logits, 3, kInfinity);
    const double whole = blocks.weigh(40);
    EXPECT_EQ(whole, 2);
    for (const double share : {0.0, 0.3, 0.49}) EXPECT_EQ(blocks.draw(share * whole), 1) << share;
    for (const double share : {0.5, 0.9, 1.0}) EXPECT_EQ(blocks.draw(share * whole), 3) << share;
}

TEST(ScoredBlocks, CollectsWhatIsNear) {
    const std::vector<float> logits = some_logits(777);
    const float best = *std::ranges::max_element(logits);
    ScoredBlocks blocks;
    blocks.score(logits, best, 1);
    std::vector<Candidate> near;
    for (const float farthest : {0.0f, 1.0f, 5.0f, 12.0f}) {
        blocks.collect(farthest, near);
        EXPECT_EQ(near.size(), static_cast<size_t>(std::ranges::count_if(
                                   logits, [&](float x) { return x - best >= -farthest; })));
        EXPECT_TRUE(std::ranges::is_sorted(near, {}, &Candidate::id));
    }
}

TEST(ScoredBlocks, WhatIsNoNumberIsFarAndInfinityLarge) {
    const std::vector<float> logits{std::nanf(""), 1, kInfinity, -kInfinity};
    ScoredBlocks blocks;
    blocks.score(logits, std::numeric_limits<float>::max(), 1);
    std::vector<Candidate> near;
    blocks.collect(40, near);
    ASSERT_EQ(near.size(), 1u);
    EXPECT_EQ(near[0].id, 2);
    EXPECT_EQ(near[0].score, 0);
}

/// Each token's part of the sum, from the first to the last; those too far away have none.
TEST(ScoredBlocks, DrawsTheTokenInWhosePartOfTheSumTheTargetLies) {
    const std::vector<float> logits = some_logits(300);
    const float best = *std::ranges::max_element(logits), farthest = 9;
    ScoredBlocks blocks;
    blocks.score(logits, best, 1);
    const double whole = blocks.weigh(farthest);
    double before = 0;
    TokenId last = -1;
    for (TokenId id = 0; id < 300; ++id) {
        const float score = logits[static_cast<size_t>(id)] - best;
        if (score < -farthest) continue;
        const auto weight = static_cast<double>(exponential::of_negative(score));
        EXPECT_EQ(blocks.draw(before + weight / 2), id);
        before += weight;
        last = id;
    }
    EXPECT_EQ(blocks.draw(0), blocks.draw(1e-9));
    EXPECT_EQ(blocks.draw(whole), last) << "rounding may ask for all of it";
    EXPECT_EQ(blocks.draw(2 * whole), last);
}

}  // namespace
}  // namespace pitwall::engine
