// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <QTest>

#include "panels/latency/latency_panel.h"
#include "tests/panels/support/desk.h"

namespace pitwall::panels {
namespace {

using presets::KnobId;
using testing::Desk;

class LatencyPanelTest : public ::testing::Test {
  protected:
    LatencyPanelTest() {
        desk.told.start(KnobId::kTtftSloMs, 400);
        desk.told.start(KnobId::kTpotSloMs, 30);
        for (int i = 1; i <= 120; ++i) desk.told.with_latency(5'000 + 10 * i, 5 * i, 10);
        desk.range.set_mode(RangeModel::Mode::kSession);
    }
    std::unique_ptr<LatencyPanel> make(QSize size, bool replay = false) {
        auto panel = std::make_unique<LatencyPanel>(desk.context(replay));
        panel->resize(size);
        panel->show();
        panel->refresh();
        QTest::qWait(30);
        return panel;
    }
    static QWidget* canvas(LatencyPanel& panel) { return panel.chart().findChild<QWidget*>(); }
    static QPoint place(LatencyPanel& panel, size_t strip, double key, int lift = 12) {
        return {int(panel.chart().pixel_of(strip, key)),
                canvas(panel)->height() / 2 * int(strip + 1) - 22 - lift};
    }
    Desk desk;
};

TEST_F(LatencyPanelTest, DraggingTheObjectiveSetsTheKnobAndTheGoodputFollows) {
    const auto panel = make({400, 308});
    ASSERT_EQ(panel->presenter().histogram(LatencyPresenter::kTtft).missed, 40u);
    QTest::mousePress(canvas(*panel), Qt::LeftButton, {}, place(*panel, 0, 400));
    QTest::mouseMove(canvas(*panel), place(*panel, 0, 300));
    QTest::mouseMove(canvas(*panel), place(*panel, 0, 200));
    EXPECT_NEAR(panel->presenter().histogram(LatencyPresenter::kTtft).slo.value, 200, 6)
        << "before any answer";
    EXPECT_NEAR(double(panel->presenter().histogram(LatencyPresenter::kTtft).missed), 80, 2);
    QTest::mouseRelease(canvas(*panel), Qt::LeftButton, {}, place(*panel, 0, 200));
    ASSERT_FALSE(desk.control.knobs.empty());
    EXPECT_EQ(desk.control.knobs.back().first, "ttft_slo_ms");
    EXPECT_NEAR(std::stod(desk.control.knobs.back().second), 200, 6);
    EXPECT_EQ(desk.selection.request(), kNoRequest) << "a drag selects nothing";
}

TEST_F(LatencyPanelTest, TheLowerLineIsTheOtherKnob) {
    const auto panel = make({400, 308});
    QTest::mousePress(canvas(*panel), Qt::LeftButton, {}, place(*panel, 1, 30));
    QTest::mouseMove(canvas(*panel), place(*panel, 1, 20));
    QTest::mouseRelease(canvas(*panel), Qt::LeftButton, {}, place(*panel, 1, 20));
    ASSERT_FALSE(desk.control.knobs.empty());
    EXPECT_EQ(desk.control.knobs.back().first, "tpot_slo_ms");
    EXPECT_NEAR(std::stod(desk.control.knobs.back().second), 20, 1);
}

TEST_F(LatencyPanelTest, ARefusedObjectiveGoesBack) {
    const auto panel = make({400, 308});
    desk.control.next = {telemetry::Verdict::kRefused, "not now", 0, kNoRequest};
    QTest::mousePress(canvas(*panel), Qt::LeftButton, {}, place(*panel, 0, 400));
    QTest::mouseMove(canvas(*panel), place(*panel, 0, 200));
    QTest::mouseRelease(canvas(*panel), Qt::LeftButton, {}, place(*panel, 0, 200));
    EXPECT_TRUE(QTest::qWaitFor(
        [&] { return panel->presenter().histogram(LatencyPresenter::kTtft).slo.text == "SLO 400 ms"; },
        2000));
}

TEST_F(LatencyPanelTest, InAReplayTheObjectiveStands) {
    const auto panel = make({400, 308}, true);
    QTest::mousePress(canvas(*panel), Qt::LeftButton, {}, place(*panel, 0, 400));
    QTest::mouseMove(canvas(*panel), place(*panel, 0, 200));
    QTest::mouseRelease(canvas(*panel), Qt::LeftButton, {}, place(*panel, 0, 200));
    EXPECT_TRUE(desk.control.knobs.empty());
}

TEST_F(LatencyPanelTest, AClickOnABinSelectsARequestInIt) {
    const auto panel = make({400, 308});
    QTest::mouseClick(canvas(*panel), Qt::LeftButton, {}, place(*panel, 0, 110));
    const telemetry::RequestRow* row = desk.told.store.find_request(desk.selection.request());
    ASSERT_TRUE(row);
    EXPECT_GE(row->ttft_ns(), 100e6);
    EXPECT_LT(row->ttft_ns(), 125e6);
    const RequestId first = desk.selection.request();
    QTest::mouseClick(canvas(*panel), Qt::LeftButton, {}, place(*panel, 0, 110));
    EXPECT_NE(desk.selection.request(), first) << "the next one in the bin";
}

TEST_F(LatencyPanelTest, KeysWalkTheBins) {
    const auto panel = make({400, 308});
    panel->chart().setFocus();
    QTest::keyClick(&panel->chart(), Qt::Key_Right);
    const RequestId first = desk.selection.request();
    ASSERT_NE(first, kNoRequest);
    QTest::keyClick(&panel->chart(), Qt::Key_Right);
    const auto* a = desk.told.store.find_request(first);
    const auto* b = desk.told.store.find_request(desk.selection.request());
    EXPECT_LT(a->ttft_ns(), b->ttft_ns());
}

TEST_F(LatencyPanelTest, SmallPanelsShowOneHistogramThenFigures) {
    const auto small = make({344, 150});
    EXPECT_TRUE(small->chart().strip_visible(0));
    EXPECT_FALSE(small->chart().strip_visible(1));
    QTest::keyClick(&small->chart(), Qt::Key_T);
    EXPECT_FALSE(small->chart().strip_visible(0));
    EXPECT_TRUE(small->chart().strip_visible(1));
    const auto tiny = make({344, 80});
    EXPECT_FALSE(tiny->chart().isVisible());
}

TEST_F(LatencyPanelTest, AnotherDefinitionMovesTheFigures) {
    const auto panel = make({400, 308});
    auto* definitions = static_cast<MenuButton*>(panel->title_control());
    const QString before = panel->presenter().figures(LatencyPresenter::kTpot);
    definitions->setFocus();
    QTest::keyClick(definitions, Qt::Key_Down);
    QTest::keyClick(definitions, Qt::Key_Down);
    EXPECT_EQ(definitions->text(), "GuideLLM definitions");
    EXPECT_NE(panel->presenter().figures(LatencyPresenter::kTpot), before);
}

TEST_F(LatencyPanelTest, AKnobsMarkIsThereAtTheNextRefresh) {
    const auto panel = make({400, 308});
    for (int i = 0; i < 8; ++i) desk.told.with_latency(8'000 + i, 50, 10);
    desk.told.knob(8'200, KnobId::kMaxNumSeqs, 8, 9);
    panel->refresh();
    EXPECT_EQ(panel->presenter().outline_change(), 1u) << "no waiting for the quarter second";
}

}  // namespace
}  // namespace pitwall::panels
