// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <QTest>

#include "panels/changes/changes_panel.h"
#include "tests/panels/support/desk.h"

namespace pitwall::panels {
namespace {

using presets::KnobId;
using testing::Desk;
using testing::kMs;

class ChangesPanelTest : public ::testing::Test {
  protected:
    ChangesPanelTest() : panel(desk.context()) {
        desk.told.knob(10'000, KnobId::kMaxNumSeqs, 8, 12);
        desk.told.knob(40'000, KnobId::kSchedulingPolicy, 0, 2);
        desk.told.until(60'000);
        panel.resize(264, 240);
        panel.show();
        panel.refresh();
        QTest::qWait(20);
    }
    Desk desk;
    ChangesPanel panel;
};

TEST_F(ChangesPanelTest, ClickingTheNewestCountsSinceThatChange) {
    QTest::mouseClick(panel.list(), Qt::LeftButton, {}, {60, 52 + 20});
    EXPECT_EQ(desk.range.mode(), RangeModel::Mode::kSinceChange);
}

TEST_F(ChangesPanelTest, ClickingAnOlderOneCountsFromThere) {
    QTest::mouseClick(panel.list(), Qt::LeftButton, {}, {60, 20});
    EXPECT_EQ(desk.range.mode(), RangeModel::Mode::kDragged);
    EXPECT_EQ(desk.range.resolve(desk.told.store).begin_ns, 10'000 * kMs);
}

TEST_F(ChangesPanelTest, ZUndoesTheCurrentOne) {
    panel.list()->setFocus();
    QTest::keyClick(panel.list(), Qt::Key_Z);
    QTest::keyClick(panel.list(), Qt::Key_Up);
    QTest::keyClick(panel.list(), Qt::Key_Z);
    const std::vector<std::pair<std::string, std::string>> asked = {{"scheduling_policy", "fcfs"},
                                                                    {"max_num_seqs", "8"}};
    EXPECT_EQ(desk.control.knobs, asked);
}

TEST_F(ChangesPanelTest, AReplayUndoesNothing) {
    ChangesPanel replay(desk.context(true));
    replay.resize(264, 240);
    replay.show();
    replay.list()->setFocus();
    QTest::keyClick(replay.list(), Qt::Key_Z);
    EXPECT_TRUE(desk.control.knobs.empty());
}

TEST_F(ChangesPanelTest, EnterGoesThereToo) {
    panel.list()->setFocus();
    QTest::keyClick(panel.list(), Qt::Key_Home);
    QTest::keyClick(panel.list(), Qt::Key_Return);
    EXPECT_EQ(desk.range.resolve(desk.told.store).begin_ns, 10'000 * kMs);
}

}  // namespace
}  // namespace pitwall::panels
