// SPDX-License-Identifier: GPL-3.0-or-later
//
// All pages of the panels KV precision and Speculation in both themes, kept beside the test to be looked at.
#include <gtest/gtest.h>

#include <QTest>

#include "panels/kv_precision/kv_precision_panel.h"
#include "panels/speculation/speculation_panel.h"
#include "tests/panels/kv_precision/kv_session.h"
#include "tests/panels/speculation/draft_session.h"
#include "tests/panels/support/desk.h"
#include "tests/panels/support/panel_frame.h"
#include "tests/panels/support/picture.h"

namespace pitwall::testing {
namespace {

using namespace panels;

class PrecisionPictures : public ::testing::TestWithParam<Theme::Mode> {
  protected:
    PrecisionPictures() : desk_(GetParam()) { desk_.range.set_mode(RangeModel::Mode::kSession); }
    Picture picture(Panel* panel, QSize size, int page) {
        PanelFrame frame(panel, &desk_.theme);
        frame.resize(size);
        frame.show();
        static_cast<SegmentedControl*>(panel->title_control())->set_current(page);
        panel->refresh();
        QTest::qWait(40);
        return take_picture(frame, QStringLiteral("%1-%2-%3-%4x%5")
                                       .arg(panel->id())
                                       .arg(page)
                                       .arg(QLatin1String(name_of(GetParam())))
                                       .arg(size.width())
                                       .arg(size.height()));
    }
    Desk desk_;
};

constexpr QSize kSizes[] = {{680, 192}, {920, 238}, {344, 420}};

TEST_P(PrecisionPictures, KvPrecision) {
    KvSession session(desk_.told);
    session.run(52'000, 60'000, 1'900'000, 200);  // after a while in which nobody computed
    for (int i = 0; i < 12; ++i)
        session.probe(22'000 + 1'500 * i, .01 + .002 * (i % 5), .1 + .02 * i, i % 3 == 0);
    for (const QSize size : kSizes)
        for (const int page : {0, 1, 2}) {
            const Picture shown = picture(new KvPrecisionPanel(desk_.context()), size, page);
            EXPECT_GT(shown.colours(), 5u);
            EXPECT_TRUE(page != 2 || shown.holds(desk_.theme.kv_format(telemetry::KvDtype::kInt8)));
        }
}

TEST_P(PrecisionPictures, Speculation) {
    const DraftSession session(desk_.told);
    for (const QSize size : kSizes)
        for (const int page : {0, 1, 2})
            EXPECT_TRUE(picture(new SpeculationPanel(desk_.context()), size, page)
                            .holds(desk_.theme.color("work.draft_accepted")));
}

TEST_P(PrecisionPictures, Empty) {
    EXPECT_GT(picture(new KvPrecisionPanel(desk_.context()), {680, 190}, 0).colours(), 5u);
    EXPECT_GT(picture(new SpeculationPanel(desk_.context()), {680, 190}, 0).colours(), 5u);
}

INSTANTIATE_TEST_SUITE_P(Themes, PrecisionPictures,
                         ::testing::Values(Theme::Mode::kDark, Theme::Mode::kLight),
                         [](const auto& parameters) { return std::string(name_of(parameters.param)); });

}  // namespace
}  // namespace pitwall::testing
