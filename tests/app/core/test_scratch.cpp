// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a live session keeps of itself unasked, what becomes of that, and saving it.
#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "app/core/session/scratch_recording.h"
#include "telemetry/bus/producer.h"
#include "telemetry/record/session_copy.h"
#include "telemetry/summary/session_summary.h"
#include "tests/app/core/program.h"
#include "tests/app/core/watched.h"
#include "tests/telemetry/session_helpers.h"

using namespace pitwall;
using namespace pitwall::app;
using telemetry::Event;
using telemetry::MarkKind;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing_program::temporary;
namespace fs = std::filesystem;

namespace {

/// All but the lock of the folder itself.
std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder))
        if (entry.path().filename() != ".lock") names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

std::string fresh_folder(const std::string& name) {
    const std::string folder = temporary(name);
    fs::remove_all(folder);
    return folder;
}

SessionOptions kept_in(const std::string& folder, std::initializer_list<std::string_view> settings = {}) {
    SessionOptions options = simulated(settings);
    options.paced = true;
    options.scratch_folder = folder;
    return options;
}

/// A recorded session of a few seconds of virtual time.
std::string recorded(const std::string& name) {
    return recorded_at(temporary(name), 3, {"workload=chat", "request_rate=20"});
}

std::vector<Event> events_of(const std::string& path) {
    auto read = telemetry::testing::read_session(path);
    EXPECT_TRUE(read.ok()) << read.error().text();
    return read.ok() ? std::move(read).value() : std::vector<Event>();
}

std::string figures_of(std::span<const Event> events) {
    telemetry::SessionSummary summary;
    summary.apply(events);
    return telemetry::testing::as_text(summary.figures());
}

std::string fact(const std::string& path, const std::string& key) {
    SQLite::Database db(path);
    SQLite::Statement query(db, "SELECT value FROM v_session WHERE key = ?");
    query.bind(1, key);
    return query.executeStep() ? query.getColumn(0).getString() : "";
}

/// Another process that has a scratch file with a session in it.
class Neighbour {
  public:
    Neighbour(const std::string& folder, const std::string& session) {
        std::array<int, 2> ready{};
        if (::pipe(ready.data()) != 0) return;
        child_ = ::fork();
        if (child_ == 0) {
            auto file = ScratchFolder(folder).claim();
            if (file.ok()) fs::copy_file(session, file.value()->path());
            if (::write(ready[1], "x", 1) == 1)
                for (;;) ::pause();
            ::_exit(1);
        }
        char got = 0;
        EXPECT_EQ(::read(ready[0], &got, 1), 1);
        ::close(ready[0]), ::close(ready[1]);
    }
    ~Neighbour() { kill(); }
    void kill() {
        if (child_ <= 0) return;
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
        child_ = -1;
    }

  private:
    pid_t child_ = -1;
};

}  // namespace

TEST(Scratch, IsThereWhileTheSessionRunsAndGoneAfter) {
    const std::string folder = fresh_folder("state/scratch");
    Watched watched(open(kept_in(folder, {"workload=chat", "request_rate=100"})));
    watched.session->start();
    ASSERT_TRUE(watched.until([](const telemetry::Store& s) { return s.requests().size() > 5; }));
    EXPECT_TRUE(watched.session->scratch().recording);
    EXPECT_FALSE(watched.session->recording()) << "nobody asked for one";
    EXPECT_THAT(names_in(folder), ::testing::Contains(::testing::EndsWith(".db")));
    EXPECT_EQ(fs::status(folder).permissions(), fs::perms::owner_all) << "prompts are nobody else's business";
    watched.session->stop();
    EXPECT_THAT(names_in(folder), IsEmpty());
    EXPECT_FALSE(watched.session->scratch().recording);
    EXPECT_FALSE(watched.session->save_so_far(temporary("late.db"), false).ok());
    EXPECT_FALSE(fs::exists(temporary("late.db")));
}

