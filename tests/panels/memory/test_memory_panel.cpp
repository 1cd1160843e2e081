// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <QApplication>
#include <QHelpEvent>
#include <QPushButton>
#include <QTest>
#include <QToolTip>

#include "panels/memory/memory_panel.h"
#include "tests/panels/memory/memory_session.h"
#include "tests/panels/support/desk.h"

namespace pitwall::panels {
namespace {

using testing::Desk;
using testing::MemorySession;

class MemoryPanelTest : public ::testing::Test {
  protected:
    MemoryPanelTest() : panel(desk.context()) {
        panel.resize(920, 230);
        panel.show();
        panel.activateWindow();
        panel.refresh();
    }
    /// As at a jump in time: the panel need not wait for its next turn.
    void tell_session() {
        const MemorySession session(desk.told);
        desk.range.set_mode(RangeModel::Mode::kSession);
        panel.refresh();
    }
    void turn_to(MemoryPanel::Page page) {
        static_cast<SegmentedControl*>(panel.title_control())->set_current(page);
    }
    QString requests_at_once() {
        for (const ValueRow& row : panel.shapes()->results()->rows())
            if (row.name == u"Requests at once") return row.cells[0].value.number;
        return {};
    }
    QSpinBox* spin(const char* name) {
        for (QSpinBox* box : panel.shapes()->findChildren<QSpinBox*>())
            if (box->accessibleName() == QLatin1String(name)) return box;
        return nullptr;
    }
    Desk desk;
    MemoryPanel panel;
};

TEST_F(MemoryPanelTest, AnEmptySessionOffersItsStart) {
    auto* empty = panel.findChild<EmptyState*>();
    ASSERT_TRUE(empty && empty->isVisible());
    QTest::mouseClick(empty->findChild<QPushButton*>(), Qt::LeftButton);
    EXPECT_EQ(desk.control.calls, std::vector<std::string>{"set workload_running=true"});
    tell_session();
    EXPECT_FALSE(empty->isVisible());
}

TEST_F(MemoryPanelTest, TheBarIsToScale) {
    tell_session();
    double sum = 0;
    for (size_t part = 0; part < MemoryPresenter::kParts; ++part)
        sum += panel.session()->bar()->part_rect(part).width();
    const QRectF weights = panel.session()->bar()->part_rect(MemoryPresenter::kWeights);
    EXPECT_NEAR(weights.width() / sum, 1.0 / 5.8, .01);
    EXPECT_NEAR(sum, panel.session()->bar()->width() - 24, 2);
}

TEST_F(MemoryPanelTest, TheBarSaysOfAPartWhatItsRowSays) {
    const MemorySession session(desk.told);  // has no activations, so that rows and parts do not count alike
    MemorySession(desk.told).device(5'000'000, 0, 700'000);
    desk.range.set_mode(RangeModel::Mode::kSession);
    panel.refresh();
    PartBar* bar = panel.session()->bar();
    for (const auto part : {MemoryPresenter::kWeights, MemoryPresenter::kDraft, MemoryPresenter::kRest}) {
        const QPoint at = bar->part_rect(part).center().toPoint();
        QHelpEvent hover(QEvent::ToolTip, at, bar->mapToGlobal(at));
        QApplication::sendEvent(bar, &hover);
        EXPECT_TRUE(QToolTip::text().startsWith(QStringLiteral("<qt>") +
                                                panel.presenter().part_row(part)->name + u':'))
            << QToolTip::text().toStdString();
    }
    EXPECT_TRUE(bar->part_rect(MemoryPresenter::kActivations).isEmpty());
}

TEST_F(MemoryPanelTest, KeysGoThroughTheRowsAndSayWhatTheyAre) {
    tell_session();
    ValueTable* parts = panel.session()->parts();
    EXPECT_TRUE(parts->focusPolicy() & Qt::TabFocus);
    QTest::keyClick(parts, Qt::Key_Down);
    EXPECT_EQ(parts->current(), 1);
    EXPECT_TRUE(parts->accessibleDescription().startsWith("KV in use: "));
    EXPECT_TRUE(parts->tip(2).contains("partly filled"));
    for (int i = 0; i < 20; ++i) QTest::keyClick(parts, Qt::Key_Down);
    EXPECT_EQ(parts->current(), int(parts->rows().size()) - 1);
    QTest::keyClick(parts, Qt::Key_Up);
    EXPECT_EQ(parts->current(), int(parts->rows().size()) - 2);
}

TEST_F(MemoryPanelTest, TheChosenRowStaysTheSameWhereOthersComeBeforeIt) {
    tell_session();
    ValueTable* parts = panel.session()->parts();
    for (int i = 0; i < 5; ++i) QTest::keyClick(parts, Qt::Key_Down);
    ASSERT_EQ(parts->rows()[size_t(parts->current())].name, "Rest of the process");
    MemorySession(desk.told).device(5'000'000, 300'000, 700'000);
    desk.range.set_mode(RangeModel::Mode::kLast10s);
    panel.refresh();
    EXPECT_EQ(parts->rows()[size_t(parts->current())].name, "Rest of the process");
    EXPECT_EQ(parts->current(), 7);
}

TEST(MemoryRows, NamesOfARecordingAreWordsInCsvAndTips) {
    Desk desk;
    ValueTable table(desk.context().theme, QString(), nullptr);
    ValueRow row;
    row.name = QStringLiteral("a \"b\", <b>c</b>");
    row.cells = {{{QStringLiteral("1"), QStringLiteral("B")}, {}}};
    table.set_rows({row});
    EXPECT_EQ(csv_lines({row}), "\"a \"\"b\"\", <b>c</b>\",\"1\",\"B\"\n");
    table.resize(400, 40);
    table.show();
    const QPoint at = table.row_rect(0).center();
    QHelpEvent hover(QEvent::ToolTip, at, table.mapToGlobal(at));
    QApplication::sendEvent(&table, &hover);
    EXPECT_TRUE(QToolTip::text().contains("&lt;b&gt;c&lt;/b&gt;")) << QToolTip::text().toStdString();
}

TEST_F(MemoryPanelTest, WhatIsTypedIsReckonedAtOnce) {
    turn_to(MemoryPanel::kShapes);
    EXPECT_EQ(panel.page(), MemoryPanel::kShapes);
    EXPECT_TRUE(panel.scope().contains("modelled"));
    const QString before = requests_at_once();
    spin("prompt, tok")->setValue(100'000);
    EXPECT_NE(requests_at_once(), before);
    auto* model = panel.findChild<MenuButton*>(QStringLiteral("shape_model"));
    EXPECT_EQ(model->text(), "Llama-3.1-8B");
    spin("layers")->setValue(31);
    EXPECT_EQ(model->text(), "own shape");
    EXPECT_TRUE(panel.shapes()->formula()->text().startsWith(QStringLiteral("2 × 31 layers")));
    EXPECT_TRUE(panel.csv().startsWith("modelled"));
}

TEST_F(MemoryPanelTest, AModelChosenFillsTheFields) {
    turn_to(MemoryPanel::kShapes);
    auto* model = panel.findChild<MenuButton*>(QStringLiteral("shape_model"));
    QTest::keyClick(model, Qt::Key_Down);
    EXPECT_EQ(model->text(), "Llama-3.1-70B");
    EXPECT_EQ(spin("layers")->value(), 80);
    EXPECT_EQ(spin("context, tok")->value(), 131'072);
    auto* device = panel.findChild<MenuButton*>(QStringLiteral("shape_device"));
    EXPECT_EQ(device->text(), "H100");
    for (QDoubleSpinBox* box : panel.shapes()->findChildren<QDoubleSpinBox*>())
        if (box->accessibleName() == u"memory") box->setValue(60);
    EXPECT_EQ(device->text(), "own size");
}

TEST_F(MemoryPanelTest, DrawsAtEverySize) {
    tell_session();
    for (const auto page : {MemoryPanel::kSession, MemoryPanel::kShapes}) {
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
