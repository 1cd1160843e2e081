// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "panels/prefix_cache/prefix_cache_presenter.h"
#include "panels/throughput/throughput_presenter.h"
#include "tests/panels/support/told.h"
#include "tests/storm.h"

namespace pitwall::panels {
namespace {

using presets::KnobId;
using telemetry::MissReason;
using telemetry::TimeRange;
using testing::kMs;
using testing::Told;

constexpr TimeRange kWindow{80'000 * kMs, 200'000 * kMs};

// ---------------------------------------------------------------------------------------------- prefix cache

TEST(PrefixCache, TheCaptionIsTheRateOfTheRange) {
    Told told;
    told.request({.arrival_ms = 150'000,
                  .scheduled_ms = 150'000,
                  .first_token_ms = 150'100,
                  .end_ms = 151'000,
                  .prompt = 300,
                  .cached = 100});
    told.request({.arrival_ms = 190'000,
                  .scheduled_ms = 190'000,
                  .first_token_ms = 190'100,
                  .end_ms = 191'000,
                  .prompt = 100,
                  .cached = 60});
    told.until(200'000);
    PrefixCachePresenter presenter(told.store);
    presenter.update(kWindow, {140'000 * kMs, 200'000 * kMs}, "last 60 s", std::nullopt);
    EXPECT_EQ(presenter.hit_caption().value.text(), "40.0 %");
    EXPECT_EQ(presenter.scope(), "last 60 s, n = 2");
    const auto stats = telemetry::range_stats(told.store, {140'000 * kMs, 200'000 * kMs});
    EXPECT_DOUBLE_EQ(stats.hit_rate(), 0.4) << "the same number as the figures strip";
    presenter.update(kWindow, {180'000 * kMs, 200'000 * kMs}, "", std::nullopt);
    EXPECT_EQ(presenter.hit_caption().value.text(), "60.0 %");
}

TEST(PrefixCache, BlocksCountWholeOnesOnly) {
    telemetry::RequestRow row;
    row.prompt_tokens = 47;
    row.cached_tokens = 32;
    const PrefixHit hit = prefix_hit(row, PrefixCachePresenter::Unit::kBlocks, 16);
    EXPECT_EQ(hit.hits, 2u);
    EXPECT_EQ(hit.asked, 2u);
    EXPECT_EQ(prefix_hit(row, PrefixCachePresenter::Unit::kTokens, 16).asked, 47u);
    EXPECT_EQ(prefix_hit(row, PrefixCachePresenter::Unit::kBlocks, 0).asked, 47u)
        << "a pool of unknown blocks";
}

TEST(PrefixCache, APointLooksBackTwelveSeconds) {
    Told told;
    told.request({.arrival_ms = 101'000,
                  .scheduled_ms = 101'000,
                  .first_token_ms = 101'100,
                  .end_ms = 102'000,
                  .prompt = 100,
                  .cached = 50,
                  .miss = MissReason::kEvicted});
    told.until(200'000);
    PrefixCachePresenter presenter(told.store);
    presenter.update(kWindow, kWindow, "", std::nullopt);
    size_t seen = 0;
    for (const auto& point : presenter.points()) {
        const bool within =
            point.end_ns > 101'000 * kMs && point.end_ns - PrefixCachePresenter::kSmoothNs <= 101'000 * kMs;
        EXPECT_EQ(!std::isnan(point.hit_rate), within) << point.end_ns / kMs;
        if (!within) continue;
        ++seen;
        EXPECT_DOUBLE_EQ(point.hit_rate, 0.5);
        EXPECT_EQ(point.misses[size_t(MissReason::kEvicted)], 1u);
    }
    EXPECT_EQ(seen, 6u);
    const HoverCard card = presenter.card_at(102'500 * kMs, "then");
    EXPECT_EQ(card.lines[0], "50 of 100 tokens from cache");
    EXPECT_EQ(card.lines[1], "missed: evicted 1");
}

/// Each point against a sum over all requests, the slow way.
TEST(PrefixCache, PointsMatchASlowCount) {
    for (const uint32_t seed : StormSeeds()) {
        std::mt19937_64 random(seed);
        Told told;
        for (int i = 0; i < 300; ++i) {
            const auto t = int64_t(random() % 200'000);
            const auto prompt = uint32_t(random() % 500 + 1);
            told.request({.arrival_ms = t,
                          .scheduled_ms = t,
                          .first_token_ms = t + 5,
                          .end_ms = t + 10,
                          .prompt = prompt,
                          .cached = uint32_t(random() % (prompt + 1))});
        }
        told.until(200'000);
        PrefixCachePresenter presenter(told.store);
        presenter.update(kWindow, kWindow, "", std::nullopt);
        for (const auto& point : presenter.points()) {
            uint64_t hits = 0, asked = 0;
            for (const auto& [id, row] : told.store.requests()) {
                if (row.scheduled_ns >= point.end_ns ||
                    row.scheduled_ns < point.end_ns - PrefixCachePresenter::kSmoothNs)
                    continue;
                hits += row.cached_tokens;
                asked += row.prompt_tokens;
            }
            if (!point.told) continue;
            EXPECT_EQ(point.hits, hits);
            EXPECT_EQ(point.asked, asked);
        }
    }
}

TEST(PrefixCache, EvictionsAreRatesAndTheCursorReadsThem) {
    Told told;
    told.evicted(120'500, 30);
    told.step(121'000, {});
    told.evicted(199'500, 8);
    told.until(200'000);
    PrefixCachePresenter presenter(told.store);
    presenter.update(kWindow, kWindow, "", std::nullopt);
    EXPECT_DOUBLE_EQ(presenter.most_evictions_per_s(), 15);
    EXPECT_EQ(presenter.eviction_caption().value.number, "4") << "8 blocks in the last two seconds";
    presenter.update(kWindow, kWindow, "", 121'000 * kMs);
    EXPECT_EQ(presenter.eviction_caption().value.text(), "15 blocks/s");
}

TEST(PrefixCache, MissingEventsAreAGap) {
    Told told;
    told.mark(150'000, telemetry::MarkKind::kGap, 12);
    told.until(200'000);
    PrefixCachePresenter presenter(told.store);
    presenter.update(kWindow, kWindow, "", std::nullopt);
    size_t gaps = 0;
    for (const auto& point : presenter.points()) gaps += point.gap;
    EXPECT_EQ(gaps, 1u);
}

TEST(PrefixCache, AnEmptyStoreHasAxesAndNoNumbers) {
    telemetry::Store store;
    PrefixCachePresenter presenter(store);
    presenter.update({-120'000 * kMs, 1}, {-60'000 * kMs, 1}, "last 60 s", std::nullopt);
    EXPECT_TRUE(presenter.empty());
    EXPECT_EQ(presenter.hit_caption().value.number, kNoValue);
}

// ---------------------------------------------------------------------------------------------- throughput

TEST(Throughput, RatesAreTokensOverTwoPoints) {
    Told told;
    told.request({.arrival_ms = 150'000,
                  .scheduled_ms = 150'000,
                  .first_token_ms = 150'100,
                  .end_ms = 151'900,
                  .output = 41});
    for (int t = 150'000; t < 152'000; t += 100)
        told.step(t, {.prefill = 32,
                      .decode = 2,
                      .running = uint32_t(t == 150'900 ? 1 : 5),
                      .waiting = uint32_t(t == 150'500 ? 7 : 0)});
    told.until(200'000);
    ThroughputPresenter presenter(told.store);
    presenter.update(kWindow, 151'000 * kMs);
    const auto at = [&](int64_t ms) {
        for (const auto& point : presenter.points())
            if (ms * kMs >= point.begin_ns && ms * kMs < point.end_ns) return point;
        return ThroughputPresenter::Point{};
    };
    EXPECT_DOUBLE_EQ(at(151'000).lower, 41 / 4.0);
    EXPECT_DOUBLE_EQ(at(151'000).upper, 640 / 4.0);
    EXPECT_DOUBLE_EQ(at(153'000).upper, 640 / 4.0) << "it looks back over two points";
    EXPECT_DOUBLE_EQ(at(155'000).upper, 0);
    EXPECT_EQ(at(151'000).most_waiting, 7u);
    EXPECT_EQ(at(151'000).most_running, 5u);
    EXPECT_EQ(presenter.queue_caption().parts[1].text, "most running 5");
    EXPECT_EQ(presenter.queue_caption().parts[2].text, "most waiting 7");
    EXPECT_EQ(presenter.card_at(151'000 * kMs, "then").lines[1], "most running 5, most waiting 7, 20 steps");
    EXPECT_TRUE(presenter.csv().section('\n', 0, 0).endsWith("most_running,most_waiting,steps"));
    EXPECT_EQ(presenter.rate_caption().parts[1].text, "output 10.3");
    EXPECT_EQ(presenter.rate_caption().parts[2].text, "prefill 160");
    EXPECT_TRUE(presenter.stacked());
    EXPECT_EQ(presenter.most_requests(), 12u);
}

TEST(Throughput, RequestsAreTwoLines) {
    Told told;
    for (int i = 0; i < 8; ++i) told.with_latency(151'000 + i, 100, 10);
    told.until(200'000);
    ThroughputPresenter presenter(told.store);
    presenter.set_unit(ThroughputPresenter::Unit::kRequests);
    presenter.update(kWindow, 151'500 * kMs);
    EXPECT_EQ(presenter.rate_caption().parts[1].text, "finished 2.00");
    EXPECT_EQ(presenter.rate_caption().parts[2].text, "arrived 2.00");
    EXPECT_FALSE(presenter.stacked());
}

TEST(Throughput, TheLimitHasAHistory) {
    Told told;
    told.start(KnobId::kMaxNumSeqs, 24);
    told.knob(20'000, KnobId::kMaxNumSeqs, 24, 12);
    told.knob(150'000, KnobId::kMaxNumSeqs, 12, 16);
    told.step(199'000, {.running = 12, .waiting = 3});
    told.until(200'000);
    ThroughputPresenter presenter(told.store);
    presenter.update(kWindow, std::nullopt);
    ASSERT_EQ(presenter.limits().size(), 3u);
    EXPECT_EQ(presenter.limits()[0].seqs, 12);
    EXPECT_EQ(presenter.limits()[0].t_ns, kWindow.begin_ns);
    EXPECT_EQ(presenter.limits()[1].seqs, 16);
    EXPECT_EQ(presenter.limits()[2].t_ns, kWindow.end_ns);
    EXPECT_TRUE(presenter.limit_shown());
    EXPECT_EQ(presenter.queue_top(), 16);
}

TEST(Throughput, AFarLimitIsSaidInsteadOfDrawn) {
    Told told;
    told.start(KnobId::kMaxNumSeqs, 256);
    told.step(199'000, {.running = 3});
    told.until(200'000);
    ThroughputPresenter presenter(told.store);
    presenter.update(kWindow, std::nullopt);
    EXPECT_FALSE(presenter.limit_shown());
    EXPECT_EQ(presenter.queue_caption().aside, "max_num_seqs 256");
    EXPECT_LT(presenter.queue_top(), 10);
}

TEST(Throughput, TheNewestPointWaitsUntilHalfOfItIsOver) {
    Told told;
    told.step(200'100, {.prefill = 500, .running = 1});
    ThroughputPresenter presenter(told.store);
    const auto update = [&] {
        presenter.update({told.store.now_ns() + 1 - 120'000 * kMs, told.store.now_ns() + 1}, std::nullopt);
    };
    update();
    EXPECT_FALSE(presenter.points().back().told);
    told.until(201'200);
    update();
    EXPECT_TRUE(presenter.points().back().told);
    EXPECT_GT(presenter.points().back().upper, 0);
}

TEST(Throughput, CsvHasALineAPoint) {
    Told told;
    told.until(200'000);
    ThroughputPresenter presenter(told.store);
    presenter.update(kWindow, std::nullopt);
    EXPECT_EQ(size_t(presenter.csv().count('\n')), presenter.points().size() + 1);
}

}  // namespace
}  // namespace pitwall::panels