TEST(Scratch, IsLeftToTheUser) {
    const std::string folder = fresh_folder("unwanted");
    EXPECT_FALSE(open(kept_in(folder, {"scratch_recording=off"}))->scratch().recording);
    SessionOptions asked = kept_in(folder);
    asked.record_path = temporary("asked.db");
    EXPECT_FALSE(open(asked)->scratch().recording) << "it is recorded from its first event";
    EXPECT_FALSE(fs::exists(folder));
    const auto without = open(simulated());
    const auto saved = without->save_so_far(temporary("none.db"), false);
    ASSERT_FALSE(saved.ok());
    EXPECT_THAT(saved.error().text(), HasSubstr("R"));
}

TEST(Scratch, ASessionGoesOnWithoutWhereItCannotBeMade) {
    Watched watched(open(kept_in("/proc/nowhere/scratch", {"workload=chat", "request_rate=100"})));
    watched.session->start();
    ASSERT_TRUE(watched.until([](const telemetry::Store& s) { return s.requests().size() > 5; }));
    ASSERT_TRUE(watched.session->scratch().trouble.has_value());
    EXPECT_THAT(watched.session->scratch().trouble->text(), HasSubstr("/proc/nowhere/scratch"));
    watched.session->stop();
}

TEST(Scratch, ObeysRecordText) {
    Watched watched(
        open(kept_in(fresh_folder("mute"), {"workload=chat", "request_rate=100", "record_text=off"})));
    watched.session->start();
    ASSERT_TRUE(watched.until([](const telemetry::Store& s) { return s.requests().size() > 5; }));
    ASSERT_TRUE(watched.session->save_so_far(temporary("mute-copy.db"), false).ok());
    watched.session->stop();
    EXPECT_EQ(fact(temporary("mute-copy.db"), "recording_text"), "off");
    EXPECT_EQ(testing_program::slurp(temporary("mute-copy.db")).find("museum"), std::string::npos);
}

TEST(Scratch, SavedSoFarItIsTheSessionUpToThen) {
    Watched watched(open(kept_in(fresh_folder("so-far"), {"workload=chat", "request_rate=100"})));
    const std::string whole = temporary("whole.db"), copy = temporary("so-far.db");
    ASSERT_TRUE(watched.session->start_recording(whole).ok()) << "beside the scratch";
    watched.session->start();
    ASSERT_TRUE(watched.until([](const telemetry::Store& s) { return s.requests().size() > 30; }));
    const uint64_t then = watched.reader->last_published_seq();
    const auto saved = watched.session->save_so_far(copy, false);
    ASSERT_TRUE(saved.ok()) << saved.error().text();
    EXPECT_TRUE(watched.session->scratch().recording && watched.session->recording()) << "both go on";
    const size_t requests = watched.store.requests().size();
    ASSERT_TRUE(watched.until([&](const auto& s) { return s.requests().size() > requests + 10; }));
    watched.session->stop();

    const std::vector<Event> so_far = events_of(copy), all = events_of(whole);
    ASSERT_GT(so_far.size(), 100u);
    ASSERT_GT(all.size(), so_far.size());
    EXPECT_GE(so_far.back().seq, then);
    const auto until_then = std::span(all).first(so_far.size());
    EXPECT_EQ(telemetry::testing::difference(until_then, so_far), "");
    EXPECT_EQ(figures_of(until_then), figures_of(so_far));
    EXPECT_EQ(fact(copy, "recording_end"), "") << "as of a recording that was killed";
    EXPECT_EQ(testing_program::slurp(copy).substr(18, 2), "\x01\x01") << "no log is wanted beside it";
    EXPECT_EQ(saved.value().bytes, fs::file_size(copy));
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"replay", copy, "--headless", "--json"}, {"inspect", copy}}) {
        const auto ended = testing_program::run_pitwall(words);
        EXPECT_EQ(ended.code, 0) << ended.err;
    }
}

