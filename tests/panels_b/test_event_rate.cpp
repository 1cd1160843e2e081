// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "panels/statusbar/event_rate.h"

namespace pitwall::panels {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(EventRate, IsThatOfTheLastTenSeconds) {
    EventRate rate;
    rate.read(5 * kSecond, 1000);
    EXPECT_EQ(rate.per_s(), 0) << "one reading is no rate";
    for (int64_t second = 1; second <= 10; ++second)
        rate.read((5 + second) * kSecond, static_cast<uint64_t>(1000 + 100 * second));
    EXPECT_DOUBLE_EQ(rate.per_s(), 100);
    rate.read(16 * kSecond, 2000);
    EXPECT_DOUBLE_EQ(rate.per_s(), 90) << "nine of the last ten brought events";
    for (int64_t second = 17; second <= 25; ++second) rate.read(second * kSecond, 2000);
    EXPECT_EQ(rate.per_s(), 0) << "quiet for ten seconds";
}

TEST(EventRate, ReadsOnceASecondAndForgetsAnotherSession) {
    EventRate rate;
    EXPECT_TRUE(rate.read(kSecond, 10));
    EXPECT_FALSE(rate.read(kSecond + kSecond / 2, 500)) << "too soon";
    EXPECT_EQ(rate.per_s(), 0);
    EXPECT_TRUE(rate.read(2 * kSecond, 30));
    EXPECT_DOUBLE_EQ(rate.per_s(), 20);
    EXPECT_TRUE(rate.read(2 * kSecond + 1, 5)) << "a count that fell is taken at once";
    EXPECT_EQ(rate.per_s(), 0);
}

TEST(EventRate, AGapLongerThanTheWindowIsNoRate) {
    EventRate rate;
    rate.read(kSecond, 0);
    rate.read(60 * kSecond, 59'000);
    EXPECT_EQ(rate.per_s(), 0) << "nothing in the last 10 s says when they came";
}

}  // namespace
}  // namespace pitwall::panels
