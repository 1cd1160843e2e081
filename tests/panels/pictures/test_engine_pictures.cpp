// SPDX-License-Identifier: GPL-3.0-or-later
//
// Draws each panel over the same session in both themes and three sizes, keeps the pictures beside the test, and checks
// what can be checked of a picture: it is not blank, and it holds the colours that carry its meaning.
#include <gtest/gtest.h>

#include <QApplication>
#include <QMouseEvent>
#include <QTest>

#include "panels/batch/batch_panel.h"
#include "panels/common/widgets.h"
#include "panels/kv_block_map/kv_block_map_panel.h"
#include "panels/prompt/prompt_panel.h"
#include "panels/requests/requests_panel.h"
#include "tests/panels/support/panel_frame.h"
#include "tests/panels/support/picture.h"
#include "tests/panels/support/scene_desk.h"

namespace pitwall::testing {
namespace {

using panels::Theme;

constexpr QSize kSizes[] = {{680, 220}, {920, 266}, {1316, 440}};

Picture take(QWidget& widget, const QString& name) {
    QTest::qWait(20);
    return take_picture(widget, name);
}

class EnginePictures : public ::testing::TestWithParam<Theme::Mode> {
  protected:
    EnginePictures() : top_(GetParam()), scene_({.budget = 256, .arrivals_per_s = 6.4, .change_at_s = 57.6}) {
        top_.feed(scene_, 60);
        qApp->setStyleSheet(panels::style_sheet(top_.theme));
        qApp->setPalette(panels::palette_of(top_.theme));
        top_.selection.select_request(top_.longest_running());
    }
    template <class PanelType, class Prepare>
    void in_all_sizes(Prepare prepare) {
        for (const QSize size : kSizes) {
            auto* panel = new PanelType(top_.context());
            PanelFrame frame(panel, &top_.theme);
            frame.resize(size);
            frame.show();
            panel->refresh();
            prepare(*panel);
            const QString name = QStringLiteral("%1-%2-%3x%4")
                                     .arg(panel->id(), QLatin1String(name_of(GetParam())))
                                     .arg(size.width())
                                     .arg(size.height());
            const Picture picture = take(frame, name);
            EXPECT_GT(picture.colours(), 20u) << name.toStdString();
            check(picture, *panel);
        }
    }
    void check(const Picture& picture, panels::KvBlockMapPanel&) {
        for (const char* token : {"block.held", "block.shared", "block.free", "signal.select"})
            EXPECT_TRUE(picture.holds(top_.theme.color(token))) << token;
    }
    void check(const Picture& picture, panels::BatchPanel&) {
        for (const char* token : {"work.prefill", "work.decode", "signal.accent", "signal.select"})
            EXPECT_TRUE(picture.holds(top_.theme.color(token))) << token;
    }

    void check(const Picture& picture, panels::RequestsPanel&) {
        for (const char* token : {"cause.decode", "cause.prefill_others", "bg.selection"})
            EXPECT_TRUE(picture.holds(top_.theme.color(token))) << token;
    }

    SceneDesk top_;
    Scene scene_;
};

TEST_P(EnginePictures, KvBlockMap) {
    in_all_sizes<panels::KvBlockMapPanel>([this](panels::KvBlockMapPanel& panel) {
        const auto table = top_.store.block_table(top_.selection.request());
        ASSERT_GT(table.size(), 4u);
        const auto cell = panel.presenter().rect_of(table[table.size() - 3]);
        QTest::mouseMove(panel.view(), {cell.x + 2, cell.y + 2});
        QTest::qWait(320);
    });
}

TEST_P(EnginePictures, KvBlockMapModes) {
    auto* panel = new panels::KvBlockMapPanel(top_.context());
    PanelFrame frame(panel, &top_.theme);
    frame.resize(920, 266);
    frame.show();
    auto* modes = static_cast<panels::SegmentedControl*>(panel->title_control());
    for (int mode = 1; mode < 5; ++mode) {
        modes->set_current(mode);
        const Picture picture =
            take(frame,
                 QStringLiteral("kv_block_map-%1-mode%2").arg(QLatin1String(name_of(GetParam()))).arg(mode));
        EXPECT_GT(picture.colours(), 20u);
        EXPECT_EQ(picture.holds(top_.theme.kv_format(telemetry::KvDtype::kF16)), mode == 4);
    }
}

TEST_P(EnginePictures, Batch) {
    in_all_sizes<panels::BatchPanel>([](panels::BatchPanel&) {});
}

TEST_P(EnginePictures, Requests) {
    in_all_sizes<panels::RequestsPanel>([](panels::RequestsPanel&) {});
}

TEST_P(EnginePictures, Prompt) {
    auto* panel = new panels::PromptPanel(top_.context());
    PanelFrame frame(panel, &top_.theme);
    frame.resize(320, 360);
    frame.show();
    EXPECT_GT(
        take(frame, QStringLiteral("prompt-%1-empty").arg(QLatin1String(name_of(GetParam())))).colours(),
        10u);
    top_.control.next.request = top_.selection.request();
    panel->input()->setPlainText(QStringLiteral("How does a paged cache share blocks?"));
    panel->send();
    panel->input()->setPlainText(QStringLiteral("And when is a block evicted?"));
    const Picture running =
        take(frame, QStringLiteral("prompt-%1-running").arg(QLatin1String(name_of(GetParam()))));
    EXPECT_TRUE(running.holds(top_.theme.color("signal.accent_fill")));
}

INSTANTIATE_TEST_SUITE_P(Themes, EnginePictures, ::testing::Values(Theme::Mode::kDark, Theme::Mode::kLight),
                         [](const auto& parameters) { return std::string(name_of(parameters.param)); });

}  // namespace
}  // namespace pitwall::testing
