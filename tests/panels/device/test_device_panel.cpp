// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <QApplication>
#include <QHelpEvent>
#include <QPushButton>
#include <QTest>
#include <QToolTip>

#include "panels/device/device_panel.h"
#include "tests/panels/device/device_session.h"
#include "tests/panels/support/desk.h"

namespace pitwall::panels {
namespace {

using testing::Desk;
using testing::DeviceSession;

class DevicePanelTest : public ::testing::Test {
  protected:
    DevicePanelTest() : panel(desk.context()) {
        panel.resize(920, 260);
        panel.show();
        panel.refresh();
    }
    void tell_session() {
        DeviceSession session(desk.told);
        for (int i = 0; i < 4; ++i) session.step(true);
        session.gpu();
        desk.range.set_mode(RangeModel::Mode::kSession);
        panel.refresh();
    }
    Desk desk;
    DevicePanel panel;
};

TEST_F(DevicePanelTest, AnEmptySessionOffersItsStart) {
    auto* empty = panel.findChild<EmptyState*>();
    ASSERT_TRUE(empty && empty->isVisible());
    QTest::mouseClick(empty->findChild<QPushButton*>(), Qt::LeftButton);
    EXPECT_EQ(desk.control.calls, std::vector<std::string>{"set workload_running=true"});
    tell_session();
    EXPECT_FALSE(empty->isVisible());
}

TEST_F(DevicePanelTest, TheBarIsToScaleAndSaysWhatItsRowsSay) {
    tell_session();
    const PartBar& bar = *panel.bar();
    double sum = 0;
    for (size_t part = 0; part < StepParts::kParts; ++part) sum += bar.part_rect(part).width();
    EXPECT_NEAR(bar.part_rect(StepParts::kProduct).width() / sum, 9.0 / 20, .01);
    EXPECT_TRUE(bar.part_rect(StepParts::kDrafting).isEmpty());
    for (const auto& [part, name] : {std::pair{StepParts::kAttention, "Attention: "},
                                     {StepParts::kPlanning, "Planning: "},
                                     {StepParts::kRest, "Rest of the step: "}}) {
        const QPoint at = bar.part_rect(part).center().toPoint();
        QHelpEvent hover(QEvent::ToolTip, at, bar.mapToGlobal(at));
        QApplication::sendEvent(panel.bar(), &hover);
        EXPECT_TRUE(QToolTip::text().startsWith(QStringLiteral("<qt>") + QString::fromUtf8(name)))
            << QToolTip::text().toStdString();
    }
}

TEST_F(DevicePanelTest, AHeldBackGpuStandsOut) {
    tell_session();
    for (const ValueRow& row : panel.readings()->rows())
        EXPECT_EQ(row.bad, row.name == u"Clocks held back by") << row.name.toStdString();
}

}  // namespace
}  // namespace pitwall::panels
