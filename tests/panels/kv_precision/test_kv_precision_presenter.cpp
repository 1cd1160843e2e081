// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "panels/kv_precision/kv_memory_presenter.h"
#include "panels/kv_precision/kv_precision_presenter.h"
#include "tests/panels/kv_precision/kv_session.h"

namespace pitwall::panels {
namespace {

using presets::KnobId;
using telemetry::KvDtype;
using testing::kMs;
using testing::KvSession;
using testing::Told;

class KvPrecision : public ::testing::Test {
  protected:
    void update() { presenter.update({20'000 * kMs, 40'000 * kMs}, QStringLiteral("last 20 s")); }
    static QString cell(const std::vector<ValueRow>& rows, const char* name, size_t index = 0) {
        const auto it = std::find_if(rows.begin(), rows.end(),
                                     [&](const ValueRow& r) { return r.name == QLatin1String(name); });
        return it == rows.end() || index >= it->cells.size() ? QStringLiteral("none")
                                                             : it->cells[index].value.text();
    }
    static QString note(const std::vector<ValueRow>& rows, const char* name) {
        for (const ValueRow& row : rows)
            if (row.name == QLatin1String(name)) return row.note;
        return QStringLiteral("none");
    }
    Told told;
    KvPrecisionPresenter presenter{told.store};
};

TEST_F(KvPrecision, KnowsNothingBeforeTheFirstStep) {
    update();
    EXPECT_TRUE(presenter.empty());
    EXPECT_EQ(cell(presenter.format(), "Blocks"), kNoValue + " blocks");
    EXPECT_EQ(presenter.no_probe(), KvPrecisionPresenter::NoProbe::kReference);
    EXPECT_FALSE(presenter.measured());
    EXPECT_EQ(note(presenter.effect(), "No change yet"), "turn kv_cache_dtype");
}

TEST_F(KvPrecision, SizesBeforeAndAfterTheChange) {
    const KvSession session(told);
    update();
    EXPECT_EQ(cell(presenter.format(), "Format"), "int8");
    EXPECT_EQ(note(presenter.format(), "Format"), "since 0:20, change 2");
    EXPECT_EQ(cell(presenter.format(), "Blocks", 0), "100");
    EXPECT_EQ(cell(presenter.format(), "Blocks", 1), "200 blocks");
    EXPECT_EQ(cell(presenter.format(), "Tokens that fit", 1), "3,200 tok");
    EXPECT_EQ(cell(presenter.format(), "Bytes a token", 0), "1,000");
    EXPECT_EQ(cell(presenter.format(), "Bytes a token", 1), "500 B");
    EXPECT_EQ(cell(presenter.format(), "Pause of the change"), "5.00 ms");
}

TEST_F(KvPrecision, SaysWhyThereIsNoFigureOfQuality) {
    {
        Told other;
        const KvSession session(other, false);
        KvPrecisionPresenter f16(other.store);
        f16.update({0, 20'000 * kMs}, QString());
        EXPECT_EQ(f16.no_probe(), KvPrecisionPresenter::NoProbe::kReference);
        EXPECT_EQ(cell(f16.format(), "Blocks"), "100 blocks");
        EXPECT_EQ(note(f16.format(), "Pause of the change"), "it never changed");
    }
    KvSession session(told);
    update();
    EXPECT_NE(presenter.no_probe(), KvPrecisionPresenter::NoProbe::kReference);
    session.probe(30'000, .5, 1, 0, KvDtype::kInt4);  // of another format
    update();
    EXPECT_NE(presenter.no_probe(), KvPrecisionPresenter::NoProbe::kThereAre);
}

TEST_F(KvPrecision, TheProbesFiguresWithTheirIntervals) {
    KvSession session(told);
    for (const double kl : {.01, .02, .03, .04, .05}) session.probe(30'000, kl, 10 * kl, kl > .025 ? 2 : 0);
    session.probe(10'000, 9, 9, 9);                                        // before the range
    session.probe(30'000, std::nan(""), std::nan(""), 4, KvDtype::kInt8);  // damaged
    update();
    EXPECT_EQ(presenter.probe().samples(), 5u);
    EXPECT_EQ(cell(presenter.quality(), "Mean KL"), "0.03 nats");
    EXPECT_EQ(note(presenter.quality(), "Mean KL"), "0.0104 to 0.0496");  // 2.776 x .0158 / sqrt(5)
    EXPECT_EQ(cell(presenter.quality(), "Worst KL"), "0.5 nats");
    EXPECT_EQ(cell(presenter.quality(), "Top-1 flips"), "8.00 %");  // 6 of 75
    EXPECT_EQ(note(presenter.quality(), "Top-1 flips"), "6 of 75, 3.72 to 16.4 %");
    EXPECT_EQ(cell(presenter.quality(), "Tokens a sample"), "64 tok");
    EXPECT_EQ(cell(presenter.quality(), "Cost"), "1.25 % of the time");  // 5 x 50 ms of 20 s
}

/// An older recording tells the same piece again and again.
TEST_F(KvPrecision, APieceCountsOnceHoweverOftenItWasToldOf) {
    KvSession session(told);
    for (int i = 0; i < 11; ++i) session.probe(21'000 + 1'000 * i, .02, .2, 1, KvDtype::kInt8, 0);
    session.probe(25'000, .04, .4, 0, KvDtype::kInt8, 64);
    KvMemoryPresenter memory(told.store);
    memory.update({0, 40'000 * kMs}, std::nullopt);
    update();
    EXPECT_EQ(presenter.probe().samples(), 2u);
    EXPECT_EQ(cell(presenter.quality(), "Samples"), "2");
    EXPECT_EQ(cell(presenter.quality(), "Mean KL"), "0.03 nats");
    EXPECT_EQ(presenter.probe().flips, 1u);
    EXPECT_EQ(presenter.probe().positions, 30u);
    EXPECT_EQ(presenter.probe().cost_ns, 12 * 50 * kMs) << "each took its time";
    uint64_t drawn = 0;
    for (const KvMemoryPresenter::Point& point : memory.points()) drawn += point.samples;
    EXPECT_EQ(drawn, 2u);
    told.knob(39'000, KnobId::kActivationDtype, 0, 1);
    session.probe(39'500, .05, .5, 0, KvDtype::kInt8, 0);
    update();
    EXPECT_EQ(presenter.probe().samples(), 3u) << "with other activations it is another sample";
}

TEST_F(KvPrecision, WhatTheChangeDidAndFromWhichContextItPays) {
    const KvSession session(told);
    update();
    ASSERT_TRUE(presenter.measured());
    const KvEffect& effect = *presenter.measured();
    EXPECT_EQ(effect.before.range.end_ns, 20'000 * kMs);
    EXPECT_EQ(effect.after.range.end_ns - effect.after.range.begin_ns,
              effect.before.range.end_ns - effect.before.range.begin_ns);
    ASSERT_TRUE(effect.before.fit && effect.after.fit);
    EXPECT_NEAR(effect.before.fit->token_ns, 500, 1e-6);
    EXPECT_NEAR(effect.after.fit->token_ns, 200, 1e-6);
    EXPECT_EQ(effect.pays.answer, BreakEven::Answer::kFrom);
    // 900 us more a step, 300 ns less a token, 2.5 sequences: 1,200 tokens each.
    EXPECT_NEAR(effect.pays.context_tokens, 900'000.0 / 300 / effect.after.fit->mean_sequences, 1e-3);
    EXPECT_TRUE(cell(presenter.pays(), "Pays from").endsWith("tok a sequence"));
    EXPECT_TRUE(presenter.csv().contains("\"Pays from\""));
}

TEST_F(KvPrecision, NoNumberWhereNothingCarriesOne) {
    KvSession session(told, false);
    told.knob(20'000, KnobId::kKvCacheDtype, 0, 4);
    session.run(20'010, 21'000, 1'000'000, 500);
    update();
    EXPECT_EQ(cell(presenter.pays(), "Pays from"), "the fit does not carry it");
    EXPECT_EQ(cell(presenter.effect(), "TPOT, mean", 0), kNoValue);
}

TEST_F(KvPrecision, MemoryOverTimeInTheBytesOfTheFormatInForce) {
    KvSession session(told);
    session.probe(30'500, .02, .1, 0);
    KvMemoryPresenter memory(told.store);
    memory.update({0, 40'000 * kMs}, std::nullopt);
    const auto& points = memory.points();
    ASSERT_GT(points.size(), 10u);
    EXPECT_EQ(points.front().held_bytes, 640'000);
    EXPECT_EQ(points.front().free_bytes, 640'000);
    EXPECT_EQ(points[points.size() - 2].held_bytes, 320'000);
    EXPECT_EQ(points[points.size() - 2].free_bytes, 1'120'000);
    EXPECT_EQ(memory.formats().size(), 2u);
    EXPECT_EQ(kv_format_at(memory.formats(), 19'000 * kMs)->dtype, KvDtype::kF16);
    EXPECT_EQ(kv_format_at(memory.formats(), 21'000 * kMs)->dtype, KvDtype::kInt8);
    EXPECT_DOUBLE_EQ(memory.most_kl(), .02);
    EXPECT_TRUE(memory.card_at(30'500 * kMs, "now").lines.back().contains("n = 1"));
    EXPECT_EQ(kv_formats_text(memory.formats(), 0, 40'000 * kMs), QStringLiteral("f16 → int8 at 0:20"));
}

/// Nobody computed from 20 s to 30 s.
TEST_F(KvPrecision, ThePoolIsThereWhileNobodyComputes) {
    KvSession session(told, false);
    session.run(30'000, 40'000, 1'000'000, 500);
    KvMemoryPresenter memory(told.store);
    memory.update({0, 60'000 * kMs}, std::nullopt);
    size_t carried = 0;
    for (const KvMemoryPresenter::Point& point : memory.points()) {
        EXPECT_EQ(point.known(), point.begin_ns < told.store.now_ns()) << point.begin_ns / kMs;
        carried += point.carried;
        if (!point.carried) continue;
        EXPECT_EQ(point.steps, 0u);
        EXPECT_EQ(point.held_bytes + point.cached_bytes + point.free_bytes, 1'600'000);
    }
    EXPECT_EQ(carried, 10u);
    EXPECT_TRUE(memory.card_at(25'000 * kMs, "now").lines.back().startsWith("no step here"));
    memory.update({22'000 * kMs, 28'000 * kMs}, std::nullopt);  // a window without any step
    EXPECT_TRUE(memory.points().front().carried);
    EXPECT_EQ(memory.most_bytes(), 1'600'000);
}

TEST_F(KvPrecision, NothingIsCarriedOverAGap) {
    KvSession session(told, false);
    told.mark(22'500, telemetry::MarkKind::kGap, 12);
    session.run(30'000, 40'000, 1'000'000, 500);
    KvMemoryPresenter memory(told.store);
    memory.update({0, 60'000 * kMs}, std::nullopt);
    for (const KvMemoryPresenter::Point& point : memory.points())
        EXPECT_EQ(point.known(), point.begin_ns < told.store.now_ns() &&
                                     (point.begin_ns < 22'000 * kMs || point.begin_ns >= 30'000 * kMs))
            << point.begin_ns / kMs;
}

TEST(FormatNats, SmallOnesAreNotZero) {
    EXPECT_EQ(format_nats(0), "0");
    EXPECT_EQ(format_nats(.0123456), "0.0123");
    EXPECT_EQ(format_nats(.0000123), "1.2e-5");
    EXPECT_EQ(format_nats(std::nan("")), kNoValue);
}

}  // namespace
}  // namespace pitwall::panels
