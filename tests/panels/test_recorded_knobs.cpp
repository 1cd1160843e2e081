// SPDX-License-Identifier: GPL-3.0-or-later
//
// A recording of another version may number knobs otherwise: what panels say of them goes by its dictionary.
#include <gtest/gtest.h>

#include <algorithm>

#include "panels/figures/figures_presenter.h"
#include "panels/knobs/knob_text.h"
#include "panels/requests/request_text.h"
#include "panels/transport/transport_bar.h"
#include "telemetry/replay/session_reader.h"
#include "tests/panels/support/scene_desk.h"

namespace pitwall::panels {
namespace {

class RecordedKnobs : public ::testing::Test {
  protected:
    void SetUp() override {
        auto file = telemetry::SessionReader::open(PITWALL_SOURCE_DIR "/tests/data/session_v3.db");
        ASSERT_TRUE(file.ok()) << file.error().text();
        for (;;) {
            const auto events = file.value()->next(1024);
            if (events.empty()) break;
            desk.store.apply(events);
        }
        ASSERT_NE(KnobNumbers(desk.store).number(presets::KnobId::kTtftSloMs),
                  static_cast<uint16_t>(presets::KnobId::kTtftSloMs))
            << "a file whose numbers are today's shows nothing";
    }
    testing::SceneDesk desk;
};

TEST_F(RecordedKnobs, ObjectivesAreThoseOfTheRecording) {
    const telemetry::Slo slo = telemetry::slo_of(desk.store);
    ASSERT_GT(slo.ttft_ns, 0);
    ASSERT_GT(slo.tpot_ns, 0);
    EXPECT_DOUBLE_EQ(slo_limits(desk.store).ttft_ns, slo.ttft_ns);
    EXPECT_DOUBLE_EQ(slo_limits(desk.store).tpot_ns, slo.tpot_ns);
}

TEST_F(RecordedKnobs, TheFiguresSayItsSeats) {
    const auto seats = static_cast<int64_t>(desk.store.knob_value("max_num_seqs", -1));
    ASSERT_GT(seats, 0);
    FiguresPresenter figures;
    figures.update_newest(desk.store);
    const auto running = std::ranges::find(figures.tiles(), QStringLiteral("running"), &FigureTile::id);
    ASSERT_NE(running, figures.tiles().end());
    EXPECT_TRUE(running->value.unit == QStringLiteral("of %1 seqs").arg(format_count(seats)))
        << running->value.unit.toStdString();
}

TEST_F(RecordedKnobs, PinsHaveItsNames) {
    const TransportBar bar(desk.context());
    ChangeGroup change;
    change.knob = KnobNumbers(desk.store).number(presets::KnobId::kTpotSloMs);
    change.old_value = 12, change.new_value = 15;
    EXPECT_EQ(bar.change_text(change, false), "tpot_slo_ms");
    EXPECT_TRUE(bar.change_text(change, true).startsWith("tpot_slo_ms 12"))
        << bar.change_text(change, true).toStdString();
    change.knob = 999;
    EXPECT_EQ(bar.change_text(change, true), "knob 999");
}

}  // namespace
}  // namespace pitwall::panels
