// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <qcustomplot.h>

#include <QTest>

#include "panels/kv_precision/kv_precision_panel.h"
#include "tests/panels/kv_precision/kv_session.h"
#include "tests/panels/support/desk.h"

namespace pitwall::panels {
namespace {

using testing::Desk;
using testing::KvSession;

class KvPrecisionPanelTest : public ::testing::Test {
  protected:
    KvPrecisionPanelTest() : panel(desk.context()) {
        panel.resize(920, 230);
        panel.show();
        panel.activateWindow();
        panel.refresh();
    }
    void tell_session() {
        KvSession session(desk.told);
        session.probe(30'000, .02, .1, 1);
        session.probe(31'000, .03, .2, 0);
        desk.range.set_mode(RangeModel::Mode::kSession);
        panel.refresh();
    }
    void turn_to(KvPrecisionPanel::Page page) {
        static_cast<SegmentedControl*>(panel.title_control())->set_current(page);
        panel.refresh();
    }
    Desk desk;
    KvPrecisionPanel panel;
};

TEST_F(KvPrecisionPanelTest, AnEmptySessionOffersItsStart) {
    auto* empty = panel.findChild<EmptyState*>();
    ASSERT_TRUE(empty);
    EXPECT_FALSE(panel.now()->isVisible());
    tell_session();
    EXPECT_TRUE(panel.now()->isVisible());
    EXPECT_TRUE(panel.scope().startsWith("int8"));
}

TEST_F(KvPrecisionPanelTest, KeysGoThroughTheRowsAndSayWhatTheyAre) {
    tell_session();
    ValueTable* quality = panel.now()->second();
    EXPECT_EQ(quality->rows().size(), 6u);
    quality->setFocus();
    QTest::keyClick(quality, Qt::Key_Down);
    EXPECT_TRUE(quality->accessibleDescription().contains("t interval"));
    turn_to(KvPrecisionPanel::kBeforeAfter);
    EXPECT_EQ(panel.before_after()->first()->rows().size(), 4u);
    EXPECT_TRUE(panel.before_after()->second()->tip(0).contains("Least squares"));
}

TEST_F(KvPrecisionPanelTest, ThePageOverTimeIsAChartOfItsOwn) {
    tell_session();
    turn_to(KvPrecisionPanel::kOverTime);
    EXPECT_TRUE(panel.csv().startsWith("time_s,format"));
    EXPECT_TRUE(panel.csv().contains("int8"));
    panel.chart()->chart().setFocus();
    QTest::keyClick(&panel.chart()->chart(), Qt::Key_Left);
    EXPECT_TRUE(panel.chart()->cursor_ns());
}

/// From kilobytes to hundreds of gigabytes.
TEST_F(KvPrecisionPanelTest, TheAxisHasRoomForItsLabels) {
    KvSession session(desk.told, false);
    desk.range.set_mode(RangeModel::Mode::kSession);
    turn_to(KvPrecisionPanel::kOverTime);
    for (uint32_t block_bytes : {1'000u, 7'550'000u, 90'000'000u, 107'000'000u, 4'000'000'000u}) {
        const auto begin_ms = int64_t(20'000 + 2'000 * (session.next_step / 20));
        session.keyframe(begin_ms - 2, 100, block_bytes);
        session.run(begin_ms, begin_ms + 2'000, 1'000'000, 500);
        panel.chart()->refresh();
        QTest::qWait(300);  // figures move at 4 Hz
        panel.chart()->refresh();
        QCPAxis* axis = panel.chart()->chart().y_axis(0);
        QVector<double> ticks;
        QVector<QString> labels;
        axis->ticker()->generate(axis->range(), QLocale::c(), 'g', 6, ticks, nullptr, &labels);
        EXPECT_GE(labels.size(), 2);
        for (const QString& label : labels)
            EXPECT_LE(QFontMetrics(axis->tickLabelFont()).horizontalAdvance(label) + axis->tickLabelPadding(),
                      axis->axisRect()->margins().left())
                << label.toStdString();
    }
}

TEST_F(KvPrecisionPanelTest, DrawsAtEverySize) {
    tell_session();
    for (const auto page :
         {KvPrecisionPanel::kNow, KvPrecisionPanel::kBeforeAfter, KvPrecisionPanel::kOverTime}) {
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
