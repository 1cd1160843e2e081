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

/// The knob's word alone would be untrue of a model without the weights that it is for.
TEST(StatusCells, TellWhatActivationsAreWhereTheKnobChangesNothing) {
    struct Case {
        double dtype;
        const char *weights, *words;
        const char* tier = "avx512-bf16";
    };
    for (const Case& c : {Case{3, "float", "bf16 activations"},
                          {3, "float and quantized", "bf16 and f32 activations"},
                          {3, "quantized", "f32 activations (bf16: no float weights)"},
                          {3, "quantized", "bf16 activations", "amx"},
                          {3, "float and quantized", "bf16 activations", "amx"},
                          {2, "quantized", "i8 activations"},
                          {2, "float and quantized", "i8 and f32 activations"},
                          {2, "float", "f32 activations (i8: no quantized weights)"},
                          {0, "float", "f32 activations"},
                          {0, "quantized", "f32 activations"}}) {
        Told told;
        told.knob(0, presets::KnobId::kActivationDtype, c.dtype, c.dtype);
        told.fact(std::string("kernel_tier=") + c.tier);
        told.fact(std::string("weight_kinds=") + c.weights);
        EXPECT_TRUE(tells(told, c.words)) << c.words;
    }
}

TEST(StatusCells, TellOfWeightsThatAreNotAsInTheFile) {
    Told told;
    told.knob(0, presets::KnobId::kActivationDtype, 4, 4);
    told.knob(0, presets::KnobId::kWeightDtype, 0, 0);
    told.fact("kernel_tier=cuda-sm90");
    EXPECT_TRUE(tells(told, "f16 activations"));
    told.knob(10, presets::KnobId::kWeightDtype, 0, 1);
    EXPECT_TRUE(tells(told, "fp8 weights, f16 activations"));
}

TEST(StatusCells, ALostDeviceStaysToBeSeen) {
    Told told;
    EXPECT_TRUE(tells(told, "a CPU"));
    told.mark(200'000, telemetry::MarkKind::kDeviceLost, 1);
    told.mark(201'000, telemetry::MarkKind::kPaused, 0);
    told.until(900'000);
    StatusFacts facts;
    facts.device = QStringLiteral("a CPU");
    const StatusCell cell = status_cells(told.store, facts).front();
    EXPECT_EQ(cell.words, "a CPU, GPU lost at 3:20");
    EXPECT_TRUE(cell.warn);
}

TEST(StatusCells, OfASimulatedDeviceNothingIsComputed) {
    Told told;
    told.knob(0, presets::KnobId::kActivationDtype, 2, 2);
    told.fact("kernel_tier=simulated");
    EXPECT_FALSE(tells(told, "i8 activations"));
}

}  // namespace
}  // namespace pitwall::panels
