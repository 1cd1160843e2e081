// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/sample/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "engine/sample/exponential.h"
#include "engine/sample/philox.h"
#include "tests/storm.h"

namespace pitwall::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TokenId pick(std::vector<float> logits, const SamplingParams& params, std::vector<TokenId> history = {},
             std::vector<TokenId> banned = {}, uint64_t position = 0) {
    SamplerScratch scratch;
    return sample_token(logits, params, history, banned, position, scratch);
}

SamplingParams hot(float temperature) {
    SamplingParams params;
    params.temperature = temperature;
    return params;
}

/// The plain way: all candidates sorted, each filter over the whole list, probabilities in double.
std::map<TokenId, double> reference(const std::vector<float>& logits, const SamplingParams& params,
                                    const std::vector<TokenId>& history, const std::vector<TokenId>& banned) {
    std::vector<std::pair<double, TokenId>> left;
    for (TokenId id = 0; id < static_cast<TokenId>(logits.size()); ++id) {
        double x = static_cast<double>(logits[static_cast<size_t>(id)]);
        if (std::find(history.begin(), history.end(), id) != history.end()) {
            const double penalty = static_cast<double>(params.repetition_penalty);
            x = x > 0 ? x / penalty : x * penalty;
        }
        if (std::find(banned.begin(), banned.end(), id) == banned.end())
            left.push_back({-x / static_cast<double>(params.temperature), id});
    }
    std::sort(left.begin(), left.end());
    const double best = -left.front().first;
    const auto weight = [&](const auto& c) { return std::exp(-c.first - best); };
    std::erase_if(left,
                  [&](const auto& c) { return weight(c) < static_cast<double>(params.min_p) * (1 - 1e-6); });
    if (params.top_k > 0 && left.size() > static_cast<size_t>(params.top_k))
        left.resize(static_cast<size_t>(params.top_k));
    double total = 0, sum = 0;
    for (const auto& c : left) total += weight(c);
    size_t keep = 0;
    while (keep < left.size() && (keep == 0 || sum < static_cast<double>(params.top_p) * total))
        sum += weight(left[keep++]);
    left.resize(keep);
    std::map<TokenId, double> probabilities;
    for (const auto& c : left) probabilities[c.second] = weight(c) / sum;
    return probabilities;
}

