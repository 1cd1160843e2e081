// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "panels/knobs/knob_throttle.h"
#include "panels/knobs/slider_map.h"

namespace pitwall::panels {
namespace {

using presets::KnobSpec;
using presets::KnobType;

class SliderOfEachKnob : public ::testing::TestWithParam<size_t> {
  protected:
    const KnobSpec& spec() const { return presets::knob_table()[GetParam()]; }
};

TEST_P(SliderOfEachKnob, EveryValueComesBackFromItsPlace) {
    const SliderMap map(spec());
    std::mt19937_64 random(GetParam() + 1);
    for (int i = 0; i < 2000; ++i) {
        const double share = std::uniform_real_distribution<>(0, 1)(random);
        // Half of them evenly, half crowded at the low end, where logarithmic knobs live.
        const double raw =
            spec().minimum + (spec().maximum - spec().minimum) * (i % 2 ? share : std::pow(share, 12));
        const double value = map.snap(raw);
        EXPECT_NEAR(map.value(map.position(value)), value, std::abs(value) * 1e-12)
            << spec().name << " at " << value;
    }
}

TEST_P(SliderOfEachKnob, EndsAndDefaultAreReached) {
    const SliderMap map(spec());
    for (const double value : {spec().minimum, spec().maximum, spec().default_value})
        EXPECT_EQ(map.snap(map.value(map.position(value))), map.snap(value)) << spec().name;
    EXPECT_EQ(map.position(spec().minimum), 0) << spec().name;
    EXPECT_EQ(map.value(0), spec().minimum) << spec().name;
    if (spec().maximum > spec().minimum) {
        EXPECT_DOUBLE_EQ(map.position(spec().maximum), 1) << spec().name;
        EXPECT_EQ(map.value(1), spec().maximum) << spec().name;
    }
}

TEST_P(SliderOfEachKnob, GoesOneWay) {
    const SliderMap map(spec());
    double last = spec().minimum;
    for (int i = 0; i <= 1000; ++i) {
        const double value = map.value(i / 1000.0);
        EXPECT_GE(value, last) << spec().name;
        last = value;
    }
}

TEST_P(SliderOfEachKnob, AStepMovesWhereThereIsRoomAndStaysInside) {
    const SliderMap map(spec());
    if (spec().type == KnobType::kChoice || spec().maximum <= spec().minimum) return;
    double value = spec().minimum;
    for (int i = 0; i < 50 && value < spec().maximum; ++i) {
        const double next = map.stepped(value, 1);
        EXPECT_GT(next, value) << spec().name;
        EXPECT_LE(next, spec().maximum) << spec().name;
        EXPECT_LT(map.stepped(next, -1), next) << spec().name;
        value = next;
    }
    EXPECT_EQ(map.stepped(spec().maximum, 1), spec().maximum) << spec().name;
    EXPECT_EQ(map.stepped(spec().minimum, -10), spec().minimum) << spec().name;
}

TEST_P(SliderOfEachKnob, WhatASliderGivesIsAValueOfTheKnob) {
    const SliderMap map(spec());
    for (int i = 0; i <= 200; ++i) {
        const double value = map.value(i / 200.0);
        const auto back = presets::parse_value(spec(), presets::format_value(spec(), value));
        ASSERT_TRUE(back.ok()) << back.error().text();
        EXPECT_NEAR(back.value(), value, std::abs(value) * 1e-9) << spec().name;
    }
}

INSTANTIATE_TEST_SUITE_P(Table, SliderOfEachKnob, ::testing::Range<size_t>(0, presets::kKnobCount),
                         [](const auto& parameters) {
                             return std::string(presets::knob_table()[parameters.param].name);
                         });

TEST(SliderMap, FractionsStayShort) {
    const KnobSpec& rate = presets::spec(presets::KnobId::kRequestRate);
    EXPECT_EQ(SliderMap(rate).stepped(0.2, 1), 0.3);
    EXPECT_EQ(presets::format_value(rate, SliderMap(rate).stepped(0.6, 1)), "0.7");
}

TEST(SliderMap, OffHasItsOwnPlace) {
    const KnobSpec& threshold = presets::spec(presets::KnobId::kLongPrefillTokenThreshold);
    ASSERT_EQ(threshold.off_value, 0);
    EXPECT_EQ(SliderMap(threshold).value(0.01), 0);
    EXPECT_GT(SliderMap(threshold).value(0.06), 0);
}

TEST(KnobThrottle, LetsAtMostTwentyASecondThroughAndTheLastAlways) {
    KnobThrottle throttle;
    int sent = 0;
    double last = -1;
    for (int64_t ms = 0; ms < 1000; ms += 5) {
        if (const auto value = throttle.offer(double(ms), ms)) ++sent, last = *value;
    }
    EXPECT_LE(sent, 20);
    EXPECT_GE(sent, 18);
    ASSERT_TRUE(throttle.holding());
    EXPECT_EQ(throttle.flush(), 995);
    EXPECT_LT(last, 995);
    EXPECT_FALSE(throttle.flush());
}

TEST(KnobThrottle, WhatWasHeldComesWhenItsTimeHasCome) {
    KnobThrottle throttle;
    EXPECT_EQ(throttle.offer(1, 0), 1);
    EXPECT_FALSE(throttle.offer(2, 10));
    EXPECT_FALSE(throttle.due(49));
    EXPECT_EQ(throttle.due(50), 2);
    EXPECT_FALSE(throttle.due(200));
}

}  // namespace
}  // namespace pitwall::panels
