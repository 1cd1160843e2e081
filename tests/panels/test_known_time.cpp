// SPDX-License-Identifier: GPL-3.0-or-later
//
// Ranges that begin before what the store knows: a recording begun in mid-session, a seek, trimmed rows.
#include <gtest/gtest.h>

#include <cmath>

#include "panels/common/panel.h"
#include "panels/common/refresh_gate.h"
#include "panels/figures/figures_presenter.h"
#include "panels/statusbar/status_bar.h"
#include "panels/throughput/throughput_presenter.h"
#include "panels/transport/session_envelope.h"
#include "tests/panels/support/told.h"

namespace pitwall::panels {
namespace {

using presets::KnobId;
using testing::kMs;
using testing::Told;

/// Known from 100 s on: 10 requests of 50 tokens and 100 steps within five seconds.
void tell_five_seconds(Told& told) {
    told.keyframe(100'000, 4000);
    for (int i = 0; i < 10; ++i) {
        const int64_t t = 100'000 + 490 * i;
        told.request(
            {.arrival_ms = t, .scheduled_ms = t, .first_token_ms = t + 10, .end_ms = t + 480, .output = 50});
    }
    for (int i = 0; i < 100; ++i) told.step(100'000 + 50 * i, {.decode = 1, .running = 1});
}

const FigureTile& tile(const FiguresPresenter& presenter, const char* id) {
    for (const FigureTile& tile : presenter.tiles())
        if (tile.id == QLatin1String(id)) return tile;
    throw std::out_of_range(id);
}

TEST(KnownTime, ARangeBeginsNoEarlierThanTheHistory) {
    Told told;
    tell_five_seconds(told);
    RangeModel range;
    EXPECT_EQ(range.resolve(told.store).begin_ns, 100'000 * kMs);
    EXPECT_EQ(range.label(told.store), "last 60 s, incomplete");
    EXPECT_EQ(range.label(), "last 60 s");
    range.set_dragged({50'000 * kMs, 102'000 * kMs});
    EXPECT_EQ(range.resolve(told.store).begin_ns, 100'000 * kMs);
    EXPECT_EQ(range.dragged().begin_ns, 50'000 * kMs) << "a hand's window keeps its width";
    range.set_dragged({101'000 * kMs, 102'000 * kMs});
    EXPECT_EQ(range.label(told.store).right(10), range.label().right(10));
}

TEST(KnownTime, ASessionFromItsBeginIsComplete) {
    Told told;
    told.keyframe(0, 0);
    told.until(5'000);
    RangeModel range;
    EXPECT_EQ(range.label(told.store), "last 60 s");
    EXPECT_EQ(range.resolve(told.store).begin_ns, 0);
    told.store.note_dropped(7);
    told.until(6'000);
    EXPECT_EQ(range.label(told.store), "last 60 s, incomplete");
    told.until(90'000);
    EXPECT_EQ(range.label(told.store), "last 60 s") << "they are out of the range by now";
}

TEST(KnownTime, RatesAreOverWhatIsKnown) {
    Told told;
    tell_five_seconds(told);
    RangeModel range;
    FiguresPresenter figures;
    figures.update(told.store, range.resolve(told.store), range.label(told.store));
    EXPECT_NEAR(tile(figures, "output").value.number.toDouble(), 500 / 4.95, 2);
    EXPECT_NEAR(tile(figures, "goodput").value.number.toDouble(), 10 / 4.95, 0.05);
    const std::vector<double>& spark = tile(figures, "output").spark;
    EXPECT_TRUE(std::isnan(spark.front()));
    EXPECT_NEAR(spark.back(), 100, 10);
    const auto cells = status_cells(told.store, {});
    EXPECT_NEAR(cells[0].figure.number.toDouble(), 100 / 4.95, 0.3) << cells[0].figure.text().toStdString();
    EXPECT_NEAR(cells[2].figure.number.toDouble(), 500 / 4.95, 2);
}

TEST(KnownTime, ChartsLeaveOutWhatIsNotKnown) {
    Told told;
    tell_five_seconds(told);
    ThroughputPresenter presenter(told.store);
    presenter.update({0, 105'000 * kMs}, std::nullopt);
    for (const auto& point : presenter.points()) EXPECT_EQ(point.gap, point.begin_ns < 100'000 * kMs);
}

TEST(KnownTime, TheEnvelopeFillsInWhatASeekSkipped) {
    Told told;
    tell_five_seconds(told);
    SessionEnvelope envelope;
    envelope.update(told.store);
    ASSERT_EQ(envelope.tokens_per_s().size(), 4u);
    EXPECT_NEAR(envelope.tokens_per_s()[1], 100, 10);
    told.store.clear();
    told.keyframe(110'000, 5000);
    told.step(110'000, {});
    told.until(112'500);
    envelope.update(told.store);
    ASSERT_EQ(envelope.tokens_per_s().size(), 12u);
    EXPECT_TRUE(std::isnan(envelope.tokens_per_s()[7])) << "unknown is not zero";
    EXPECT_EQ(envelope.tokens_per_s()[11], 0);
    EXPECT_NEAR(envelope.tokens_per_s()[1], 100, 10) << "what was seen stays";
    told.store.clear();
    told.keyframe(106'000, 4500);
    told.step(106'000, {});
    told.request({.arrival_ms = 107'000,
                  .scheduled_ms = 107'000,
                  .first_token_ms = 107'100,
                  .end_ms = 107'900,
                  .output = 30});
    told.until(108'500);
    envelope.update(told.store);
    EXPECT_EQ(envelope.tokens_per_s()[7], 30);
}

TEST(RefreshGate, DearWorkComesTheLessOften) {
    Told told;
    RefreshGate gate(0);
    EXPECT_TRUE(gate.run(told.store, [] {}));
    told.until(1'000);
    EXPECT_TRUE(gate.run(told.store, [&] {})) << "cheap work at every news";
    gate.note_cost(1'000'000);
    told.until(2'000);
    EXPECT_FALSE(gate.due(told.store));
    gate.force();
    EXPECT_TRUE(gate.due(told.store)) << "a hand does not wait";
    told.until(3'000);
    EXPECT_FALSE(gate.due(told.store));
    told.store.clear();
    EXPECT_TRUE(gate.due(told.store)) << "nor does a seek";
}

}  // namespace
}  // namespace pitwall::panels