TEST(Philox, KnownAnswers) {
    // Random123's kat_vectors for philox4x32 10.
    EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
              (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
              (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
    EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Noise, UniformAndKeyedByBoth) {
    double sum = 0;
    std::set<double> seen;
    for (uint64_t i = 0; i < 20000; ++i) {
        const double u = uniform_noise(i % 7, i);
        ASSERT_GE(u, 0);
        ASSERT_LT(u, 1);
        sum += u;
        seen.insert(u);
    }
    EXPECT_NEAR(sum / 20000, 0.5, 0.01);
    EXPECT_EQ(seen.size(), 20000u);
    EXPECT_NE(uniform_noise(1, 5), uniform_noise(2, 5));
}

TEST(Greedy, TiesGoToTheLowestId) {
    EXPECT_EQ(pick({1, 3, 3, 2}, {}), 1);
    EXPECT_EQ(pick({0, 0, 0}, {}), 0);
    EXPECT_EQ(pick({1, 3, 3, 2}, {}, {}, {1}), 2);
}

TEST(Greedy, TakesTheLargestUnlessSomethingChangesIt) {
    const std::vector<TokenId> one{1};
    SamplingParams params;
    EXPECT_TRUE(takes_largest(params, one, {}));
    EXPECT_FALSE(takes_largest(params, {}, one)) << "it may be banned";
    params.repetition_penalty = 1.5f;
    EXPECT_TRUE(takes_largest(params, {}, {}));
    EXPECT_FALSE(takes_largest(params, one, {})) << "it may be penalised";
    params.repetition_penalty = 1;
    params.temperature = 0.1f;
    EXPECT_FALSE(takes_largest(params, {}, {}));
}

TEST(Greedy, PenaltyIsCtrls) {
    SamplingParams params;
    params.repetition_penalty = 2;
    EXPECT_EQ(pick({4, 3}, params, {0}), 1) << "4 / 2 < 3";
    EXPECT_EQ(pick({-1, -1.5f}, params, {0}), 1) << "-1 * 2 < -1.5";
    EXPECT_EQ(pick({4, 1.5f}, params, {0, 0, 0}), 0) << "a token counts once, however often it was said";
}

TEST(Greedy, SurvivesAnything) {
    EXPECT_EQ(pick({kNan, 1, kNan}, {}), 1);
    EXPECT_EQ(pick({kNan, kNan}, {}), 0);
    EXPECT_EQ(pick({-kInfinity, -kInfinity}, {}, {}, {0}), 1);
    EXPECT_EQ(pick({1, kInfinity, 5}, {}), 1);
    EXPECT_EQ(pick({1, 2}, {}, {7, -3}, {9, -1}), 1) << "ids outside the vocabulary";
    EXPECT_EQ(pick({1}, {}, {}, {0}), 0) << "all are banned";
}

TEST(Sampling, SurvivesAnything) {
    for (const float temperature : {1e-30f, 1.0f, 1e30f, kInfinity, kNan, -1.0f})
        for (const float top_p : {0.0f, -1.0f, 0.5f, 1.0f, kNan})
            for (const float min_p : {0.0f, 1.0f, 2.0f, kNan})
                for (const float penalty : {0.0f, 1.0f, 1e-30f, kNan, kInfinity}) {
                    for (const int32_t top_k : {0, 3, 100}) {
                        SamplingParams params{temperature, top_k, top_p, min_p, penalty, 9};
                        const TokenId id =
                            pick({kNan, 1, kInfinity, -kInfinity, 3e38f, -3e38f}, params, {1, 2, 4}, {0});
                        EXPECT_GE(id, 0);
                        EXPECT_LT(id, 6);
                        EXPECT_NE(id, 0) << "banned";
                    }
                }
}

TEST(Sampling, ColdIsGreedy) {
    for (uint64_t seed = 0; seed < 50; ++seed) {
        SamplingParams params = hot(1e-6f);
        params.seed = seed;
        EXPECT_EQ(pick({0.1f, 0.5f, 0.4f}, params), 1);
    }
}

TEST(Sampling, WeightsAreExponentials) {
    for (float x = 0; x > -80; x -= 0.0137f) {
        const double want = std::exp(static_cast<double>(x));
        EXPECT_NEAR(static_cast<double>(exponential::of_negative(x)) / want, 1, 3e-7) << x;
    }
    EXPECT_EQ(exponential::of_negative(0), 1) << "the best weighs 1";
}

TEST(Sampling, RepeatsBySeedAndPosition) {
    const std::vector<float> flat(1000, 0.0f);
    std::set<TokenId> seen;
    for (uint64_t position = 0; position < 100; ++position) {
        const TokenId id = pick(flat, hot(1), {}, {}, position);
        EXPECT_EQ(id, pick(flat, hot(1), {}, {}, position));
        seen.insert(id);
    }
    EXPECT_GT(seen.size(), 80u);
}

/// Frequencies against the reference's probabilities, for many settings.
TEST(Sampling, FollowsTheDistribution) {
    std::mt19937 random(5);
    std::normal_distribution<float> normal(0, 2);
    for (int round = 0; round < 24; ++round) {
        std::vector<float> logits(round % 2 ? 12 : 300);
        for (float& x : logits) x = normal(random);
        SamplingParams params = hot(round % 5 == 0 ? 0.5f : 1.3f);
        if (round % 3 == 0) params.top_k = 5;
        if (round % 4 < 2) params.top_p = 0.8f;
        if (round % 7 < 3) params.min_p = 0.05f;
        if (round % 6 < 3) params.repetition_penalty = 1.4f;
        params.seed = static_cast<uint64_t>(round);
        const std::vector<TokenId> history{1, 2, 3, 2}, banned{0};
        const auto expected = reference(logits, params, history, banned);
        std::map<TokenId, double> found;
        constexpr int kDraws = storm_size(20000);
        SamplerScratch scratch;
        for (uint64_t i = 0; i < kDraws; ++i)
            found[sample_token(logits, params, history, banned, i, scratch)] += 1.0 / kDraws;
        for (const auto& [id, p] : expected)
            EXPECT_NEAR(found[id], p, 5 * std::sqrt(p / kDraws) + 1e-4) << "round " << round << ", id " << id;
        for (const auto& [id, p] : found)
            EXPECT_TRUE(expected.contains(id))
                << "round " << round << ": " << id << " should have been left out";
    }
}

/// Vocabularies of many blocks and a part of one, from peaked to flat: of the candidates that the plain way leaves, the one on which the
/// uniform number falls.
TEST(Sampling, DrawsByTheUniformNumberFromLargeVocabularies) {
    std::mt19937 random(11);
    SamplerScratch scratch;
    for (uint32_t round = 0; round < storm_size(300u); ++round) {
        std::normal_distribution<float> normal(0, round % 3 == 0 ? 0.2f : 4);
        std::vector<float> logits(64 * (random() % 60 + 1) + random() % 64);
        for (float& x : logits) x = normal(random);
        if (round % 5 == 0) std::ranges::fill(logits, 1.5f);
        SamplingParams params = hot(round % 2 ? 0.7f : 1.4f);
        if (round % 3 == 1) params.top_k = static_cast<int32_t>(random() % 100 + 1);
        if (round % 4 < 3) params.top_p = std::array{0.95f, 0.5f, 0.9999f}[static_cast<size_t>(round % 4)];
        if (round % 7 == 0) params.min_p = 0.02f;
        params.seed = round;
        const auto expected = reference(logits, params, {}, {});
        SamplingParams all = params;
        all.top_k = 0, all.top_p = 1;
        // What nothing cuts keeps its order.
        const bool sorted = params.top_p < 1 || expected.size() < reference(logits, all, {}, {}).size();
        std::vector<std::pair<double, TokenId>> order;
        for (const auto& [id, p] : expected)
            order.push_back({sorted ? -static_cast<double>(logits[static_cast<size_t>(id)]) : 0, id});
        std::ranges::sort(order);
        for (uint64_t position = 0; position < 20; ++position) {
            const TokenId id = sample_token(logits, params, {}, {}, position, scratch);
            ASSERT_TRUE(expected.contains(id)) << "round " << round;
            double before = 0;
            for (const auto& [key, other] : order) {
                if (other == id) break;
                before += expected.at(other);
            }
            const double uniform = uniform_noise(params.seed, position);
            EXPECT_GT(uniform, before - 1e-6) << "round " << round << ", id " << id;
            EXPECT_LT(uniform, before + expected.at(id) + 1e-6) << "round " << round << ", id " << id;
        }
    }
}

TEST(Sampling, ScratchCarriesNothingOver) {
    SamplerScratch scratch;
    SamplingParams params;
    params.repetition_penalty = 2;
    const std::vector<float> logits{4, 3};
    EXPECT_EQ(sample_token(logits, params, std::vector<TokenId>{0}, {}, 0, scratch), 1);
    EXPECT_EQ(sample_token(logits, params, std::vector<TokenId>{1}, {}, 0, scratch), 0);
    scratch.generation = std::numeric_limits<uint32_t>::max();
    EXPECT_EQ(sample_token(logits, params, std::vector<TokenId>{0}, {}, 0, scratch), 1);
}

}  // namespace
}  // namespace pitwall::engine
