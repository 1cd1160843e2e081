// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "telemetry/bus/bus.h"
#include "telemetry/bus/producer.h"
#include "telemetry/record/recorder.h"
#include "telemetry/record/schema.h"
#include "telemetry/record/session_file.h"
#include "telemetry/replay/session_reader.h"
#include "telemetry/summary/session_summary.h"
#include "tests/telemetry/event_storm.h"
#include "tests/telemetry/session_helpers.h"

namespace pitwall::telemetry {
namespace {

using namespace testing;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<Event> storm(uint64_t seed, size_t steps) {
    StormOptions options;
    options.seed = seed;
    return storm_session(options, steps);
}

/// Records a storm in a child process until it is killed.
void record_until_killed(const std::string& path, int milliseconds) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        Bus bus;
        const auto producer = bus.add_producer();
        const auto reader = bus.add_reader(Overflow::kWait, 4096);
        Recorder recorder(reader);
        if (!recorder.start(path).ok()) _exit(1);
        EventStorm engine({}, [&](Event& event) { producer->publish(event); });
        engine.start();
        for (;;) {
            producer->wait_for_room(1000);
            engine.step();
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    const Status taken = check_session_path(path, true);
    EXPECT_THAT(taken.ok() ? "" : taken.error().what, HasSubstr("open in another program"));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";
}

TEST(Killed, ASessionReplaysUpToItsLastBatch) {
    TemporaryFolder folder;
    const std::string path = folder.path("s.db");
    record_until_killed(path, 1500);
    EXPECT_THAT(folder.names(), ::testing::Contains("s.db-wal")) << "its log lies beside it";
    EXPECT_TRUE(check_session_path(path, true).ok()) << "nobody has it open any more";
    const auto read = read_session(path);
    ASSERT_TRUE(read.ok()) << read.error().text();
    ASSERT_GT(read.value().size(), 1000u);
    std::vector<Event> expected;
    EventStorm again({}, [&](Event& event) {
        event.seq = expected.size() + 1;
        expected.push_back(event);
    });
    again.start();
    while (expected.size() < read.value().size()) again.step();
    expected.resize(read.value().size());
    EXPECT_EQ(difference(expected, read.value()), "") << "what is there is whole and in order";

    auto reader = SessionReader::open(path);
    EXPECT_FALSE(reader.value()->complete());
    SQLite::Database database(path, SQLite::OPEN_READWRITE);
    EXPECT_EQ(one(database, "PRAGMA integrity_check").getString(), "ok");
    expect_sound_views(database);
    SessionSummary summary;
    summary.apply(read.value());
    EXPECT_EQ(one(database, "SELECT count(*) FROM v_request").getInt64(),
              static_cast<int64_t>(summary.figures().requests));
    EXPECT_EQ(one(database, "SELECT sum(output_tokens) FROM v_request").getInt64(),
              static_cast<int64_t>(summary.figures().output_tokens))
        << "also of requests that have not ended";
}

TEST(Killed, AFileCopiedWithoutItsLogIsReadAsFarAsItGoes) {
    TemporaryFolder folder;
    record_until_killed(folder.path("s.db"), 600);
    std::filesystem::create_directory(folder.path("elsewhere"));
    const std::string copy = folder.path("elsewhere/s.db");
    std::filesystem::copy_file(folder.path("s.db"), copy);
    // Either what the last checkpoint left, or nothing, or half of a checkpoint: told in a sentence.
    const auto read = read_session(copy);
    if (!read.ok()) {
        EXPECT_THAT(read.error().what, AnyOf(HasSubstr("no events"), HasSubstr("is damaged")));
    }
    EXPECT_FALSE(std::filesystem::exists(copy + "-wal"));
    EXPECT_FALSE(std::filesystem::exists(copy + "-shm"));
}

TEST(FullDisk, EndsTheRecordingWithAMarkAndHoldsNobodyUp) {
    TemporaryFolder folder;
    const std::string path = folder.path("s.db");
    Bus bus;
    const auto producer = bus.add_producer();
    const auto reader = bus.add_reader(Overflow::kWait, 1024);
    RecorderOptions options;
    options.most_pages = 100;
    options.batch_events = 256;
    Recorder recorder(reader, options);
    ASSERT_TRUE(recorder.start(path).ok());
    const auto events = storm(3, 3000);
    for (Event event : events) {
        producer->wait_for_room(1);
        producer->publish(event);
    }
    const Status status = recorder.stop();
    ASSERT_FALSE(status.ok());
    EXPECT_FALSE(recorder.recording());
    ASSERT_TRUE(recorder.failure().has_value());
    EXPECT_THAT(recorder.failure()->what, HasSubstr(path));
    EXPECT_THAT(recorder.failure()->text(), HasSubstr("free some space"));

    const auto read = read_session(path);
    ASSERT_TRUE(read.ok()) << read.error().text();
    ASSERT_GT(read.value().size(), 500u);
    const Event& last = read.value().back();
    EXPECT_EQ(last.mark.mark, MarkKind::kRecordingEnded);
    EXPECT_EQ(last.mark.value, ENOSPC);
    const size_t kept = read.value().size() - 1;
    EXPECT_EQ(difference(std::span(events).first(kept), std::span(read.value()).first(kept)), "");
    EXPECT_THAT(folder.names(), ElementsAre("s.db"));
    SQLite::Database database(path);
    EXPECT_EQ(one(database, "SELECT value FROM v_session WHERE key = 'recording_end'").getString(),
              kEndByDisk);
    expect_sound_views(database);
}

TEST(SizeLimit, EndsTheRecordingWithAMarkAfterAWholeBatch) {
    TemporaryFolder folder;
    const std::string path = folder.path("s.db");
    RecorderOptions options;
    options.most_bytes = 400 << 10;
    options.batch_events = 256;
    const auto events = storm(3, 3000);
    EXPECT_FALSE(record(events, path, options).ok()) << "it is told, as a full disk is";
    const auto read = read_session(path);
    ASSERT_TRUE(read.ok()) << read.error().text();
    const size_t kept = read.value().size() - 1;
    ASSERT_GT(kept, 500u);
    ASSERT_LT(kept, events.size());
    EXPECT_EQ(difference(std::span(events).first(kept), std::span(read.value()).first(kept)), "");
    EXPECT_EQ(read.value().back().mark.mark, MarkKind::kRecordingEnded);
    EXPECT_EQ(read.value().back().mark.value, EFBIG);
    EXPECT_GE(std::filesystem::file_size(path), options.most_bytes);
    EXPECT_LT(std::filesystem::file_size(path), options.most_bytes + (100 << 10)) << "by a batch at most";
    EXPECT_THAT(folder.names(), ElementsAre("s.db"));
    SQLite::Database database(path);
    EXPECT_EQ(one(database, "SELECT value FROM v_session WHERE key = 'recording_end'").getString(),
              kEndByLimit);
    expect_sound_views(database);
}

/// A real limit of the system, as a full disk or a quota is: no file may grow beyond it.
TEST(FullDisk, ALimitOfTheSystemEndsItAsWell) {
    TemporaryFolder folder;
    const std::string path = folder.path("s.db");
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{600 << 10, 600 << 10};
        setrlimit(RLIMIT_FSIZE, &limit);
        RecorderOptions small_batches;
        small_batches.batch_events = 256;
        _exit(record(storm(3, 3000), path, small_batches).ok() ? 1 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
        << "the engine went on, and the recorder told why it ended";
    const auto read = read_session(path);
    ASSERT_TRUE(read.ok()) << read.error().text();
    EXPECT_GT(read.value().size(), 500u);
}

}  // namespace
}  // namespace pitwall::telemetry