TEST(Scratch, StaysWhereSavingItFailed) {
    const std::string folder = fresh_folder("wanted");
    Watched watched(open(kept_in(folder, {"workload=chat", "request_rate=100"})));
    watched.session->start();
    ASSERT_TRUE(watched.until([](const telemetry::Store& s) { return s.requests().size() > 5; }));
    ASSERT_FALSE(watched.session->save_so_far("/proc/nowhere/saved.db", false).ok());
    watched.session->stop();
    const std::vector<LeftOver> left = ScratchFolder(folder).left_over();
    ASSERT_THAT(left, SizeIs(1)) << "it is offered at the next start";
    EXPECT_GT(events_of(left[0].path).size(), 100u);
}

TEST(Scratch, ShowsRequestsOfLongAgoAndStaysItsRecordersOwn) {
    const std::string folder = fresh_folder("recalled");
    Watched watched(open(kept_in(folder, {"workload=chat", "request_rate=100"})));
    watched.session->start();
    const telemetry::RequestRow* ended = nullptr;
    ASSERT_TRUE(watched.until([&](const telemetry::Store& s) {
        for (const auto& [id, row] : s.requests())
            if (row.ended() && row.output_tokens > 3) ended = &row;
        return ended != nullptr;
    }));
    watched.ask(watched.session->control().request_keyframe());  // tells prompts of live requests again
    std::optional<telemetry::RecordedRequest> recorded;
    ASSERT_TRUE(
        watched.until([&](const auto&) { return (recorded = watched.session->recall(*ended)).has_value(); }));
    EXPECT_EQ(recorded->prompt, watched.store.text(telemetry::DictionaryKind::kPrompt, raw(ended->id)));
    EXPECT_EQ(recorded->tokens.size(), ended->tokens.size());
    // Another program opens and closes the file: were SQLite's locks gone, it would think itself the last and take
    // the log away.
    const std::string file = folder + '/' + names_in(folder).front();
    ASSERT_TRUE(fs::exists(file + "-wal"));
    ASSERT_EQ(std::system(("sqlite3 '" + file + "' 'select count(*) from step' >/dev/null").c_str()), 0);
    EXPECT_TRUE(fs::exists(file + "-wal")) << "the recorder still writes to it";
    watched.session->stop();
}

TEST(Scratch, ARecordingThatRunsIsSavedWhereNothingElseIsKept) {
    SessionOptions options = simulated({"workload=chat", "request_rate=100"});
    options.paced = true, options.record_path = temporary("asked-for.db");
    Watched watched(open(options));
    watched.session->start();
    ASSERT_TRUE(watched.until([](const telemetry::Store& s) { return s.requests().size() > 10; }));
    const auto onto_itself = watched.session->save_so_far(options.record_path, true);
    ASSERT_FALSE(onto_itself.ok());
    EXPECT_THAT(onto_itself.error().text(), HasSubstr("being recorded"));
    ASSERT_TRUE(watched.session->save_so_far(temporary("of-asked.db"), false).ok());
    EXPECT_TRUE(watched.session->recording());
    ASSERT_TRUE(watched.session->end_recording().ok()) << "the copy has let go of it";
    watched.session->stop();
    EXPECT_GT(events_of(temporary("of-asked.db")).size(), 100u);
    EXPECT_FALSE(fs::exists(options.record_path + "-wal"));
}

