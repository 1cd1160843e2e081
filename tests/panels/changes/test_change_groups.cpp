// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "panels/changes/change_groups.h"
#include "tests/panels/support/told.h"

namespace pitwall::panels {
namespace {

using presets::KnobId;
using telemetry::KnobBound;
using telemetry::KnobOrigin;
using testing::kMs;
using testing::Told;

TEST(ChangeGroups, StartValuesAreNoChanges) {
    Told told;
    EXPECT_TRUE(group_changes(told.store.knob_changes()).empty());
}

TEST(ChangeGroups, ADragIsOneGroupWithTheNumberOfItsLastChange) {
    Told told;
    for (int i = 0; i < 8; ++i) told.knob(1000 + 60 * i, KnobId::kMaxNumSeqs, 8 + i, 9 + i);
    told.knob(5000, KnobId::kMaxNumSeqs, 16, 4);
    const auto groups = group_changes(told.store.knob_changes());
    ASSERT_EQ(groups.size(), 2u);
    EXPECT_EQ(groups[0].number, 8u);
    EXPECT_EQ(groups[0].first_number, 1u);
    EXPECT_EQ(groups[0].old_value, 8);
    EXPECT_EQ(groups[0].new_value, 16);
    EXPECT_EQ(groups[0].begin_ns, 1000 * kMs);
    EXPECT_EQ(groups[0].end_ns, 1420 * kMs);
    EXPECT_EQ(groups[1].number, 9u);
}

TEST(ChangeGroups, AnotherKnobBetweenEndsAGroup) {
    Told told;
    told.knob(1000, KnobId::kMaxNumSeqs, 8, 9);
    told.knob(1100, KnobId::kNumKvBlocks, 2048, 1024);
    told.knob(1200, KnobId::kMaxNumSeqs, 9, 10);
    EXPECT_EQ(group_changes(told.store.knob_changes()).size(), 3u);
}

TEST(ChangeGroups, TheEndOfADrainBelongsToWhatCausedIt) {
    Told told;
    told.knob(1000, KnobId::kNumKvBlocks, 2048, 1800, {.bound = telemetry::KnobBound::kDraining});
    told.knob(2000, KnobId::kMaxNumSeqs, 8, 9);
    told.knob(9000, KnobId::kNumKvBlocks, 1800, 1024, {.origin = KnobOrigin::kEngine, .pause_ns = 5 * kMs});
    const auto groups = group_changes(told.store.knob_changes());
    ASSERT_EQ(groups.size(), 2u);
    EXPECT_EQ(groups[0].number, 1u);
    EXPECT_EQ(groups[0].new_value, 1024);
    EXPECT_EQ(groups[0].end_ns, 9000 * kMs);
    EXPECT_EQ(groups[0].bound, telemetry::KnobBound::kNone);
    EXPECT_EQ(groups[0].pause_ns, 5 * kMs);
}

TEST(ChangeGroups, WhatTheEngineDoesForAChangeOfFormatIsNoEndOfAnOlderDrain) {
    Told told;
    told.knob(1000, KnobId::kNumKvBlocks, 2048, 1024);
    told.knob(20'000, KnobId::kNumKvBlocks, 1024, 2048, {.origin = KnobOrigin::kEngine});
    told.knob(20'000, KnobId::kKvCacheDtype, 0, 4, {.pause_ns = 5 * kMs});
    const auto groups = group_changes(told.store.knob_changes());
    ASSERT_EQ(groups.size(), 2u);
    EXPECT_EQ(groups[0].end_ns, 1000 * kMs);
    EXPECT_EQ(groups[1].knob, uint16_t(KnobId::kKvCacheDtype));
    const auto ranges = group_ranges(groups, 1, 60'000 * kMs, 30'000 * kMs);
    EXPECT_EQ(ranges.before.begin_ns, 1000 * kMs);
}

TEST(ChangeGroups, ALossIsAChangeOfItsOwn) {
    Told told;
    told.knob(60'000, KnobId::kSpeculativeMethod, 0, 3);
    told.knob(60'500, KnobId::kSpeculativeMethod, 3, 0,
              {.origin = KnobOrigin::kEngine, .bound = KnobBound::kUnavailable, .asked = 3});
    told.knob(60'600, KnobId::kMaxNumSeqs, 8, 9);  // in the same step, where none came between
    told.knob(70'000, KnobId::kSpeculativeMethod, 0, 3);
    told.knob(70'100, KnobId::kSpeculativeMethod, 3, 0,
              {.origin = KnobOrigin::kEngine, .bound = KnobBound::kUnavailable, .asked = 3});
    told.knob(70'900, KnobId::kSpeculativeMethod, 0, 1);
    const auto groups = group_changes(told.store.knob_changes());
    ASSERT_EQ(groups.size(), 6u);
    EXPECT_EQ(groups[0].new_value, 3);
    EXPECT_EQ(groups[0].end_ns, 60'000 * kMs);
    EXPECT_EQ(std::pair(groups[1].old_value, groups[1].new_value), std::pair(3.0, 0.0));
    EXPECT_EQ(groups[1].bound, KnobBound::kUnavailable);
}

TEST(ChangeGroups, WhatTheEngineTurnsLongAfterAFinishedChangeIsNoPartOfIt) {
    Told told;
    const KnobId knob = KnobId::kKvCacheDtype;
    told.knob(1000, knob, 0, 4);
    for (int i = 0; i < 4; ++i) {  // it replays a numeric history
        const int64_t t_ms = 300'000 + 400 * i;
        told.knob(t_ms, KnobId::kNumKvBlocks, 1024, 2048, {.origin = KnobOrigin::kEngine});
        told.knob(t_ms, knob, i % 2 ? 0 : 4, i % 2 ? 4 : 0, {.origin = KnobOrigin::kEngine});
    }
    const auto groups = group_changes(told.store.knob_changes());
    ASSERT_EQ(groups.size(), 3u);
    EXPECT_EQ(groups[0].end_ns, 1000 * kMs);
    EXPECT_EQ(groups[1].knob, uint16_t(KnobId::kNumKvBlocks));
    EXPECT_EQ(groups[2].begin_ns, 300'000 * kMs);
    EXPECT_EQ(groups[2].end_ns, 301'200 * kMs);
}

TEST(ChangeGroups, RangesAreEqualAndReachIntoNoOtherChange) {
    Told told;
    told.knob(10'000, KnobId::kMaxNumSeqs, 8, 9);
    told.knob(15'000, KnobId::kNumKvBlocks, 2048, 1024);
    told.knob(45'000, KnobId::kMaxNumSeqs, 9, 10);
    const auto groups = group_changes(told.store.knob_changes());
    const auto ranges = group_ranges(groups, 1, 100'000 * kMs, 30'000 * kMs);
    EXPECT_EQ(ranges.before.begin_ns, 10'000 * kMs);
    EXPECT_EQ(ranges.before.end_ns, 15'000 * kMs);
    EXPECT_EQ(ranges.after.begin_ns, 15'000 * kMs);
    EXPECT_EQ(ranges.after.end_ns, 20'000 * kMs);
    const auto last = group_ranges(groups, 2, 47'000 * kMs, 30'000 * kMs);
    EXPECT_EQ(last.after.end_ns - last.after.begin_ns, 2'000 * kMs);
}

TEST(ChangeGroups, AreComparedOverEqualRangesWithNoOtherChangeInside) {
    Told told;
    const int64_t times[] = {7'000, 20'000, 26'000, 90'000};
    for (const int64_t t : times) told.knob(t, KnobId::kMaxNumSeqs, 8, 9);
    told.until(100'000);
    const auto groups = group_changes(told.store.knob_changes());
    ASSERT_EQ(groups.size(), std::size(times));
    for (size_t i = 0; i < groups.size(); ++i) {
        const auto [before, after] = group_ranges(groups, i, told.store.now_ns(), 30'000 * kMs);
        const int64_t length = after.end_ns - after.begin_ns;
        EXPECT_EQ(before.end_ns, times[i] * kMs);
        EXPECT_EQ(after.begin_ns, times[i] * kMs);
        EXPECT_EQ(before.end_ns - before.begin_ns, length);
        int64_t longest = std::min({30'000 * kMs, times[i] * kMs, told.store.now_ns() - times[i] * kMs});
        for (const int64_t other : times)
            if (other != times[i]) longest = std::min(longest, std::abs(other - times[i]) * kMs);
        EXPECT_EQ(length, longest) << i;
    }
}

TEST(ChangeGroups, APresetIsJudgedAsAWhole) {
    Told told;
    told.knob(30'000, KnobId::kMaxNumSeqs, 8, 9, {.origin = KnobOrigin::kPreset});
    told.knob(30'001, KnobId::kNumKvBlocks, 2048, 1024, {.origin = KnobOrigin::kPreset});
    const auto groups = group_changes(told.store.knob_changes());
    const auto ranges = group_ranges(groups, 0, 50'000 * kMs, 30'000 * kMs);
    EXPECT_EQ(ranges.after.end_ns - ranges.after.begin_ns, 20'000 * kMs);
}

TEST(ChangeGroups, MarksAreOneAGroupAndAsWideAsItTook) {
    Told told;
    for (int i = 0; i < 20; ++i) told.knob(1000 + 50 * i, KnobId::kMaxNumSeqs, i + 1, i + 2);
    told.knob(5000, KnobId::kNumKvBlocks, 2048, 1024, {.pause_ns = 300 * kMs});
    const auto groups = group_changes(told.store.knob_changes());
    const auto marks = group_marks(groups, {0, 10'000 * kMs});
    ASSERT_EQ(marks.size(), 2u);
    EXPECT_DOUBLE_EQ(marks[0].key, 1.0);
    EXPECT_DOUBLE_EQ(marks[0].duration, 0.95);
    EXPECT_DOUBLE_EQ(marks[1].duration, 0.3);
    EXPECT_TRUE(group_marks(groups, {6'000 * kMs, 10'000 * kMs}).empty());
}

}  // namespace
}  // namespace pitwall::panels
