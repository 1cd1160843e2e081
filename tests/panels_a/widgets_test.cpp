// SPDX-License-Identifier: GPL-3.0-or-later
//
// What all panels owe: a frame that costs little, and an empty state that says what to do.
#include <gtest/gtest.h>

#include <QPushButton>
#include <QTest>
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "panels/batch/batch_panel.h"
#include "panels/kv_block_map/kv_block_map_panel.h"
#include "panels/requests/requests_panel.h"
#include "tests/panels_a/widgets.h"

namespace pitwall::testing {
namespace {

using namespace panels;

/// Ten frames a second of each, events, refresh and painting: what the window's budget of a fifth of a core has to pay.
TEST_F(Widgets, AFrameCostsLittle) {
    auto map = open<KvBlockMapPanel>({920, 238});
    auto batch = open<BatchPanel>({920, 288});
    auto requests = open<RequestsPanel>({920, 182});
    top_.selection.select_request(top_.longest_running());
    for (Panel* panel : {static_cast<Panel*>(map.get()), static_cast<Panel*>(batch.get()),
                         static_cast<Panel*>(requests.get())}) {
        QImage image(panel->size(), QImage::Format_RGB32);
        double best_ms = 1e9;
        for (int frame = 0; frame < 12; ++frame) {
            top_.feed(scene_, .1);
            const auto start = std::chrono::steady_clock::now();
            panel->refresh();
            panel->render(&image);
            const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
            best_ms = std::min(best_ms, took.count());
        }
        std::printf("%s: %.2f ms a frame\n", qPrintable(panel->id()), best_ms);
        EXPECT_LT(best_ms, 60) << "sanitizers and a busy machine included";
    }
}

TEST(EmptyPanels, OfferNothingInAReplay) {
    BenchTop top;
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
    BenchTop top;
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
