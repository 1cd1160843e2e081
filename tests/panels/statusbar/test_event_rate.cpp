// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <cmath>

#include "panels/statusbar/event_rate.h"

namespace pitwall::panels {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(EventRate, IsThatOfTheLastTenSeconds) {
    EventRate rate;
    rate.read(5 * kSecond, 1000);
    EXPECT_TRUE(std::isnan(rate.per_s())) << "one reading is no rate";
    for (int64_t second = 1; second <= 10; ++second)
        rate.read((5 + second) * kSecond, static_cast<uint64_t>(1000 + 100 * second));
    EXPECT_DOUBLE_EQ(rate.per_s(), 100);
    rate.read(16 * kSecond, 2000);
    EXPECT_DOUBLE_EQ(rate.per_s(), 90) << "nine of the last ten brought events";
    for (int64_t second = 17; second <= 25; ++second) rate.read(second * kSecond, 2000);
    EXPECT_EQ(rate.per_s(), 0) << "quiet for ten seconds";
}

TEST(EventRate, StandsWhileTheSessionDoes) {
    EventRate rate;
    rate.read(kSecond, 10);
    rate.read(2 * kSecond, 30);
    for (int tick = 0; tick < 20; ++tick) rate.read(2 * kSecond, 30);
    EXPECT_DOUBLE_EQ(rate.per_s(), 20);
}

TEST(EventRate, BeginsAnewWhereTimeOrCountFell) {
    EventRate rate;
    rate.read(10 * kSecond, 100);
    rate.read(11 * kSecond, 200);
    rate.read(12 * kSecond, 5);
    EXPECT_TRUE(std::isnan(rate.per_s())) << "another session";
    rate.read(13 * kSecond, 25);
    EXPECT_DOUBLE_EQ(rate.per_s(), 20);
    rate.read(3 * kSecond, 45);
    EXPECT_TRUE(std::isnan(rate.per_s())) << "a replay went back";
}

TEST(EventRate, OfAReplayThatRunsFastIsWhatWasRecorded) {
    EventRate rate;
    for (int64_t tick = 0; tick < 5; ++tick)
        rate.read(64 * tick * kSecond, static_cast<uint64_t>(6400 * tick));
    EXPECT_DOUBLE_EQ(rate.per_s(), 100) << "readings lie farther apart than the window";
}

}  // namespace
}  // namespace pitwall::panels
