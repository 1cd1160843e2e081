// SPDX-License-Identifier: GPL-3.0-or-later
//
// The device panel in both themes and the sizes that the window gives it, kept beside the test to be looked at.
#include <gtest/gtest.h>

#include <QTest>

#include "panels/device/device_panel.h"
#include "tests/panels/device/device_session.h"
#include "tests/panels/support/desk.h"
#include "tests/panels/support/panel_frame.h"
#include "tests/panels/support/picture.h"

namespace pitwall::testing {
namespace {

using namespace panels;

class DevicePictures : public ::testing::TestWithParam<Theme::Mode> {
  protected:
    Picture picture(Desk& desk, QSize size, const char* what) {
        auto* panel = new DevicePanel(desk.context());
        PanelFrame frame(panel, &desk.theme);
        frame.resize(size);
        frame.show();
        panel->refresh();
        QTest::qWait(30);
        return take_picture(frame, QStringLiteral("%1-%2-%3x%4")
                                       .arg(QLatin1String(what), QLatin1String(name_of(GetParam())))
                                       .arg(size.width())
                                       .arg(size.height()));
    }
};

TEST_P(DevicePictures, AreDrawn) {
    Desk desk(GetParam());
    DeviceSession session(desk.told);
    for (int i = 0; i < 50; ++i) session.step(true);
    session.gpu();
    for (const QSize size : {QSize(680, 192), QSize(920, 238), QSize(1316, 412), QSize(344, 420)}) {
        const Picture drawn = picture(desk, size, "device");
        for (const char* token : {"kernel.product", "kernel.attention", "kernel.head", "kernel.rowwise"})
            EXPECT_TRUE(drawn.holds(desk.theme.color(token))) << token;
    }
}

TEST_P(DevicePictures, Empty) {
    Desk fresh(GetParam());
    EXPECT_GT(picture(fresh, {680, 192}, "empty-device").colours(), 5u);
}

INSTANTIATE_TEST_SUITE_P(Themes, DevicePictures, ::testing::Values(Theme::Mode::kDark, Theme::Mode::kLight),
                         [](const auto& parameters) { return std::string(name_of(parameters.param)); });

}  // namespace
}  // namespace pitwall::testing
