// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <QLineEdit>
#include <QMenu>
#include <QSignalSpy>
#include <QTest>
#include <QWheelEvent>

#include "panels/knobs/knob_row.h"
#include "tests/panels/support/desk.h"

namespace pitwall::panels {
namespace {

using presets::KnobId;
using testing::Desk;

class Row : public ::testing::Test {
  protected:
    void show(KnobId id, bool replay = false) {
        presenter = std::make_unique<KnobsPresenter>(desk.told.store, desk.control, replay);
        row = std::make_unique<KnobRow>(&desk.theme, presets::spec(id));
        row->show_view(presenter->row(id));
        row->resize(264, row->sizeHint().height());
        row->show();
        row->setFocus();
    }
    void wheel(int eighths, Qt::KeyboardModifiers modifiers = Qt::NoModifier) {
        const QPointF at(60, 28);
        QWheelEvent event(at, row->mapToGlobal(at), {}, {0, eighths}, Qt::NoButton, modifiers,
                          Qt::NoScrollPhase, false);
        QCoreApplication::sendEvent(row.get(), &event);
    }
    QPoint at(double share) const {
        const QRectF track = row->control_rect();
        return QPointF(track.left() + share * track.width(), track.center().y()).toPoint();
    }

    Desk desk;
    std::unique_ptr<KnobsPresenter> presenter;
    std::unique_ptr<KnobRow> row;
};

TEST_F(Row, PressMoveAndReleaseDragTheSlider) {
    show(KnobId::kMaxNumSeqs);
    QSignalSpy dragged(row.get(), &KnobRow::dragged), ended(row.get(), &KnobRow::drag_ended);
    QTest::mousePress(row.get(), Qt::LeftButton, {}, at(0.25));
    QTest::mouseMove(row.get(), at(0.75));
    QTest::mouseMove(row.get(), QPoint(2000, 5));
    QTest::mouseRelease(row.get(), Qt::LeftButton, {}, QPoint(2000, 5));
    ASSERT_EQ(dragged.size(), 3);
    EXPECT_NEAR(dragged[0][0].toDouble(), 0.25, 0.01);
    EXPECT_NEAR(dragged[1][0].toDouble(), 0.75, 0.01);
    EXPECT_EQ(dragged[2][0].toDouble(), 1);
    EXPECT_EQ(ended.size(), 1);
}

TEST_F(Row, KeysStepAndShiftStepsFarther) {
    show(KnobId::kMaxNumSeqs);
    QSignalSpy stepped(row.get(), &KnobRow::stepped), reset(row.get(), &KnobRow::reset);
    QTest::keyClick(row.get(), Qt::Key_Up);
    QTest::keyClick(row.get(), Qt::Key_Down, Qt::ShiftModifier);
    QTest::keyClick(row.get(), Qt::Key_Backspace);
    ASSERT_EQ(stepped.size(), 2);
    EXPECT_EQ(stepped[0][0].toInt(), 1);
    EXPECT_EQ(stepped[1][0].toInt(), -10);
    EXPECT_EQ(reset.size(), 1);
}

TEST_F(Row, AWheelTurnsByNotchesAndNotWhileTheListScrolls) {
    show(KnobId::kMaxNumSeqs);
    QSignalSpy stepped(row.get(), &KnobRow::stepped);
    wheel(120);
    wheel(60);  // a finer wheel: half a notch
    EXPECT_EQ(stepped.size(), 1);
    wheel(60);
    wheel(-120, Qt::ShiftModifier);
    ASSERT_EQ(stepped.size(), 3);
    EXPECT_EQ(stepped[2][0].toInt(), -10);
    row->set_wheel_locked(true);
    wheel(120);
    EXPECT_EQ(stepped.size(), 3);
}

TEST_F(Row, TypingOpensAFieldAndEnterSendsIt) {
    show(KnobId::kMaxNumSeqs);
    QSignalSpy entered(row.get(), &KnobRow::entered);
    QTest::keyClick(row.get(), Qt::Key_4);
    auto* field = row->findChild<QLineEdit*>(QStringLiteral("value"));
    ASSERT_TRUE(field && field->isVisible());
    QTest::keyClicks(field, "2");
    QTest::keyClick(field, Qt::Key_Return);
    ASSERT_EQ(entered.size(), 1);
    EXPECT_EQ(entered[0][0].toString(), "42");
    EXPECT_FALSE(field->isVisible());
}

TEST_F(Row, EscapeLeavesTheFieldWithoutSending) {
    show(KnobId::kMaxNumSeqs);
    QSignalSpy entered(row.get(), &KnobRow::entered);
    QTest::keyClick(row.get(), Qt::Key_Return);
    auto* field = row->findChild<QLineEdit*>(QStringLiteral("value"));
    ASSERT_TRUE(field && field->isVisible());
    QTest::keyClicks(field, "9");
    QTest::keyClick(field, Qt::Key_Escape);
    EXPECT_FALSE(field->isVisible());
    EXPECT_EQ(entered.size(), 0);
}

TEST_F(Row, ASwitchTurnsByClickAndBySpace) {
    show(KnobId::kEnablePrefixCaching);
    QSignalSpy chosen(row.get(), &KnobRow::chosen);
    QTest::mouseClick(row.get(), Qt::LeftButton, {}, at(0.5));
    QTest::keyClick(row.get(), Qt::Key_Space);
    ASSERT_EQ(chosen.size(), 2);
    EXPECT_EQ(chosen[0][0].toDouble(), 0) << "it was on";
}

TEST_F(Row, SegmentsAreChosenByClick) {
    show(KnobId::kBatching);
    QSignalSpy chosen(row.get(), &KnobRow::chosen);
    QTest::mouseClick(row.get(), Qt::LeftButton, {},
                      row->control_rect().topLeft().toPoint() + QPoint(100, 8));
    ASSERT_EQ(chosen.size(), 1);
    EXPECT_EQ(chosen[0][0].toDouble(), 1);
}

TEST_F(Row, SegmentsWithoutRoomAreAMenu) {
    show(KnobId::kBatching);
    row->resize(236, row->height());
    QSignalSpy chosen(row.get(), &KnobRow::chosen);
    QTest::mouseClick(row.get(), Qt::LeftButton, {},
                      row->control_rect().topLeft().toPoint() + QPoint(100, 8));
    EXPECT_EQ(chosen.size(), 0);
    auto* menu = row->findChild<QMenu*>();
    ASSERT_TRUE(menu);
    menu->actions().at(1)->trigger();
    ASSERT_EQ(chosen.size(), 1);
    EXPECT_EQ(chosen[0][0].toDouble(), 1);
}

TEST_F(Row, InAReplayNoHandGetsThrough) {
    show(KnobId::kMaxNumSeqs, true);
    QSignalSpy dragged(row.get(), &KnobRow::dragged), stepped(row.get(), &KnobRow::stepped);
    QTest::mouseClick(row.get(), Qt::LeftButton, {}, at(0.5));
    QTest::keyClick(row.get(), Qt::Key_Up);
    QTest::keyClick(row.get(), Qt::Key_7);
    wheel(120);
    EXPECT_EQ(dragged.size() + stepped.size(), 0);
    EXPECT_EQ(row->findChild<QLineEdit*>(QStringLiteral("value")), nullptr);
}

TEST_F(Row, ANoteMakesTheRowHigher) {
    show(KnobId::kMaxNumSeqs);
    const int before = row->sizeHint().height();
    KnobRowView view = row->view();
    view.note = KnobNote::kRefused;
    view.note_text =
        QStringLiteral("max_num_seqs=9999999 is out of range: give max_num_seqs 1 to 4096 sequences");
    row->show_view(view);
    EXPECT_GT(row->sizeHint().height(), before + 20) << "two lines at this width";
}

TEST_F(Row, WhereThereIsNoRoomTheSliderGoesAndTheValueStays) {
    show(KnobId::kMaxNumSeqs);
    row->resize(150, 37);
    EXPECT_TRUE(row->control_rect().isEmpty());
}

}  // namespace
}  // namespace pitwall::panels
