// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <QTest>
#include <QToolButton>

#include "panels/transport/transport_bar.h"
#include "tests/panels/support/desk.h"

namespace pitwall::panels {
namespace {

using presets::KnobId;
using testing::Desk;
using testing::kMs;

TEST(Transport, ADraggedSliderIsOneChange) {
    Desk desk;
    for (int t = 0; t < 20; ++t) desk.told.knob(10'000 + 50 * t, KnobId::kMaxNumSeqs, 8 + t, 9 + t);
    desk.told.knob(30'000, KnobId::kMaxNumSeqs, 28, 8);
    desk.told.until(40'000);
    TransportBar bar(desk.context());
    EXPECT_EQ(bar.neighbour_change(false), 30'000 * kMs);
    desk.told.store.clear();
    for (int t = 0; t < 20; ++t) desk.told.knob(10'000 + 50 * t, KnobId::kMaxNumSeqs, 8 + t, 9 + t);
    desk.told.until(20'000);
    EXPECT_EQ(bar.neighbour_change(false), 10'000 * kMs) << "its begin, not the last tick of the drag";
}

TEST(Transport, ButtonsAreDrawnAnewOnlyWhereTheyChange) {
    Desk desk;
    desk.told.until(1'000);
    TransportBar bar(desk.context());
    bar.resize(1000, 56);
    const QToolButton* pause = bar.findChildren<QToolButton*>().at(1);
    const auto before = pause->icon().cacheKey();
    desk.told.until(2'000);
    bar.refresh();
    EXPECT_EQ(pause->icon().cacheKey(), before);
    desk.told.mark(2'100, telemetry::MarkKind::kPaused, 0);
    bar.refresh();
    EXPECT_NE(pause->icon().cacheKey(), before);
}

}  // namespace
}  // namespace pitwall::panels
