// SPDX-License-Identifier: GPL-3.0-or-later
//
// The batch chart under pointer and keys, and a step chosen elsewhere.
#include <gtest/gtest.h>

#include <QTest>

#include "panels/batch/batch_panel.h"
#include "tests/panels/support/widgets.h"

namespace pitwall::testing {
namespace {

using namespace panels;

TEST_F(Widgets, ABatchColumnSelectsItsStepAndALaneItsRequest) {
    auto panel = open<BatchPanel>({920, 288});
    const BatchPresenter& p = panel->presenter();
    const BatchColumn column = p.columns()[p.columns().size() / 2];
    QTest::mouseClick(panel->chart(), Qt::LeftButton, {}, {column.x + 1, p.bands().top + 10});
    ASSERT_TRUE(top_.selection.has_step());
    EXPECT_EQ(top_.selection.step(), column.id);
    const BatchSpan span = p.spans()[p.spans().size() / 2];
    QTest::mouseClick(panel->chart(), Qt::LeftButton, {}, {(span.x0 + span.x1) / 2, p.lane_y(span.lane) + 1});
    EXPECT_EQ(top_.selection.request(), span.request);
}

TEST_F(Widgets, BatchKeysMoveStepRequestZoomAndAxis) {
    auto panel = open<BatchPanel>({920, 288});
    QTest::keyClick(panel->chart(), Qt::Key_Left);
    const StepId newest = top_.selection.step();
    QTest::keyClick(panel->chart(), Qt::Key_Left);
    EXPECT_EQ(raw(top_.selection.step()), raw(newest) - 1);
    QTest::keyClick(panel->chart(), Qt::Key_Down);
    EXPECT_NE(top_.selection.request(), kNoRequest);
    const double before = panel->presenter().axis().pixels_per_step();
    wheel(panel->chart(), {500, 60}, 1);
    EXPECT_GT(panel->presenter().axis().pixels_per_step(), before);
    QTest::keyClick(panel->chart(), Qt::Key_T);
    EXPECT_EQ(panel->presenter().axis().mode(), BatchAxis::Mode::kTime);
    QTest::keyClick(panel->chart(), Qt::Key_Escape);
    EXPECT_FALSE(top_.selection.has_step());
}

TEST_F(Widgets, AStepChosenElsewhereComesIntoSight) {
    auto panel = open<BatchPanel>({920, 288});
    const StepId first{top_.store.steps().front().step.step_id};
    ASSERT_FALSE(panel->presenter().column_of(first));
    top_.selection.select_step(first);
    EXPECT_TRUE(panel->presenter().column_of(first));
    EXPECT_FALSE(panel->presenter().axis().follows());
    QTest::keyClick(panel->chart(), Qt::Key_Escape);
    EXPECT_TRUE(panel->presenter().axis().follows()) << "let go: it goes on with the newest";
}

}  // namespace
}  // namespace pitwall::testing
