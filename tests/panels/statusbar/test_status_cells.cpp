// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <algorithm>

#include "panels/statusbar/status_bar.h"
#include "tests/panels/support/told.h"

namespace pitwall::panels {
namespace {

using testing::Told;

bool tells(const Told& told, const char* words) {
    StatusFacts facts;
    facts.device = QStringLiteral("a CPU");
    const auto cells = status_cells(told.store, facts);
    return std::ranges::any_of(cells,
                               [&](const StatusCell& cell) { return cell.words == QLatin1String(words); });
}

TEST(StatusCells, TellWhatActivationsAre) {
    Told told;
    told.knob(0, presets::KnobId::kActivationDtype, 2, 2);
    EXPECT_FALSE(tells(told, "i8 activations")) << "nobody knows yet that this computes";
    told.fact("kernel_tier=avx2");
    EXPECT_TRUE(tells(told, "i8 activations"));
    told.knob(10, presets::KnobId::kActivationDtype, 2, 1);
    EXPECT_TRUE(tells(told, "i16 activations"));
    EXPECT_FALSE(tells(told, "i8 activations"));
}

TEST(StatusCells, OfASimulatedDeviceNothingIsComputed) {
    Told told;
    told.knob(0, presets::KnobId::kActivationDtype, 2, 2);
    told.fact("kernel_tier=simulated");
    EXPECT_FALSE(tells(told, "i8 activations"));
}

}  // namespace
}  // namespace pitwall::panels
