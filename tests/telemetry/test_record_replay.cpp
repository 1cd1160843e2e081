// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "telemetry/bus/bus.h"
#include "telemetry/bus/producer.h"
#include "telemetry/names.h"
#include "telemetry/record/recorder.h"
#include "telemetry/replay/session_reader.h"
#include "telemetry/store/store.h"
#include "tests/telemetry/event_storm.h"
#include "tests/telemetry/session_helpers.h"
#include "tests/telemetry/slow_reference.h"

namespace pitwall::telemetry {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<Event> storm(uint64_t seed, size_t steps = 120) {
    StormOptions options;
    options.seed = seed;
    return storm_session(options, steps);
}

TEST(RecordReplay, GivesEveryEventBackByteForByte) {
    for (uint64_t seed = 1; seed <= 8; ++seed) {
        const auto events = storm(seed);
        TemporaryFolder folder;
        RecorderOptions options;
        options.batch_events = seed % 2 == 0 ? 37 : 16384;  // batches that cut texts and keyframes
        ASSERT_TRUE(record(events, folder.path("s.db"), options).ok());
        const auto again = read_session(folder.path("s.db"), 1 + seed * 61);
        ASSERT_TRUE(again.ok()) << again.error().text();
        EXPECT_EQ(difference(events, again.value()), "") << "seed " << seed;
    }
}

TEST(RecordReplay, LeavesOneFileAlone) {
    TemporaryFolder folder;
    ASSERT_TRUE(record(storm(3), folder.path("s.db")).ok());
    EXPECT_THAT(folder.names(), ElementsAre("s.db"));
}

}  // namespace
}  // namespace pitwall::telemetry
