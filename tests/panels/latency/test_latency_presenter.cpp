// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "panels/latency/latency_presenter.h"
#include "tests/panels/support/told.h"
#include "tests/storm.h"

namespace pitwall::panels {
namespace {

using presets::KnobId;
using telemetry::Formula;
using testing::kMs;
using testing::Told;

constexpr telemetry::TimeRange kAll{0, int64_t{1} << 60};
constexpr auto kTtft = LatencyPresenter::kTtft;
constexpr auto kTpot = LatencyPresenter::kTpot;

double sum(const std::vector<double>& counts) { return std::accumulate(counts.begin(), counts.end(), 0.0); }

struct Samples {
    std::vector<double> ttft_ns, tpot_ns;
};

/// A TTFT belongs to the moment of its first token, a TPOT to the request's end.
Samples samples_of(const telemetry::Store& store, telemetry::TimeRange range, Formula formula) {
    Samples samples;
    for (const auto& [id, row] : store.requests()) {
        const telemetry::RequestTimes times = telemetry::times_of(row);
        if (const auto ttft = telemetry::ttft_ns(times); ttft && range.contains(row.first_token_ns))
            samples.ttft_ns.push_back(*ttft);
        if (const auto tpot = telemetry::tpot_ns(times, formula); tpot && range.contains(row.end_ns))
            samples.tpot_ns.push_back(*tpot);
    }
    return samples;
}

class Latency : public ::testing::Test {
  protected:
    Latency() {
        told.start(KnobId::kTtftSloMs, 400);
        told.start(KnobId::kTpotSloMs, 30);
    }
    void update() { presenter.update(kAll, "last 60 s", kNoRequest); }
    Told told;
    LatencyPresenter presenter{told.store};
};

TEST_F(Latency, HasTheAxesOfTheMockup) {
    told.with_latency(5'000, 100, 10);
    update();
    const LatencyHistogram& ttft = presenter.histogram(kTtft);
    EXPECT_EQ(ttft.last_edge, 800);
    EXPECT_EQ(ttft.bin_width, 25);
    EXPECT_EQ(ttft.counts.size(), 33u);
    EXPECT_EQ(ttft.unit, "ms");
    ASSERT_EQ(ttft.ticks.size(), 5u);
    EXPECT_EQ(ttft.ticks[2].text, "400");
    EXPECT_EQ(ttft.ticks[4].text, QString::fromUtf8("\u2265 800 ms"));
    EXPECT_EQ(presenter.histogram(kTpot).last_edge, 40);
    EXPECT_EQ(presenter.histogram(kTpot).bin_width, 1.25);
}

TEST_F(Latency, EverySampleIsInOneBinTheLastTakesTheRest) {
    for (int i = 0; i < 200; ++i) told.with_latency(5'000 + 20 * i, 5 * i, 10);
    update();
    const LatencyHistogram& view = presenter.histogram(kTtft);
    EXPECT_EQ(sum(view.counts), 200);
    EXPECT_EQ(view.counts.back(), 40) << "800 ms and more";
    EXPECT_EQ(view.counts[0], 5) << "0 to 20 ms";
    EXPECT_EQ(view.missed, 119u) << "405 ms and more";
    EXPECT_EQ(view.slo.text, "SLO 400 ms");
    EXPECT_EQ(view.slo.missed, "59.5 % missed");
}

TEST_F(Latency, PercentilesAreExactAndSayHowSureTheyAre) {
    for (int i = 1; i <= 99; ++i) told.with_latency(5'000 + i, i, 10);
    update();
    ASSERT_EQ(presenter.histogram(kTtft).percentiles.size(), 3u);
    EXPECT_EQ(presenter.histogram(kTtft).percentiles[0].text, "p50 50.0 ms");
    EXPECT_EQ(presenter.histogram(kTtft).percentiles[1].text, "p95 94.1 ms");
    EXPECT_TRUE(presenter.histogram(kTtft).percentiles[2].faint);
    EXPECT_EQ(presenter.histogram(kTtft).percentiles[2].text, "p99 98.0 ms, n = 99");
    told.with_latency(6'000, 100, 10);
    update();
    EXPECT_FALSE(presenter.histogram(kTtft).percentiles[2].faint);
    EXPECT_EQ(presenter.scope(), "last 60 s, n = 100");
}

/// The panel says what telemetry says, whatever the range and the definition.
TEST(LatencyStorm, AgreesWithTheStatisticsOfTheRange) {
    for (const uint32_t seed : StormSeeds()) {
        std::mt19937_64 random(seed);
        Told told;
        LatencyPresenter presenter{told.store};
        for (int i = 0; i < 400; ++i) {
            const auto arrival = int64_t(random() % 100'000), wait = int64_t(random() % 900),
                       decode = int64_t(random() % 4000);
            const bool runs = random() % 10 == 0;
            told.request({.arrival_ms = arrival,
                          .scheduled_ms = arrival + wait / 2,
                          .first_token_ms = random() % 20 ? arrival + wait : -1,
                          .end_ms = runs ? -1 : arrival + wait + decode,
                          .output = uint32_t(random() % 60 + 1),
                          .reason = random() % 8 ? telemetry::FinishReason::kStop
                                                 : telemetry::FinishReason::kCancelled});
        }
        for (const Formula formula :
             {Formula::kVllm, Formula::kAiperf, Formula::kGuidellm, Formula::kLlmperf}) {
            for (int round = 0; round < 8; ++round) {
                const int64_t begin = int64_t(random() % 90'000) * kMs;
                const telemetry::TimeRange range{begin, begin + int64_t(random() % 40'000 + 1) * kMs};
                presenter.set_formula(formula);
                presenter.update(range, "", kNoRequest);
                const auto samples = samples_of(told.store, range, formula);
                EXPECT_EQ(presenter.histogram(kTtft).n, samples.ttft_ns.size());
                EXPECT_EQ(presenter.histogram(kTpot).n, samples.tpot_ns.size());
                EXPECT_EQ(sum(presenter.histogram(kTtft).counts), double(samples.ttft_ns.size()));
                auto sorted = samples.tpot_ns;
                if (sorted.empty()) continue;
                const LatencyHistogram& view = presenter.histogram(kTpot);
                const double p50 = telemetry::percentiles(sorted).p50 / view.unit_ns;
                EXPECT_DOUBLE_EQ(view.percentiles[0].value,
                                 std::min(p50, view.last_edge + 0.8 * view.bin_width));
            }
        }
    }
}

TEST_F(Latency, DefinitionsMoveTheSameSamples) {
    told.request({.arrival_ms = 0, .scheduled_ms = 0, .first_token_ms = 100, .end_ms = 190, .output = 10});
    update();
    EXPECT_EQ(presenter.histogram(kTpot).percentiles[0].text, "p50 10.0 ms");
    presenter.set_formula(Formula::kGuidellm);
    update();
    EXPECT_EQ(presenter.histogram(kTpot).percentiles[0].text, "p50 19.0 ms");
}

TEST_F(Latency, TheOutlineIsWhatWasBeforeTheLastChangeAtTheSameN) {
    for (int i = 0; i < 40; ++i) told.with_latency(20'000 + 100 * i, 300, 10);
    told.knob(30'000, KnobId::kMaxNumSeqs, 8, 9);
    for (int i = 0; i < 80; ++i) told.with_latency(31'000 + 100 * i, 100, 10);
    presenter.update({30'500 * kMs, 60'000 * kMs}, "", kNoRequest);
    const LatencyHistogram& view = presenter.histogram(kTtft);
    ASSERT_EQ(view.outline.size(), view.counts.size());
    EXPECT_NEAR(sum(view.outline), 80, 1e-9);
    EXPECT_NEAR(view.outline[view.bin_of(300)], 80, 1e-9);
    EXPECT_EQ(view.counts[view.bin_of(100)], 80);
    EXPECT_EQ(presenter.outline_change(), 1u);
}

TEST_F(Latency, NoOutlineFromAHandfulOfRequests) {
    told.with_latency(20'000, 300, 10);
    told.knob(30'000, KnobId::kMaxNumSeqs, 8, 9);
    told.with_latency(31'000, 100, 10);
    update();
    EXPECT_TRUE(presenter.histogram(kTtft).outline.empty());
    EXPECT_EQ(presenter.outline_change(), 0u);
}

TEST_F(Latency, ADraggedObjectiveCountsAtOnceAndTheAxisStands) {
    for (int i = 1; i <= 100; ++i) told.with_latency(5'000 + i, 5 * i, 10);
    update();
    const double edge = presenter.histogram(kTtft).last_edge;
    presenter.hold_slo(kTtft, 100 * 1e6);
    update();
    EXPECT_EQ(presenter.histogram(kTtft).last_edge, edge);
    EXPECT_EQ(presenter.histogram(kTtft).missed, 80u);
    EXPECT_EQ(presenter.histogram(kTtft).slo.text, "SLO 100 ms");
    presenter.hold_slo(kTtft, std::nullopt);
    update();
    EXPECT_EQ(presenter.histogram(kTtft).missed, 20u);
}

TEST_F(Latency, WhereALineIsLetGoIsAValueOfTheKnob) {
    told.with_latency(5'000, 100, 10);
    update();
    for (const double value : {0.0, 0.004, 1.234, 37.77, 412.3, 799.0}) {
        const std::string text = presenter.slo_knob_text(kTtft, value).toStdString();
        EXPECT_TRUE(presets::parse_value(presets::spec(KnobId::kTtftSloMs), text).ok()) << text;
        EXPECT_NEAR(std::stod(text), std::max(value, 0.01), std::max(0.01, value * 0.05));
    }
    EXPECT_EQ(presenter.slo_knob_text(kTtft, 412.3), "410");
}

TEST_F(Latency, AClickOnABinWalksThroughItsRequestsFromTheNewest) {
    const RequestId a = told.with_latency(5'000, 100, 10), b = told.with_latency(5'100, 101, 10);
    told.with_latency(5'200, 300, 10);
    update();
    const size_t bin = presenter.histogram(kTtft).bin_of(100);
    EXPECT_EQ(presenter.request_in_bin(kTtft, bin, kNoRequest), b);
    EXPECT_EQ(presenter.request_in_bin(kTtft, bin, b), a);
    EXPECT_EQ(presenter.request_in_bin(kTtft, bin, a), b);
    EXPECT_EQ(presenter.request_in_bin(kTtft, bin + 1, a), kNoRequest);
    EXPECT_EQ(presenter.bin_text(kTtft, bin), "100 to 125 ms: 2 of 3 requests");
}

TEST_F(Latency, TheSelectedRequestHasItsPlaceAlsoWhileItRuns) {
    const RequestId runs =
        told.request({.arrival_ms = 0, .scheduled_ms = 5, .first_token_ms = 70, .end_ms = -1, .output = 1});
    presenter.update(kAll, "", runs);
    ASSERT_TRUE(presenter.histogram(kTtft).selected);
    EXPECT_DOUBLE_EQ(*presenter.histogram(kTtft).selected, 70);
    EXPECT_FALSE(presenter.histogram(kTpot).selected);
}

TEST_F(Latency, NothingYetIsAnEnDash) {
    update();
    EXPECT_TRUE(presenter.empty());
    EXPECT_EQ(presenter.figures(kTtft), QString::fromUtf8("TTFT \u2013"));
    EXPECT_EQ(presenter.histogram(kTtft).slo.missed, "");
    EXPECT_TRUE(presenter.csv().startsWith("metric,definition"));
}

TEST(HistogramTop, KeepsTheObjectiveInView) {
    EXPECT_EQ(histogram_top(400, 100, 300, 0), 800);
    EXPECT_EQ(histogram_top(30, 12, 30, 0), 40);
    EXPECT_EQ(histogram_top(1000, 100, 700, 0), 2000);
}

TEST(HistogramTop, FollowsSamplesFarAwayAndDoesNotSwing) {
    const double near = histogram_top(1000, 5, 10, 0);
    EXPECT_LT(near, 100);
    double top = 0;
    int moves = 0;
    for (int i = 0; i < 200; ++i) {
        const double p99 = 190 + 30 * std::sin(i * 0.7);  // about a tenth of 2000, where it would leave
        const double next = histogram_top(1000, p99 / 2, p99, top);
        moves += next != top;
        top = next;
    }
    EXPECT_LE(moves, 3);
    EXPECT_GT(histogram_top(10, 5000, 9000, 0), 5000) << "most samples far past the objective";
    EXPECT_GT(histogram_top(0, std::nan(""), std::nan(""), 7), 0);
}

TEST(HistogramTop, BinsAreRoundAndFewEnough) {
    for (double top = 1e3; top < 1e12; top *= 10)
        for (const double lead : {1.0, 2.0, 4.0, 8.0}) {
            const size_t bins = histogram_bins(lead * top);
            EXPECT_GE(bins, 25u);
            EXPECT_LE(bins, 40u);
        }
}

}  // namespace
}  // namespace pitwall::panels
