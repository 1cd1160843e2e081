// SPDX-License-Identifier: GPL-3.0-or-later
//
// Lengths against all lengths that there are, and a session in virtual time against the best fixed choice.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "engine/spec/draft_length.h"
#include "tests/storm.h"

namespace pitwall::engine {
namespace {

TEST(StepTimes, GoOnTheLineBetweenNeighboursAndNeverFall) {
    StepTimes times;
    std::vector<double> curve;
    times.curve(4, curve);
    EXPECT_EQ(curve, std::vector<double>(5, 0)) << "nothing is known";
    times.add(2, 100);
    times.curve(4, curve);
    EXPECT_EQ(curve, (std::vector<double>{0, 100, 100, 100, 100}));
    times.add(6, 180);
    times.add(8, 150);
    times.curve(10, curve);
    EXPECT_EQ(curve, (std::vector<double>{0, 100, 100, 120, 140, 160, 180, 180, 180, 180, 180}));
    StepTimes steep;
    steep.add(1, 10);
    steep.add(3, 20);
    steep.curve(5, curve);
    EXPECT_EQ(curve, (std::vector<double>{0, 10, 15, 20, 25, 30}));
    for (int i = 0; i < 400; ++i) steep.add(3, 60);
    steep.curve(3, curve);
    EXPECT_NEAR(curve[3], 60, 0.1) << "what was is forgotten";
}

TEST(StepTimes, GoOnTowardsLongStepsBeyondTheLast) {
    StepTimes times;
    std::vector<double> curve;
    times.add_far(104, 1100);
    times.curve(6, curve);
    EXPECT_EQ(curve, std::vector<double>(7, 0)) << "nothing of the kind is known";
    times.add(4, 100);
    times.curve(6, curve);
    EXPECT_EQ(curve, (std::vector<double>{0, 100, 100, 100, 100, 110, 120}));
    times.add(5, 200);
    times.curve(7, curve);
    EXPECT_EQ(curve[6], 300) << "it was steeper than that";
    StepTimes flat;
    flat.add_far(104, 90);
    flat.add(4, 100);
    flat.curve(6, curve);
    EXPECT_EQ(curve[6], 100) << "a long step that took less says that rows are free";
}

TEST(Acceptance, IsThatOfThePlaceGivenThoseBefore) {
    Acceptance acceptance;
    std::mt19937 random(3);
    const double truth[] = {0.9, 0.5, 0.2};
    for (uint32_t i = 0; i < 4000; ++i) {
        uint32_t accepted = 0;
        while (accepted < 3 && random() % 1000 < truth[accepted] * 1000) ++accepted;
        acceptance.add(RequestId{i % 50}, 2, 3, accepted);
    }
    for (uint32_t place = 0; place < 3; ++place)
        EXPECT_NEAR(acceptance.chance(RequestId{999}, 2, place), truth[place], 0.12) << place;
    for (int i = 0; i < 50; ++i) acceptance.add(RequestId{7}, 2, 1, 0);
    EXPECT_LT(acceptance.chance(RequestId{7}, 2, 0), 0.2) << "a request that is never right";
    EXPECT_NEAR(acceptance.chance(RequestId{999}, 5, 0), 0.6, 1e-9) << "of others nothing is known";
}

/// A device whose steps take `time(rows)`, requests whose drafts hold with a chance of their own; in virtual time.
struct World {
    std::function<double(uint32_t)> time;
    std::vector<double> chance;  ///< by request
    uint32_t most = 8;
};

/// Tokens a second over `steps`; `fixed` < 0: as DraftLength chooses.
double rate(const World& world, int fixed, uint32_t steps, uint32_t seed) {
    std::mt19937 random(seed);
    DraftLength lengths;
    double ns = 0, tokens = 0;
    const auto count = static_cast<uint32_t>(world.chance.size());
    for (uint32_t step = 0; step < steps; ++step) {
        std::vector<DraftLength::Candidate> candidates;
        for (uint32_t i = 0; i < count; ++i) candidates.push_back({RequestId{i + 1}, 3, world.most, 0});
        if (fixed < 0) lengths.choose({count, count}, candidates);
        uint32_t rows = count;
        tokens += count;
        for (uint32_t i = 0; i < count; ++i) {
            DraftLength::Candidate& c = candidates[i];
            if (fixed >= 0) c.chosen = static_cast<uint32_t>(fixed);
            uint32_t accepted = 0;
            while (accepted < c.chosen && random() % 10'000 < world.chance[i] * 10'000) ++accepted;
            if (c.chosen > 0) lengths.verified(c.request, 3, c.chosen, accepted);
            rows += c.chosen;
            tokens += accepted;
        }
        const double noise = 1 + 0.02 * (static_cast<double>(random() % 1000) / 500 - 1);
        lengths.step_took(rows, static_cast<int64_t>(world.time(rows) * noise));
        ns += world.time(rows);
    }
    return tokens / ns * 1e9;
}

/// Weights for so long, a row for so long, in steps of `tile` rows.
std::function<double(uint32_t)> roofline(double weights_ns, double row_ns, uint32_t tile = 1) {
    return [=](uint32_t rows) {
        return std::max(weights_ns, row_ns * ((rows + tile - 1) / tile * tile)) + 0.05 * weights_ns;
    };
}

void expect_near_the_best(const std::vector<std::function<double(uint32_t)>>& times, double share) {
    for (const uint32_t seed : StormSeeds(2))
        for (const auto& time : times)
            for (const uint32_t batch : {1u, 4u, 16u, 32u})
                for (const double chance : {0.0, 0.3, 0.7, 0.95}) {
                    World world{time, std::vector<double>(batch, chance)};
                    const uint32_t steps = 3000;  // a length is not learnt in an eighth of them
                    double best = 0;
                    int best_length = 0;
                    for (const int fixed : {0, 1, 2, 4, 8})
                        if (const double now = rate(world, fixed, steps, seed); now > best)
                            best = now, best_length = fixed;
                    EXPECT_GT(rate(world, -1, steps, seed), share * best)
                        << "batch " << batch << ", chance " << chance << ", row " << time(1000) / 1000
                        << ": best is " << best_length;
                }
}

TEST(DraftLength, IsNeverMuchSlowerThanOffOrTheBestFixedLength) {
    expect_near_the_best({roofline(10e6, 0.2e6), roofline(10e6, 1.5e6), roofline(10e6, 9e6)}, 0.95);
}

/// Where rows cost by fours, one number of them may be much better than its neighbours, and has to be hit upon.
TEST(DraftLength, CrossesStairs) { expect_near_the_best({roofline(10e6, 1.5e6, 4)}, 0.9); }

TEST(DraftLength, GivesRowsToThoseWhoUseThem) {
    World world{roofline(10e6, 1.5e6), {0.95, 0, 0, 0}};
    double best = 0;
    for (const int fixed : {0, 1, 2, 4, 8}) best = std::max(best, rate(world, fixed, 3000, 1));
    EXPECT_GT(rate(world, -1, 3000, 1), 1.15 * best) << "no one length suits all four";
}

TEST(DraftLength, EqualTimesGiveEqualChoices) {
    const World world{roofline(10e6, 1.5e6), {0.9, 0.5, 0.2}};
    EXPECT_EQ(rate(world, -1, 500, 4), rate(world, -1, 500, 4));
}

/// Weights for 10 ms, and a draft model of a tenth.
DraftLength with_a_draft_model() {
    DraftLength lengths;
    for (const uint32_t rows : {4u, 8u, 16u}) lengths.step_took(rows, 10'000'000);
    for (const uint32_t rows : {1u, 4u, 300u}) lengths.pass_took(rows, 1'000'000);
    return lengths;
}

DraftLength::Candidate reader(uint32_t request, uint32_t behind, uint32_t to_come) {
    return {.request = RequestId{request}, .most = 4, .behind = behind, .to_come = to_come};
}

constexpr DraftLength::Step kFourDecode{.rows = 4, .tokens = 4, .computes = true, .weight_share = 0.1};

TEST(DraftLength, TextsThatServeTheMostTokensAreReadFirst) {
    DraftLength lengths;
    std::vector<DraftLength::Candidate> all = {reader(1, 600, 10), reader(2, 100, 90), reader(3, 600, 400),
                                               reader(4, 1, 1)};
    lengths.choose_most(kFourDecode, all);
    EXPECT_EQ(all[3].reads, 1u) << "the token before the last is not a text";
    EXPECT_EQ(all[1].reads, 100u);
    EXPECT_EQ(all[2].reads, DraftLength::kReadAtOnce - 100u) << "what room is left";
    EXPECT_EQ(all[0].reads, 0u);
    const auto drafts = [&](size_t i) { return all[i].chosen; };
    EXPECT_EQ(std::vector({drafts(0), drafts(1), drafts(2), drafts(3)}), std::vector({0u, 4u, 0u, 4u}))
        << "who has not read all drafts nothing";
}

TEST(DraftLength, ReadsMoreWhereThatIsCheap) {
    DraftLength lengths = with_a_draft_model();
    std::vector<DraftLength::Candidate> all = {reader(1, 600, 300)};
    lengths.choose_most(kFourDecode, all);
    EXPECT_EQ(all[0].reads, 600u) << "it takes a tenth of the step";
    for (int i = 0; i < 50; ++i) lengths.pass_took(400, 40'000'000);
    lengths.choose_most(kFourDecode, all);
    EXPECT_LT(all[0].reads, 400u);
}

TEST(DraftLength, ReadsNothingForAnswersThatAreAboutToEnd) {
    DraftLength lengths = with_a_draft_model();
    lengths.pass_took(1000, 30'000'000);
    std::vector<DraftLength::Candidate> all = {reader(1, 900, 3), reader(2, 0, 100), reader(3, 200, 400),
                                               reader(4, 0, 100)};
    lengths.choose(kFourDecode, all);
    EXPECT_EQ(all[0].reads, 0u);
    EXPECT_EQ(all[2].reads, 200u);
    EXPECT_GT(all[1].chosen, 0u);
}

TEST(DraftLength, AModelAsLargeIsNotAskedAtAll) {
    DraftLength lengths = with_a_draft_model();
    std::vector<DraftLength::Candidate> all = {reader(1, 10, 300)};
    DraftLength::Step step = kFourDecode;
    step.weight_share = 1;
    lengths.choose(step, all);
    EXPECT_EQ(all[0].reads + all[0].chosen, 0u);
}

}  // namespace
}  // namespace pitwall::engine
