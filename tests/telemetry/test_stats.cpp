// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "telemetry/stats/intervals.h"
#include "telemetry/stats/metrics.h"
#include "telemetry/stats/quantile.h"
#include "telemetry/stats/range_stats.h"
#include "tests/storm.h"
#include "tests/telemetry/event_storm.h"
#include "tests/telemetry/slow_reference.h"

namespace pitwall::telemetry {
namespace {

using namespace testing;

TEST(Quantile, IsLinearBetweenOrderStatistics) {
    const std::vector<double> x{10, 20, 40};
    EXPECT_EQ(quantile(x, 0), 10);
    EXPECT_EQ(quantile(x, 0.25), 15);
    EXPECT_EQ(quantile(x, 0.5), 20);
    EXPECT_EQ(quantile(x, 0.75), 30);
    EXPECT_EQ(quantile(x, 1), 40);
    EXPECT_TRUE(std::isnan(quantile({}, 0.5)));
    EXPECT_EQ(quantile(std::vector<double>{7}, 0.99), 7);
}

TEST(Quantile, EqualsASlowReferenceOnRandomSamples) {
    std::mt19937 random(11);
    for (int round = 0; round < 300; ++round) {
        std::vector<double> samples(1 + random() % 200);
        for (double& sample : samples)
            sample = static_cast<double>(random() % 1000) * (round % 2 ? 1e6 : 1.5);
        const std::vector<double> unsorted = samples;
        const Percentiles p = percentiles(samples);
        ASSERT_EQ(p.n, unsorted.size());
        ASSERT_DOUBLE_EQ(p.p50, slow_quantile(unsorted, 0.50));
        ASSERT_DOUBLE_EQ(p.p95, slow_quantile(unsorted, 0.95));
        ASSERT_DOUBLE_EQ(p.p99, slow_quantile(unsorted, 0.99));
        ASSERT_EQ(p.minimum, *std::min_element(unsorted.begin(), unsorted.end()));
        ASSERT_EQ(p.maximum, *std::max_element(unsorted.begin(), unsorted.end()));
    }
}

TEST(Histogram, TheLastBinHoldsAllThatIsLarger) {
    const std::vector<double> samples{0, 9.999, 10, 25, 30, 1e12};
    const Histogram h = histogram(samples, 10, 4);
    EXPECT_EQ(h.counts, (std::vector<size_t>{2, 1, 1, 2}));
    EXPECT_EQ(h.last_edge(), 30);
    EXPECT_EQ(h.n, samples.size());
}

RequestTimes example() {
    RequestTimes t;
    t.arrival_ns = 1000;
    t.first_token_ns = 1500;
    t.last_token_ns = 2100;
    t.end_ns = 2150;
    t.output_tokens = 4;
    t.reason = FinishReason::kLength;
    return t;
}

TEST(Metrics, EachToolsFormulaByHand) {
    const RequestTimes t = example();
    EXPECT_EQ(ttft_ns(t), 500);
    EXPECT_EQ(tpot_ns(t), 200);  // (2100 - 1500) / 3
    EXPECT_EQ(tpot_ns(t, Formula::kVllm), 200);
    EXPECT_EQ(tpot_ns(t, Formula::kGuidellm), 275);  // (2100 - 1000) / 4
    EXPECT_EQ(tpot_ns(t, Formula::kLlmperf), 275);
    EXPECT_EQ(e2e_ns(t), 1150);
    EXPECT_EQ(e2e_ns(t, Formula::kVllm), 1100);
    EXPECT_EQ(e2e_ns(t, Formula::kGuidellm), 1150);
}

TEST(Metrics, OneTokenHasNoTpotButMeetsItsObjective) {
    RequestTimes t = example();
    t.output_tokens = 1;
    t.last_token_ns = t.first_token_ns;
    EXPECT_FALSE(tpot_ns(t).has_value());
    EXPECT_EQ(tpot_ns(t, Formula::kGuidellm), 500);
    EXPECT_TRUE(is_good(t, {500, 1}));
    EXPECT_FALSE(is_good(t, {499, 1}));
}

TEST(Metrics, PausedTimeCountsTowardNoObjective) {
    RequestTimes t = example();
    EXPECT_FALSE(is_good(t, {400, 0}));
    t.paused_before_first_token_ns = t.paused_ns = 100;
    EXPECT_TRUE(is_good(t, {400, 0}));
    EXPECT_FALSE(meets_tpot(t, {0, 199}));
    t.paused_ns = 103;
    EXPECT_TRUE(meets_tpot(t, {0, 199}));
}

TEST(Metrics, OnlyFinishedRequestsHaveTpotAndE2e) {
    RequestTimes t = example();
    t.reason = FinishReason::kCancelled;
    EXPECT_TRUE(ttft_ns(t).has_value());
    EXPECT_FALSE(tpot_ns(t).has_value());
    EXPECT_FALSE(e2e_ns(t).has_value());
    EXPECT_FALSE(is_good(t, {}));
    EXPECT_FALSE(t.failed()) << "a user's cancel is no failure";
}

TEST(Metrics, EveryFormulaIsNamedAndDefined) {
    for (uint8_t f = 0; f < static_cast<uint8_t>(Formula::kCount); ++f) {
        EXPECT_FALSE(name(Formula{f}).empty());
        EXPECT_FALSE(definition(Metric::kTtft, Formula{f}).empty());
        EXPECT_FALSE(definition(Metric::kTpot, Formula{f}).empty());
    }
}

struct Storm {
    explicit Storm(uint64_t seed) : events(make(seed)), slow(slow_session(events)) { store.apply(events); }
    static std::vector<Event> make(uint64_t seed) {
        StormOptions options;
        options.seed = seed;
        return storm_session(options, 300);
    }
    std::vector<Event> events;
    SlowSession slow;
    Store store;
};

int64_t paused_between(const SlowRequest& r, int64_t begin, int64_t end) {
    int64_t sum = 0;
    for (const auto& [t, length] : r.pauses) sum += t >= begin && t < end ? length : 0;
    return sum;
}

bool slow_good(const SlowRequest& r) {
    if (r.reason != FinishReason::kStop && r.reason != FinishReason::kLength) return false;
    const int64_t first = r.tokens.front().second, last = r.tokens.back().second;
    if (first - r.arrival_ns - paused_between(r, r.arrival_ns, first) > 120.5e6) return false;
    const auto gaps = static_cast<double>(r.tokens.size() - 1);
    return gaps == 0 || static_cast<double>(last - first - paused_between(r, first, last)) <= 12e6 * gaps;
}

void expect_quantile(double got, const std::vector<double>& samples, double q) {
    if (samples.empty()) {
        EXPECT_TRUE(std::isnan(got));
        return;
    }
    const double expected = slow_quantile(samples, q);
    EXPECT_NEAR(got, expected, 1e-12 * std::abs(expected));
}

TEST(RangeStats, EqualASlowReferenceOnRandomRanges) {
    for (const uint32_t seed : StormSeeds(6)) {
        const Storm s(seed);
        std::mt19937_64 random(seed);
        for (int round = 0; round < 40; ++round) {
            auto at = [&] {
                return static_cast<int64_t>(random() % static_cast<uint64_t>(s.slow.last_ns + 2));
            };
            TimeRange range{at(), at()};
            if (range.begin_ns > range.end_ns) std::swap(range.begin_ns, range.end_ns);
            if (round == 0) range = {0, s.slow.last_ns + 1};
            const RangeStats stats = range_stats(s.store, range);
            std::vector<double> ttft, tpot, e2e;
            uint64_t tokens = 0, arrived = 0, finished = 0, good = 0, prompt = 0, cached = 0, cancelled = 0,
                     failed = 0;
            for (const auto& [id, r] : s.slow.requests) {
                arrived += range.contains(r.arrival_ns);
                for (const auto& token : r.tokens) tokens += range.contains(token.second);
                if (r.scheduled_ns >= 0 && range.contains(r.scheduled_ns))
                    prompt += r.prompt_tokens, cached += r.cached_tokens;
                if (range.contains(r.first_token_ns))
                    ttft.push_back(static_cast<double>(r.first_token_ns - r.arrival_ns));
                if (!range.contains(r.end_ns)) continue;
                cancelled += r.reason == FinishReason::kCancelled;
                failed += r.reason == FinishReason::kRejected || r.reason == FinishReason::kTimeout;
                good += slow_good(r);
                if (r.reason != FinishReason::kStop && r.reason != FinishReason::kLength) continue;
                ++finished;
                e2e.push_back(static_cast<double>(r.end_ns - r.arrival_ns));
                if (r.tokens.size() > 1)
                    tpot.push_back(static_cast<double>(r.tokens.back().second - r.tokens.front().second) /
                                   static_cast<double>(r.tokens.size() - 1));
            }
            ASSERT_EQ(stats.arrived, arrived);
            ASSERT_EQ(stats.output_tokens, tokens);
            ASSERT_EQ(stats.finished, finished);
            ASSERT_EQ(stats.good, good);
            ASSERT_EQ(stats.cancelled, cancelled);
            ASSERT_EQ(stats.failed, failed);
            ASSERT_EQ(stats.prompt_tokens, prompt);
            ASSERT_EQ(stats.cached_tokens, cached);
            ASSERT_EQ(stats.ttft_ns.n, ttft.size());
            ASSERT_EQ(stats.tpot_ns.n, tpot.size());
            ASSERT_EQ(stats.e2e_ns.n, e2e.size());
            expect_quantile(stats.ttft_ns.p95, ttft, 0.95);
            expect_quantile(stats.tpot_ns.p99, tpot, 0.99);
            expect_quantile(stats.e2e_ns.p50, e2e, 0.50);
        }
    }
}

TEST(RangeStats, StepFiguresAreMeansOverTheStepsOfTheRange) {
    const Storm s(9);
    const TimeRange range{s.slow.last_ns / 4, s.slow.last_ns / 2};
    const RangeStats stats = range_stats(s.store, range);
    uint64_t steps = 0, prefill = 0, held_steps = 0, evicted = 0;
    double occupancy = 0, fill = 0, peak = 0;
    for (const Event& event : s.slow.steps) {
        if (!range.contains(event.t_ns)) continue;
        ++steps;
        prefill += event.step.prefill_tokens;
        occupancy += event.step.blocks_held / 64.0;
        peak = std::max(peak, event.step.blocks_held / 64.0);
        if (event.step.blocks_held == 0) continue;
        ++held_steps;
        fill += event.step.slots_filled / (16.0 * event.step.blocks_held);
    }
    for (const Event& event : s.slow.evictions) evicted += range.contains(event.t_ns);
    ASSERT_GT(steps, 10u);
    EXPECT_EQ(stats.steps.steps, steps);
    EXPECT_EQ(stats.steps.prefill_tokens, prefill);
    EXPECT_DOUBLE_EQ(stats.steps.mean(stats.steps.occupancy), occupancy / static_cast<double>(steps));
    EXPECT_DOUBLE_EQ(stats.steps.mean_slot_fill(), fill / static_cast<double>(held_steps));
    EXPECT_EQ(stats.steps.peak_occupancy, peak);
    EXPECT_EQ(stats.evicted_blocks, evicted);
    EXPECT_EQ(range_stats(s.store, {0, s.slow.last_ns + 1}).evicted_blocks, s.slow.evictions.size());
}

/// What a refresh costs must not grow with the session: ranges look at their own requests and no others.
TEST(RangeStats, ARangeVisitsItsOwnRequests) {
    Store store;
    const auto tell = [&](uint32_t id, RequestPhase phase, int64_t t_ns) {
        Event event;
        event.kind = EventKind::kRequest;
        event.t_ns = t_ns;
        event.request = {};
        event.request.request = RequestId{id};
        event.request.phase = phase;
        event.request.arrival_ns = int64_t{id} * 1000;
        store.apply({&event, 1});
    };
    for (uint32_t id = 1; id <= 5000; ++id) {
        tell(id, RequestPhase::kArrived, int64_t{id} * 1000);
        if (id % 1000 != 0) tell(id, RequestPhase::kFinished, int64_t{id} * 1000 + 500);
    }
    for (const TimeRange range : {TimeRange{4'900'000, 5'000'001}, TimeRange{2'000'000, 2'100'000}}) {
        size_t visited = 0, in_range = 0;
        store.for_requests(range, [&](const RequestRow& row) {
            ++visited;
            in_range += range.contains(row.end_ns);
        });
        EXPECT_GE(in_range, 99u);
        EXPECT_LE(visited, in_range + 5 + 2) << "and the five that have not ended";
    }
}

TEST(RangeStats, AnEmptyRangeHasNoFigures) {
    const RangeStats stats = range_stats(Store(), {0, 0});
    EXPECT_TRUE(std::isnan(stats.output_tokens_per_s()));
    EXPECT_TRUE(std::isnan(stats.hit_rate()));
    EXPECT_TRUE(std::isnan(stats.ttft_ns.p50));
    EXPECT_TRUE(std::isnan(stats.steps.mean(stats.steps.occupancy)));
}

TEST(Buckets, SumToTheRange) {
    const Storm s(4);
    for (const bool aligned : {false, true}) {
        for (const size_t count : {size_t{1}, size_t{7}, size_t{120}}) {
            const TimeRange range{0, s.slow.last_ns + 1};
            const auto all = buckets(s.store, range, count, aligned);
            ASSERT_GE(all.size(), count);
            EXPECT_LE(all.front().begin_ns, range.begin_ns);
            EXPECT_GE(all.back().end_ns, range.end_ns);
            const RangeStats whole = range_stats(s.store, range);
            uint64_t steps = 0, tokens = 0, prompt = 0, finished = 0, evicted = 0, arrived = 0;
            for (size_t i = 0; i < all.size(); ++i) {
                if (i > 0) {
                    ASSERT_EQ(all[i].begin_ns, all[i - 1].end_ns);
                }
                steps += all[i].steps.steps;
                tokens += all[i].output_tokens;
                prompt += all[i].prompt_tokens;
                finished += all[i].finished;
                evicted += all[i].evicted_blocks;
                arrived += all[i].arrived;
            }
            EXPECT_EQ(steps, whole.steps.steps);
            EXPECT_EQ(tokens, whole.output_tokens);
            EXPECT_EQ(prompt, whole.prompt_tokens);
            EXPECT_EQ(finished, whole.finished);
            EXPECT_EQ(evicted, whole.evicted_blocks);
            EXPECT_EQ(arrived, whole.arrived);
        }
    }
}

TEST(Buckets, AlignedOnesDoNotDanceWithTheRange) {
    const Storm s(4);
    const auto now = buckets(s.store, {0, 1'000'000'000}, 10, true);
    const auto later = buckets(s.store, {7'000'000, 1'007'000'000}, 10, true);
    EXPECT_EQ(now[3].begin_ns, later[3].begin_ns);
    EXPECT_EQ(now[3].output_tokens, later[3].output_tokens);
}

TEST(Intervals, AreThoseOfTheTables) {
    EXPECT_NEAR(student_t(1), 12.706, .001);
    EXPECT_NEAR(student_t(2), 4.303, .001);
    EXPECT_NEAR(student_t(3), 3.182, .001);
    EXPECT_NEAR(student_t(5), 2.571, .001);
    EXPECT_NEAR(student_t(10), 2.228, .001);
    EXPECT_NEAR(student_t(30), 2.042, .001);
    EXPECT_NEAR(student_t(1e6), 1.960, .001);
    const std::vector<double> samples = {1, 2, 3, 4, 5};
    const Interval mean = mean_interval(samples);
    EXPECT_EQ(mean.n, 5u);
    EXPECT_DOUBLE_EQ(mean.value, 3);
    EXPECT_NEAR(mean.high - 3, 2.776 * std::sqrt(2.5 / 5), .002);
    EXPECT_FALSE(mean_interval(std::span(samples).first(1)).known());
    EXPECT_FALSE(mean_interval({}).known());
    const Interval share = wilson_interval(10, 100);  // Wilson 1927: 5.5 % to 17.4 %
    EXPECT_NEAR(share.low, .0552, .0002);
    EXPECT_NEAR(share.high, .1744, .0002);
    EXPECT_EQ(wilson_interval(0, 20).low, 0);
    EXPECT_NEAR(wilson_interval(0, 20).high, .1611, .0002);
    EXPECT_FALSE(wilson_interval(0, 0).known());
}

TEST(Intervals, OfDifferencesAreThoseOfTheTables) {
    EXPECT_NEAR(student_t(1, .01), 63.657, .01);
    EXPECT_NEAR(student_t(2, .01), 9.925, .001);
    EXPECT_NEAR(student_t(9, .001), 4.781, .001);
    EXPECT_NEAR(student_t(18, .002), 3.610, .001);
    EXPECT_NEAR(student_t(1e6, .001), 3.291, .001);
    const std::vector<double> before = {1, 2, 3, 4, 5}, after = {11, 13, 15};
    // Welch: variances 2.5 / 5 and 4 / 3, so 3.53 degrees.
    const Interval more = mean_difference(before, after);
    EXPECT_DOUBLE_EQ(more.value, 10);
    EXPECT_NEAR(more.high - 10, student_t(3.529) * std::sqrt(2.5 / 5 + 4. / 3), .002);
    EXPECT_DOUBLE_EQ(mean_difference(after, before).value, -10);
    EXPECT_FALSE(mean_difference(before, std::span(after).first(1)).known());
    // Newcombe 1998, table II (a): 56 of 70 less 48 of 80 is 0.2, from 0.0524 to 0.3339.
    const Interval share = share_difference(wilson_interval(48, 80), wilson_interval(56, 70));
    EXPECT_NEAR(share.value, .2, 1e-9);
    EXPECT_NEAR(share.low, .0524, .0001);
    EXPECT_NEAR(share.high, .3339, .0001);
    EXPECT_FALSE(share_difference(wilson_interval(0, 0), wilson_interval(1, 2)).known());
}

TEST(Intervals, OfAQuantileLieBetweenSamples) {
    std::vector<double> samples(100);
    std::iota(samples.begin(), samples.end(), 1);
    const Interval median = quantile_interval(samples, .5);  // ranks 40 and 61: the tables of the sign test
    EXPECT_EQ(median.low, 40);
    EXPECT_EQ(median.high, 61);
    EXPECT_DOUBLE_EQ(median.value, 50.5);
    const std::span all(samples);
    EXPECT_TRUE(quantile_interval(all.first(72), .95).known());
    const Interval few = quantile_interval(all.first(71), .95);  // .95 to the power of 71 is more than 2.5 %
    EXPECT_FALSE(few.known());
    EXPECT_GT(few.low, 0);
    EXPECT_FALSE(apart(few, {1, 1000, 1000, 1000})) << "it may reach as far as that";
    EXPECT_TRUE(apart(few, {1, 0, 0, 0}));
    EXPECT_FALSE(quantile_interval({}, .5).known());
}

}  // namespace
}  // namespace pitwall::telemetry