TEST(Scratch, AtItsLimitItEndsWithAMarkAndTheEngineGoesOn) {
    SessionOptions options = kept_in(fresh_folder("small"), {"workload=chat", "request_rate=500"});
    options.scratch_most_bytes = 1 << 20;
    Watched watched(open(options));
    watched.session->start();
    ASSERT_TRUE(watched.until([&](const auto&) { return watched.session->scratch().full; }));
    EXPECT_FALSE(watched.session->scratch().trouble.has_value()) << "that is as it should be";
    const size_t steps = watched.store.steps().size();
    ASSERT_TRUE(watched.until([&](const auto& s) { return s.steps().size() > steps + 20; }));
    const std::string copy = temporary("first-part.db");
    const auto saved = watched.session->save_so_far(copy, false);
    ASSERT_TRUE(saved.ok()) << saved.error().text();
    const std::vector<Event> events = events_of(copy);
    ASSERT_GT(events.size(), 1000u);
    EXPECT_EQ(events.back().mark.mark, MarkKind::kRecordingEnded);
    EXPECT_EQ(events.back().mark.value, EFBIG);
    EXPECT_EQ(saved.value().held_ns, events.back().t_ns);
    EXPECT_EQ(fact(copy, "recording_end"), "size limit");
    EXPECT_LT(saved.value().bytes, 8u << 20);

    ASSERT_TRUE(watched.session->start_recording(temporary("from-here.db")).ok());
    ASSERT_TRUE(watched.session->save_so_far(temporary("again.db"), false).ok());
    watched.session->stop();
    EXPECT_EQ(events_of(temporary("again.db")).front().seq, events.front().seq)
        << "the beginning, which no other file has";
}

TEST(Scratch, NoProducerWaitsForIt) {
    telemetry::Bus bus;
    const auto producer = bus.add_producer();
    presets::KnobValues knobs;
    ASSERT_TRUE(knobs.set_from_text("record_overflow=wait").ok());
    auto begun = ScratchRecording::begin(bus, fresh_folder("stuck"), uint64_t{1} << 30, knobs);
    ASSERT_TRUE(begun.ok()) << begun.error().text();
    ScratchRecording& scratch = *begun.value();
    SQLite::Database other(scratch.path(), SQLite::OPEN_READWRITE);
    other.exec("BEGIN IMMEDIATE");  // its recorder cannot write
    Event event;
    event.kind = telemetry::EventKind::kMark;
    event.mark = {};
    event.mark.mark = MarkKind::kSingleStep;
    int64_t waited_ns = 0;
    for (int i = 0; i < 200'000; ++i) {
        waited_ns += producer->wait_for_room(1);
        producer->publish(event);
    }
    EXPECT_EQ(waited_ns, 0);
    other.exec("ROLLBACK");
    const auto until = std::chrono::steady_clock::now() + 20s;
    // The first event that finds room again shows the hole.
    while (scratch.recorder().events_left_out() == 0 && std::chrono::steady_clock::now() < until) {
        producer->publish(event);
        std::this_thread::sleep_for(1ms);
    }
    EXPECT_GT(scratch.recorder().events_left_out(), 0u);
    scratch.remove();
}

TEST(ScratchFolder, FindsWhatAKilledProcessLeftAndNothingElse) {
    const std::string folder = fresh_folder("left"), session = recorded("of-neighbour.db");
    const ScratchFolder scratch(folder);
    EXPECT_THAT(scratch.left_over(), IsEmpty()) << "there is no folder yet";
    Neighbour neighbour(folder, session);
    const auto own = scratch.claim();
    ASSERT_TRUE(own.ok()) << own.error().text();
    fs::copy_file(session, own.value()->path());
    const auto second = scratch.claim();
    ASSERT_TRUE(second.ok());
    EXPECT_NE(second.value()->path(), own.value()->path()) << "of one second, of one process";
    EXPECT_THAT(scratch.left_over(), IsEmpty()) << "all are alive";
    neighbour.kill();
    const auto left = scratch.left_over();
    ASSERT_THAT(left, SizeIs(1));
    EXPECT_FALSE(left[0].found_before);
    EXPECT_NEAR(double(left[0].begun_s), double(std::time(nullptr)), 600);
    EXPECT_TRUE(scratch.left_over().at(0).found_before) << "told once";
    auto replay = open_replay_session(left[0].path);
    ASSERT_TRUE(replay.ok()) << replay.error().text();
    EXPECT_TRUE(replay.value()->save_so_far(temporary("rescued.db"), false).ok());
    EXPECT_EQ(figures_of(events_of(temporary("rescued.db"))), figures_of(events_of(session)));
}

