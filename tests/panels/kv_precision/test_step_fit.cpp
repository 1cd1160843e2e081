// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "panels/kv_precision/step_fit.h"

namespace pitwall::panels {
namespace {

/// Steps of 1 to 8 sequences with 100 to 2,000 tokens each, that take exactly so long, and some noise.
std::vector<DecodeStep> steps_of(double base, double sequence, double token, double noise, size_t n = 400) {
    std::mt19937 random(5);
    std::normal_distribution<double> error(0, noise);
    std::vector<DecodeStep> steps;
    for (size_t i = 0; i < n; ++i) {
        const double sequences = 1 + double(random() % 8),
                     tokens = sequences * (100 + double(random() % 1900));
        steps.push_back({sequences, tokens, base + sequence * sequences + token * tokens + error(random)});
    }
    return steps;
}

TEST(StepFit, FindsTheTermsItWasMadeOf) {
    const auto fit = fit_steps(steps_of(1e6, 2e5, 300, 1e4));
    ASSERT_TRUE(fit);
    EXPECT_NEAR(fit->base_ns, 1e6, 1e4);
    EXPECT_NEAR(fit->sequence_ns, 2e5, 2e3);
    EXPECT_NEAR(fit->token_ns, 300, 2);
    EXPECT_GT(fit->r2, .99);
    EXPECT_TRUE(fit->carries());
    // The mean time is surest where the steps are.
    EXPECT_LT(fit->variance(4.5, 4.5 * 1050), fit->variance(8, 8 * 2000));
}

TEST(StepFit, SaysNothingWhereTheStepsDoNot) {
    EXPECT_FALSE(fit_steps({}));
    std::vector<DecodeStep> one_context(100, {4, 1000, 5e6});
    EXPECT_FALSE(fit_steps(one_context));
    std::vector<DecodeStep> together;
    for (int i = 1; i < 60; ++i) together.push_back({double(i), 500.0 * i, 1e6 * i});
    EXPECT_FALSE(fit_steps(together));
    const auto noise = fit_steps(steps_of(1e6, 0, 1, 1e7));
    EXPECT_FALSE(noise && noise->carries());
    EXPECT_FALSE(fit_steps(steps_of(1e6, 2e5, 300, 1e4, 20))->carries());
}

TEST(StepFit, OneNumberOfSequencesStillTellsWhatATokenCosts) {
    std::vector<DecodeStep> steps;
    for (int i = 0; i < 100; ++i) steps.push_back({2, 200.0 + 20 * i, 1e6 + 300 * (200.0 + 20 * i)});
    const auto fit = fit_steps(steps);
    ASSERT_TRUE(fit);
    EXPECT_NEAR(fit->token_ns, 300, 1e-6);
}

TEST(BreakEven, IsWhereTheLinesCross) {
    // With 4.5 sequences: 900 us more a step, 1.35 us less for each token of context: 667 tokens.
    const auto before = fit_steps(steps_of(1e6, 2e5, 500, 1e4)),
               after = fit_steps(steps_of(1.9e6, 2e5, 200, 1e4));
    const BreakEven found = break_even(before, after);
    EXPECT_EQ(found.answer, BreakEven::Answer::kFrom);
    EXPECT_NEAR(found.context_tokens, 9e5 / (300 * after->mean_sequences), 10);
}

TEST(BreakEven, SaysWhereItIsNot) {
    const auto slow = fit_steps(steps_of(1e6, 2e5, 500, 1e4)), fast = fit_steps(steps_of(5e5, 2e5, 200, 1e4));
    EXPECT_EQ(break_even(slow, fast).answer, BreakEven::Answer::kEverywhere);
    EXPECT_EQ(break_even(fast, slow).answer, BreakEven::Answer::kNotSeen);
    EXPECT_EQ(break_even(slow, slow).answer, BreakEven::Answer::kNotSeen);
    const auto late = fit_steps(steps_of(1e8, 2e5, 200, 1e4));  // would cross far beyond what was seen
    EXPECT_EQ(break_even(slow, late).answer, BreakEven::Answer::kNotSeen);
    EXPECT_EQ(break_even(slow, std::nullopt).answer, BreakEven::Answer::kNoFit);
}

}  // namespace
}  // namespace pitwall::panels
