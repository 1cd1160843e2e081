// SPDX-License-Identifier: GPL-3.0-or-later
//
// Both pages of the memory panel in both themes and the sizes that the window gives it, kept beside the test to be looked at.
#include <gtest/gtest.h>

#include <QTest>

#include "panels/memory/memory_panel.h"
#include "tests/panels/support/desk.h"
#include "tests/panels/support/panel_frame.h"
#include "tests/panels/support/picture.h"
#include "tests/panels/support/scene.h"

namespace pitwall::testing {
namespace {

using namespace panels;

class MemoryPictures : public ::testing::TestWithParam<Theme::Mode> {
  protected:
    MemoryPictures() : desk_(GetParam()) {
        desk_.told.start(presets::KnobId::kMaxNumSeqs, 24);
        Scene scene({.arrivals_per_s = 6});
        desk_.told.store.apply(scene.run(40));
        telemetry::Event event;
        event.kind = telemetry::EventKind::kDevice;
        event.t_ns = desk_.told.store.now_ns();
        event.device = {.resident_bytes = 1'100'000'000,
                        .kv_bytes = 1'073'741'824,
                        .weight_bytes = 96'576'768,
                        .activation_bytes = 31'457'280,
                        .draft_bytes = 62'914'560,
                        .cpu_ns = 0,
                        .threads = 2,
                        .reserved = 0};
        desk_.told.store.apply({&event, 1});
    }
    Picture picture(QSize size, int page, const char* what = "", void (*prepare)(MemoryPanel&) = nullptr) {
        auto* panel = new MemoryPanel(desk_.context());
        PanelFrame frame(panel, &desk_.theme);
        frame.resize(size);
        frame.show();
        static_cast<SegmentedControl*>(panel->title_control())->set_current(page);
        panel->refresh();
        if (prepare) prepare(*panel);
        QTest::qWait(30);
        return take_picture(frame, QStringLiteral("memory%1%2-%3-%4x%5")
                                       .arg(page == 0 ? QString() : QStringLiteral("-shapes"),
                                            QLatin1String(what), QLatin1String(name_of(GetParam())))
                                       .arg(size.width())
                                       .arg(size.height()));
    }
    Desk desk_;
};

TEST_P(MemoryPictures, AreDrawn) {
    for (const QSize size : {QSize(680, 192), QSize(920, 238), QSize(1316, 412), QSize(344, 420)}) {
        const Picture session = picture(size, MemoryPanel::kSession);
        for (const char* token : {"block.held", "block.cached", "block.free", "memory.activations",
                                  "work.draft_accepted", "memory.rest"})
            EXPECT_TRUE(session.holds(desk_.theme.color(token))) << token;
        EXPECT_GT(picture(size, MemoryPanel::kShapes).colours(), 20u);
    }
    picture({920, 238}, MemoryPanel::kSession, "-focus",
            [](MemoryPanel& panel) { panel.session()->parts()->setFocus(Qt::TabFocusReason); });
    const Picture too_small = picture({1316, 412}, MemoryPanel::kShapes, "-short", [](MemoryPanel& panel) {
        panel.findChild<MenuButton*>(QStringLiteral("shape_model"))->setFocus(Qt::TabFocusReason);
        for (int i = 0; i < 20; ++i)
            QTest::keyClick(panel.findChild<MenuButton*>(QStringLiteral("shape_model")), Qt::Key_Down);
    });
    EXPECT_TRUE(too_small.holds(desk_.theme.color("signal.bad")));
}

TEST_P(MemoryPictures, Empty) {
    Desk fresh(GetParam());
    auto* panel = new MemoryPanel(fresh.context());
    PanelFrame frame(panel, &fresh.theme);
    frame.resize(680, 192);
    frame.show();
    QTest::qWait(20);
    EXPECT_GT(take_picture(frame, QStringLiteral("empty-memory-%1").arg(QLatin1String(name_of(GetParam()))))
                  .colours(),
              5u);
}

INSTANTIATE_TEST_SUITE_P(Themes, MemoryPictures, ::testing::Values(Theme::Mode::kDark, Theme::Mode::kLight),
                         [](const auto& parameters) { return std::string(name_of(parameters.param)); });

}  // namespace
}  // namespace pitwall::testing
