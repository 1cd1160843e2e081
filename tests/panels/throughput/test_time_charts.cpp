// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <QTest>

#include "panels/prefix_cache/prefix_cache_panel.h"
#include "panels/throughput/throughput_panel.h"
#include "tests/panels/support/desk.h"

namespace pitwall::panels {
namespace {

using presets::KnobId;
using testing::Desk;
using testing::kMs;

class TimeCharts : public ::testing::Test {
  protected:
    TimeCharts() {
        for (int t = 0; t <= 200'000; t += 500) desk.told.step(t, {.prefill = 64, .decode = 4, .running = 4});
        for (int i = 0; i < 100; ++i) desk.told.with_latency(1'000 + 1'900 * i, 50, 10);
    }
    template <class P>
    std::unique_ptr<P> make(QSize size) {
        auto panel = std::make_unique<P>(desk.context());
        panel->resize(size);
        panel->show();
        panel->refresh();
        QTest::qWait(30);
        return panel;
    }
    Desk desk;
};

TEST_F(TimeCharts, WindowIsTwoMinutesOrTheRangeWhereThatIsLonger) {
    EXPECT_EQ(
        chart_window(desk.range, desk.told.store).end_ns - chart_window(desk.range, desk.told.store).begin_ns,
        120'000 * kMs);
    desk.range.set_mode(RangeModel::Mode::kSession);
    EXPECT_EQ(chart_window(desk.range, desk.told.store).begin_ns, 0);
    desk.range.set_dragged({50'000 * kMs, 60'000 * kMs});
    EXPECT_EQ(chart_window(desk.range, desk.told.store).begin_ns, 50'000 * kMs);
    EXPECT_EQ(chart_window(desk.range, desk.told.store).end_ns, 60'000 * kMs);
}

TEST_F(TimeCharts, AMomentHasAStep) {
    EXPECT_EQ(step_at(desk.told.store, 10'250 * kMs), StepId{20});
    EXPECT_EQ(step_at(desk.told.store, 10'000 * kMs), StepId{20});
    EXPECT_EQ(step_at(desk.told.store, -1), std::nullopt);
}

TEST_F(TimeCharts, AClickSelectsTheStepOfThatMoment) {
    const auto panel = make<ThroughputPanel>({400, 206});
    const double key = 150;
    QTest::mouseClick(panel->chart().findChild<QWidget*>(), Qt::LeftButton, {},
                      {int(panel->chart().pixel_of(0, key)), 60});
    ASSERT_TRUE(desk.selection.has_step());
    EXPECT_NEAR(double(raw(desk.selection.step())), 300, 2);
}

TEST_F(TimeCharts, TheCaptionReadsWhatIsUnderTheCursor) {
    const auto panel = make<PrefixCachePanel>({400, 194});
    EXPECT_FALSE(panel->cursor_ns());
    QTest::mouseMove(panel->chart().findChild<QWidget*>(), {int(panel->chart().pixel_of(0, 120)), 60});
    ASSERT_TRUE(panel->cursor_ns());
    EXPECT_NEAR(double(*panel->cursor_ns()) / 1e9, 120, 0.5);
    panel->chart().setFocus();
    QTest::keyClick(&panel->chart(), Qt::Key_Left);
    EXPECT_NEAR(double(*panel->cursor_ns()) / 1e9, 118, 0.5) << "one point back";
    QTest::keyClick(&panel->chart(), Qt::Key_Escape);
    EXPECT_FALSE(panel->cursor_ns());
}

/// The mouse passes many moments a second: none of them counts the session again.
TEST_F(TimeCharts, TheCursorCountsNothingAgain) {
    const auto panel = make<ThroughputPanel>({400, 206});
    const uint32_t before = panel->presenter().points().back().steps;
    for (int t = 200'001; t < 200'100; ++t) desk.told.step(t, {.running = 4});
    QTest::mouseMove(panel->chart().findChild<QWidget*>(),
                     {100, 70});  // a move to where it is already is none
    QTest::mouseMove(panel->chart().findChild<QWidget*>(), {int(panel->chart().pixel_of(0, 120)), 60});
    ASSERT_TRUE(panel->cursor_ns());
    EXPECT_EQ(panel->presenter().points().back().steps, before);
}

/// The window refreshes what is seen after a range or a selection: a chart does not work by itself, hidden or not.
TEST_F(TimeCharts, ARangeWaitsForTheNextRefresh) {
    const auto panel = make<ThroughputPanel>({400, 206});
    const int64_t before = panel->presenter().points().front().begin_ns;
    desk.range.set_dragged({50'000 * kMs, 60'000 * kMs});
    desk.selection.select_step(StepId{20});
    EXPECT_EQ(panel->presenter().points().front().begin_ns, before);
    panel->refresh();
    EXPECT_NEAR(double(panel->presenter().points().front().begin_ns), 50e9, 1e6) << "aligned to its pieces";
}

TEST_F(TimeCharts, TheSecondStripGoesFirst) {
    EXPECT_TRUE(make<PrefixCachePanel>({400, 194})->chart().strip_visible(1));
    EXPECT_FALSE(make<PrefixCachePanel>({400, 120})->chart().strip_visible(1));
}

TEST_F(TimeCharts, ModesSwitch) {
    const auto cache = make<PrefixCachePanel>({400, 194});
    static_cast<SegmentedControl*>(cache->title_control())->set_current(1);
    EXPECT_EQ(cache->presenter().unit(), PrefixCachePresenter::Unit::kBlocks);
    EXPECT_TRUE(cache->presenter().hit_caption().parts[0].text.contains("blocks"));
    const auto rate = make<ThroughputPanel>({400, 194});
    static_cast<SegmentedControl*>(rate->title_control())->set_current(1);
    EXPECT_EQ(rate->presenter().unit(), ThroughputPresenter::Unit::kRequests);
}

/// Nothing new, nothing done: a hidden or idle chart costs nothing.
TEST_F(TimeCharts, RefreshWorksOnlyOnNews) {
    RefreshGate gate(0);
    EXPECT_TRUE(gate.due(desk.told.store));
    EXPECT_FALSE(gate.due(desk.told.store));
    desk.told.until(200'100);
    EXPECT_TRUE(gate.due(desk.told.store));
    RefreshGate slow(1'000'000);
    EXPECT_TRUE(slow.due(desk.told.store));
    desk.told.until(200'200);
    EXPECT_FALSE(slow.due(desk.told.store));
    desk.told.knob(200'300, KnobId::kMaxNumSeqs, 8, 9);
    EXPECT_TRUE(slow.due(desk.told.store)) << "a knob does not wait";
}

}  // namespace
}  // namespace pitwall::panels
