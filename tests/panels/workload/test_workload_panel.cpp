// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <QPushButton>
#include <QTest>

#include "panels/workload/workload_panel.h"
#include "tests/panels/support/desk.h"

namespace pitwall::panels {
namespace {

using presets::KnobId;
using testing::Desk;

class WorkloadPanelTest : public ::testing::Test {
  protected:
    WorkloadPanelTest() : panel(desk.context()) {
        panel.resize(264, 200);
        panel.show();
        panel.refresh();
    }
    QPushButton* button(const char* name) { return panel.findChild<QPushButton*>(QLatin1String(name)); }
    Desk desk;
    WorkloadPanel panel;
};

TEST_F(WorkloadPanelTest, ButtonsAndKeysDoTheSame) {
    QTest::mouseClick(button("burst"), Qt::LeftButton);
    QTest::keyClick(&panel, Qt::Key_B);
    EXPECT_EQ(desk.control.bursts.size(), 2u);
    QTest::mouseClick(button("toggle_arrivals"), Qt::LeftButton);
    QTest::keyClick(&panel, Qt::Key_P);
    ASSERT_EQ(desk.control.knobs.size(), 2u);
    EXPECT_EQ(desk.control.knobs[0], (std::pair<std::string, std::string>{"workload_running", "false"}));
}

TEST_F(WorkloadPanelTest, TheButtonSaysWhatItWouldDo) {
    EXPECT_EQ(button("toggle_arrivals")->text(), "Pause arrivals");
    desk.told.knob(1000, KnobId::kWorkloadRunning, 1, 0);
    panel.refresh();
    EXPECT_EQ(button("toggle_arrivals")->text(), "Start arrivals");
}

TEST_F(WorkloadPanelTest, TheLoadsOwnKnobIsHere) {
    auto* rate = panel.findChild<KnobRow*>(QStringLiteral("request_rate"));
    auto* users = panel.findChild<KnobRow*>(QStringLiteral("concurrency"));
    EXPECT_TRUE(rate->isVisible());
    EXPECT_FALSE(users->isVisible());
    desk.told.start(KnobId::kRequestRate, 1);
    QTest::keyClick(rate, Qt::Key_Up);
    EXPECT_EQ(desk.control.knobs.back(), (std::pair<std::string, std::string>{"request_rate", "1.1"}));
    desk.told.knob(1000, KnobId::kArrivalProcess, 0, 3);
    panel.refresh();
    EXPECT_FALSE(rate->isVisible());
    EXPECT_TRUE(users->isVisible());
}

TEST_F(WorkloadPanelTest, KindAndProcessAreChosenInTheTitle) {
    auto* kind = panel.title_control()->findChild<MenuButton*>(QStringLiteral("workload"));
    ASSERT_TRUE(kind);
    EXPECT_EQ(kind->text(), "mix");
    QTest::keyClick(kind, Qt::Key_Up);
    EXPECT_EQ(desk.control.knobs.back(), (std::pair<std::string, std::string>{"workload", "burst"}));
}

}  // namespace
}  // namespace pitwall::panels
