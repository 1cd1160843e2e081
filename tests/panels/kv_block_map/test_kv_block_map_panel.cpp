// SPDX-License-Identifier: GPL-3.0-or-later
//
// The map of KV blocks under pointer, wheel and keys.
#include <gtest/gtest.h>

#include <QSignalSpy>
#include <QTest>
#include <set>

#include "panels/figures/figures_strip.h"
#include "panels/kv_block_map/kv_block_map_panel.h"
#include "tests/panels/support/widgets.h"

namespace pitwall::testing {
namespace {

using namespace panels;

TEST_F(Widgets, AClickOnABlockSelectsItAndItsOwner) {
    auto panel = open<KvBlockMapPanel>({920, 238});
    const RequestId request = top_.longest_running();
    const BlockId block = top_.store.block_table(request).back();
    const PixelRect cell = panel->presenter().rect_of(block);
    QSignalSpy changed(&top_.selection, &SelectionModel::changed);
    QTest::mouseClick(panel->view(), Qt::LeftButton, {}, {cell.x + 2, cell.y + 2});
    EXPECT_EQ(top_.selection.block(), block);
    EXPECT_EQ(top_.selection.request(), request);
    EXPECT_EQ(changed.count(), 1);
    QTest::mouseClick(panel->view(), Qt::LeftButton, Qt::ShiftModifier, {cell.x + 2, cell.y + 2});
    EXPECT_EQ(top_.selection.block(), kNoBlock) << "Shift: the whole table";
    EXPECT_EQ(top_.selection.request(), request);
}

TEST_F(Widgets, TheMapIsWalkedByKeys) {
    auto panel = open<KvBlockMapPanel>({920, 238});
    panel->view()->setFocus();
    for (const auto key : {Qt::Key_Right, Qt::Key_Right, Qt::Key_Down}) QTest::keyClick(panel->view(), key);
    QTest::keyClick(panel->view(), Qt::Key_Return);
    EXPECT_EQ(raw(top_.selection.block()), 1u + static_cast<uint32_t>(panel->presenter().layout().columns()));
    QTest::keyClick(panel->view(), Qt::Key_Escape);
    EXPECT_EQ(top_.selection.block(), kNoBlock);
}

TEST_F(Widgets, TheWheelZoomsTheMapAndADoubleClickFitsIt) {
    auto panel = open<KvBlockMapPanel>({920, 238});
    const int fitted = panel->presenter().layout().pitch();
    const PixelRect map = panel->presenter().map();
    const auto under = panel->presenter().block_at(map.x + 300, map.y + 100);
    wheel(panel->view(), {map.x + 300, map.y + 100}, 3);
    EXPECT_GT(panel->presenter().layout().pitch(), fitted);
    EXPECT_EQ(panel->presenter().block_at(map.x + 300, map.y + 100), under);
    QTest::mouseDClick(panel->view(), Qt::LeftButton, {}, {map.x + 20, map.y + 20});
    EXPECT_EQ(panel->presenter().layout().pitch(), fitted);
}

TEST_F(Widgets, TheTitleChoosesWhatTheMapsColoursSay) {
    auto panel = open<KvBlockMapPanel>({920, 238});
    auto* modes = static_cast<SegmentedControl*>(panel->title_control());
    modes->set_current(static_cast<int>(KvMode::kPrecision));
    EXPECT_EQ(panel->presenter().mode(), KvMode::kPrecision);
    const std::vector<KvLegendRow> rows = panel->presenter().legend();
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].name, u"f16");
    EXPECT_EQ(rows[0].colour, top_.theme.kv_format(telemetry::KvDtype::kF16).rgb());
    EXPECT_EQ(rows[1].name, u"free");
}

/// Figures of a long range come seldom: those of the newest step must not grow old with them.
TEST_F(Widgets, TheStripAndTheMapReadTheSameStep) {
    auto strip = open<FiguresStrip>({1600, 64});
    auto map = open<KvBlockMapPanel>({920, 238});
    std::set<QString> seen;
    for (int frame = 0; frame < 20; ++frame) {
        top_.feed(scene_, .2);
        strip->refresh();
        map->refresh();
        for (const FigureTile& tile : strip->presenter().tiles())
            if (tile.id == u"kv_held") {
                EXPECT_EQ(tile.value.text(), map->presenter().held_text()) << frame;
                seen.insert(tile.value.text());
            }
    }
    EXPECT_GT(seen.size(), 5u);
}

}  // namespace
}  // namespace pitwall::testing