TEST(ScratchFolder, KeepsTheThreeNewestOfAWeek) {
    const std::string folder = fresh_folder("many");
    fs::create_directories(folder);
    const auto put = [&](const std::string& name, int days) {
        testing_program::write_file(folder + '/' + name, "x");
        testing_program::write_file(folder + '/' + name + ".lock", "");
        const std::array<timespec, 2> then{timespec{std::time(nullptr) - days * 86400, 0},
                                           timespec{std::time(nullptr) - days * 86400, 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, (folder + '/' + name).c_str(), then.data(), 0), 0);
    };
    put("20260101T000000Z-1.db", 8);
    for (const char* name :
         {"20260102T000000Z-9.db", "20260103T000000Z-8.db", "20260104T000000Z-7.db", "20260105T000000Z-6.db"})
        put(name, 1);
    testing_program::write_file(folder + "/notes.db", "of somebody else");
    const auto left = ScratchFolder(folder).left_over();
    ASSERT_THAT(left, SizeIs(3));
    EXPECT_THAT(left[0].path, HasSubstr("20260105"));
    EXPECT_EQ(left[0].begun_s, 1767571200);
    EXPECT_FALSE(fs::exists(folder + "/20260102T000000Z-9.db"));
    EXPECT_THAT(names_in(folder), SizeIs(7)) << "three with their locks, and what is none of ours";
    for (const LeftOver& one : left) put(fs::path(one.path).filename(), 8);
    EXPECT_THAT(ScratchFolder(folder).left_over(), IsEmpty());
    EXPECT_THAT(names_in(folder), SizeIs(1));
}

TEST(CopySession, ReplacesOnlyASessionAndOnlyWhereAsked) {
    const std::string from = recorded("from.db"), to = temporary("to.db"), notes = temporary("notes.txt");
    testing_program::write_file(notes, "mine");
    EXPECT_FALSE(telemetry::copy_session(from, notes, true).ok());
    EXPECT_EQ(testing_program::slurp(notes), "mine");
    EXPECT_FALSE(telemetry::copy_session(from, from, true).ok());
    ASSERT_TRUE(telemetry::copy_session(from, to, false).ok());
    EXPECT_FALSE(telemetry::copy_session(from, to, false).ok());
    testing_program::write_file(to + "-wal", "of a session that was killed");
    ASSERT_TRUE(telemetry::copy_session(from, to, true).ok());
    EXPECT_FALSE(fs::exists(to + "-wal")) << "SQLite would take it for the copy's own";
    EXPECT_EQ(telemetry::testing::difference(events_of(from), events_of(to)), "");
}

TEST(CopySession, AFullDiskLeavesNothingBehind) {
    const std::string from = recorded("large.db"), folder = fresh_folder("full-disk");
    fs::create_directories(folder);
    fs::copy_file(from, folder + "/before.db");
    struct rlimit before {};
    getrlimit(RLIMIT_FSIZE, &before);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    struct rlimit small = before;
    small.rlim_cur = 200 << 10;
    setrlimit(RLIMIT_FSIZE, &small);
    const Status fresh = telemetry::copy_session(from, folder + "/fresh.db", false);
    const Status onto = telemetry::copy_session(from, folder + "/before.db", true);
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    ASSERT_FALSE(fresh.ok() || onto.ok());
    EXPECT_THAT(fresh.error().text(), HasSubstr("free some space"));
    EXPECT_THAT(names_in(folder), ::testing::ElementsAre("before.db"));
    EXPECT_EQ(figures_of(events_of(folder + "/before.db")), figures_of(events_of(from))) << "untouched";
}
