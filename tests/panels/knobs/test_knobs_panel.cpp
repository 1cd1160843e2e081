// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <QLabel>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "panels/knobs/knobs_panel.h"
#include "presets/preset.h"
#include "tests/panels/support/desk.h"

namespace pitwall::panels {
namespace {

using presets::KnobId;
using testing::Desk;

class KnobsPanelTest : public ::testing::Test {
  protected:
    KnobsPanelTest() : panel(desk.context()) {
        panel.resize(264, 600);
        panel.show();
    }
    Desk desk;
    KnobsPanel panel;
};

TEST_F(KnobsPanelTest, EveryKnobHasARowUnderItsName) {
    for (const presets::KnobSpec& spec : presets::knob_table()) {
        auto* row = panel.findChild<KnobRow*>(to_qstring(spec.name));
        ASSERT_TRUE(row) << spec.name;
        EXPECT_TRUE(row->isVisibleTo(&panel)) << spec.name;
    }
}

TEST_F(KnobsPanelTest, AFilterThatLeavesNothingSaysSo) {
    auto* none = panel.findChild<QLabel*>(QStringLiteral("no_changed_knob"));
    ASSERT_TRUE(none);
    EXPECT_FALSE(none->isVisibleTo(&panel));
    panel.findChild<SegmentedControl*>()->set_current(1);
    EXPECT_TRUE(none->isVisibleTo(&panel));
    desk.told.knob(1'000, KnobId::kMaxNumSeqs, presets::spec(KnobId::kMaxNumSeqs).default_value, 7);
    panel.refresh();
    EXPECT_FALSE(none->isVisibleTo(&panel));
}

TEST_F(KnobsPanelTest, AKeyOnARowReachesTheControl) {
    KnobRow* row = panel.row(KnobId::kMaxNumBatchedTokens);
    row->setFocus();
    const double before = row->view().value;
    QTest::keyClick(row, Qt::Key_Up);
    ASSERT_EQ(desk.control.knobs.size(), 1u);
    EXPECT_EQ(desk.control.knobs[0].first, "max_num_batched_tokens");
    EXPECT_GT(std::stod(desk.control.knobs[0].second), before);
    EXPECT_GT(row->view().value, before) << "the row moves with the hand";
}

TEST_F(KnobsPanelTest, ADragSendsItsLastPlaceAndNotEveryPixel) {
    KnobRow* row = panel.row(KnobId::kMaxNumSeqs);
    const QRectF track = row->control_rect();
    const int y = int(track.center().y());
    QTest::mousePress(row, Qt::LeftButton, {}, {int(track.left()), y});
    for (int x = 0; x <= int(track.width()); ++x) QTest::mouseMove(row, {int(track.left()) + x, y});
    QTest::mouseRelease(row, Qt::LeftButton, {}, {int(track.right()), y});
    EXPECT_LT(desk.control.knobs.size(), 60u) << "of more than a hundred places";
    const presets::KnobSpec& spec = presets::spec(KnobId::kMaxNumSeqs);
    EXPECT_EQ(desk.control.knobs.back().second, presets::format_value(spec, spec.maximum));
}

TEST_F(KnobsPanelTest, ARefusalStandsInTheRow) {
    desk.control.next = {telemetry::Verdict::kRefused, "not while a request needs it", 0, kNoRequest};
    KnobRow* row = panel.row(KnobId::kNumKvBlocks);
    emit row->entered(QStringLiteral("16"));
    EXPECT_EQ(row->view().note, KnobNote::kRefused);
    EXPECT_EQ(row->view().note_text, "not while a request needs it");
}

TEST_F(KnobsPanelTest, AnAnswerIsFetchedWithoutAnyEvent) {
    desk.control.held = true;
    KnobRow* row = panel.row(KnobId::kNumKvBlocks);
    emit row->entered(QStringLiteral("16"));
    EXPECT_EQ(row->view().note, KnobNote::kNone);
    desk.control.answer({telemetry::Verdict::kRefused, "no", 0, kNoRequest});
    EXPECT_TRUE(QTest::qWaitFor([&] { return row->view().note == KnobNote::kRefused; }, 1000));
}

TEST_F(KnobsPanelTest, ChangedShowsOnlyThose) {
    auto* filter = static_cast<SegmentedControl*>(panel.title_control());
    QSignalSpy scope(&panel, &Panel::scope_changed);
    desk.told.knob(1000, KnobId::kMaxNumSeqs, 8, 12);
    panel.refresh();
    EXPECT_EQ(panel.scope(), "1 changed");
    EXPECT_EQ(scope.size(), 1);
    filter->set_current(1);
    EXPECT_TRUE(panel.row(KnobId::kMaxNumSeqs)->isVisibleTo(&panel));
    EXPECT_FALSE(panel.row(KnobId::kNumKvBlocks)->isVisibleTo(&panel));
    filter->set_current(0);
    EXPECT_TRUE(panel.row(KnobId::kNumKvBlocks)->isVisibleTo(&panel));
}

TEST_F(KnobsPanelTest, AGroupFolds) {
    auto* header = panel.findChild<KnobGroupHeader*>(QStringLiteral("group_cache"));
    ASSERT_TRUE(header);
    header->setFocus();
    QTest::keyClick(header, Qt::Key_Return);
    EXPECT_FALSE(panel.row(KnobId::kNumKvBlocks)->isVisibleTo(&panel));
    EXPECT_TRUE(panel.row(KnobId::kMaxNumSeqs)->isVisibleTo(&panel));
    QTest::keyClick(header, Qt::Key_Right);
    EXPECT_TRUE(panel.row(KnobId::kNumKvBlocks)->isVisibleTo(&panel));
}

TEST_F(KnobsPanelTest, APresetGoesOutAndComesBack) {
    QTemporaryDir folder;
    const QString path = folder.filePath(QStringLiteral("mine.json"));
    desk.told.knob(1000, KnobId::kMaxNumSeqs, 8, 12);
    desk.told.knob(2000, KnobId::kSchedulingPolicy, 0, 1);
    panel.refresh();
    ASSERT_TRUE(panel.save_preset(path).ok());
    const auto saved = presets::load_preset(path.toStdString());
    ASSERT_TRUE(saved.ok());
    EXPECT_EQ(saved.value().values.get(KnobId::kMaxNumSeqs), 12);
    EXPECT_FALSE(saved.value().values.given(KnobId::kNumKvBlocks));

    Desk other;
    KnobsPanel fresh(other.context());
    ASSERT_TRUE(fresh.load_preset(path).ok());
    const std::vector<std::pair<std::string, std::string>> asked = {{"max_num_seqs", "12"},
                                                                    {"scheduling_policy", "priority"}};
    EXPECT_EQ(other.control.knobs, asked);
    EXPECT_FALSE(fresh.load_preset(folder.filePath(QStringLiteral("none.json"))).ok());
}

TEST_F(KnobsPanelTest, FlushAsksTheEngine) {
    QTest::mouseClick(panel.findChild<QPushButton*>(QStringLiteral("flush_prefix_cache")), Qt::LeftButton);
    EXPECT_EQ(desk.control.calls, std::vector<std::string>{"flush"});
}

TEST_F(KnobsPanelTest, AReplayHasNothingToPress) {
    KnobsPanel replay(desk.context(true));
    EXPECT_FALSE(replay.findChild<QPushButton*>(QStringLiteral("flush_prefix_cache"))->isEnabled());
    EXPECT_FALSE(replay.findChild<QPushButton*>(QStringLiteral("load_preset"))->isEnabled());
    EXPECT_EQ(replay.scope(), "as recorded");
}

TEST_F(KnobsPanelTest, CsvHasALineAKnob) {
    EXPECT_EQ(size_t(panel.csv().count('\n')), presets::kKnobCount + 1);
}

}  // namespace
}  // namespace pitwall::panels
