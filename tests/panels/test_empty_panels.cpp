// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a panel with nothing to show says instead, and what it offers to do.
#include <gtest/gtest.h>

#include <QPushButton>
#include <QTest>

#include "panels/batch/batch_panel.h"
#include "panels/kv_block_map/kv_block_map_panel.h"
#include "panels/requests/requests_panel.h"
#include "tests/panels/support/widgets.h"

namespace pitwall::testing {
namespace {

using namespace panels;

TEST(EmptyPanels, OfferNothingInAReplay) {
    SceneDesk top;
    PanelContext replay = top.context();
    replay.replay = true;
    BatchPanel batch(replay);
    KvBlockMapPanel map(replay);
    RequestsPanel requests(replay);
    for (QWidget* panel :
         {static_cast<QWidget*>(&batch), static_cast<QWidget*>(&map), static_cast<QWidget*>(&requests)}) {
        panel->resize(680, 192);
        panel->show();
        auto* empty = panel->findChild<EmptyState*>();
        ASSERT_TRUE(empty && empty->isVisible());
        EXPECT_FALSE(empty->findChild<QPushButton*>()->isVisible());
    }
}

TEST(EmptyPanels, SayWhatToDoAndDoIt) {
    SceneDesk top;
    BatchPanel batch(top.context());
    KvBlockMapPanel map(top.context());
    RequestsPanel requests(top.context());
    for (QWidget* panel :
         {static_cast<QWidget*>(&batch), static_cast<QWidget*>(&map), static_cast<QWidget*>(&requests)}) {
        panel->resize(680, 192);
        panel->show();
        auto* empty = panel->findChild<EmptyState*>();
        ASSERT_TRUE(empty);
        EXPECT_TRUE(empty->isVisible());
        QTest::mouseClick(empty->findChild<QPushButton*>(), Qt::LeftButton);
    }
    EXPECT_EQ(top.control.calls, (std::vector<std::string>{"set workload_running=true", "keyframe",
                                                           "set workload_running=true"}));
}

}  // namespace
}  // namespace pitwall::testing
