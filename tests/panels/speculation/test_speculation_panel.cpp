// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <QPushButton>
#include <QTest>

#include "panels/speculation/speculation_panel.h"
#include "tests/panels/speculation/draft_session.h"
#include "tests/panels/support/desk.h"

namespace pitwall::panels {
namespace {

using testing::Desk;
using testing::DraftSession;

class SpeculationPanelTest : public ::testing::Test {
  protected:
    SpeculationPanelTest() : panel(desk.context()) {
        panel.resize(920, 230);
        panel.show();
        panel.activateWindow();
        panel.refresh();
    }
    void tell_session() {
        const DraftSession session(desk.told);
        desk.range.set_mode(RangeModel::Mode::kSession);
        panel.refresh();
    }
    void turn_to(SpeculationPanel::Page page) {
        static_cast<SegmentedControl*>(panel.title_control())->set_current(page);
        panel.refresh();
    }
    EmptyState* empty() {
        for (auto* state : panel.findChildren<EmptyState*>())
            if (state->parent() == &panel) return state;
        return nullptr;
    }
    Desk desk;
    SpeculationPanel panel;
};

TEST_F(SpeculationPanelTest, SaysWhichKnobToTurnAndTurnsIt) {
    ASSERT_TRUE(empty() && empty()->isVisible());
    QTest::mouseClick(empty()->findChild<QPushButton*>(), Qt::LeftButton);
    EXPECT_EQ(desk.control.calls, std::vector<std::string>{"set speculative_method=ngram"});
    tell_session();
    EXPECT_FALSE(empty()->isVisible());
}

TEST_F(SpeculationPanelTest, KeysGoThroughTheBarsAndSayWhatTheyAre) {
    tell_session();
    ShareBars* bars = panel.positions();
    ASSERT_EQ(bars->bars().size(), 4u);
    EXPECT_TRUE(bars->focusPolicy() & Qt::TabFocus);
    QTest::keyClick(bars, Qt::Key_Right);
    EXPECT_EQ(bars->current(), 1);
    EXPECT_TRUE(bars->accessibleDescription().startsWith("Draft 2 of a step: 66.7 %"));
    for (int i = 0; i < 9; ++i) QTest::keyClick(bars, Qt::Key_Right);
    EXPECT_EQ(bars->current(), 3);
    EXPECT_LT(bars->column(0).right(), bars->column(3).left());
}

TEST_F(SpeculationPanelTest, EachNumberOfSequencesHasItsRow) {
    tell_session();
    turn_to(SpeculationPanel::kBreakEven);
    EXPECT_EQ(panel.verdicts()->rows().size(), 2u);
    EXPECT_EQ(panel.batches()->bars().size(), 2u);
    EXPECT_TRUE(panel.verdicts()->tip(0).contains("Wilson interval"));
    turn_to(SpeculationPanel::kOverTime);
    EXPECT_TRUE(panel.csv().startsWith("time_s,drafted_tokens"));
}

TEST_F(SpeculationPanelTest, DrawsAtEverySize) {
    tell_session();
    for (const auto page :
         {SpeculationPanel::kAcceptance, SpeculationPanel::kBreakEven, SpeculationPanel::kOverTime}) {
        turn_to(page);
        for (const QSize size : {QSize(40, 20), QSize(264, 200), QSize(680, 164), QSize(1316, 400)}) {
            panel.resize(size);
            panel.refresh();
            EXPECT_FALSE(panel.grab().isNull());
        }
    }
}

}  // namespace
}  // namespace pitwall::panels
