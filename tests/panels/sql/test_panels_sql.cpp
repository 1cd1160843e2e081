// SPDX-License-Identifier: GPL-3.0-or-later
//
// Every number that a panel shows in a scripted session equals the same number computed from the session file with
// SQL: at moments while it runs, at its end, and in its replay.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "app/core/session/session.h"
#include "telemetry/replay/session_reader.h"
#include "tests/panels/sql/panel_sheet.h"
#include "tests/panels/sql/scripted_session.h"
#include "tests/panels/sql/sql_sheet.h"
#include "tests/telemetry/session_helpers.h"

namespace pitwall::testing {
namespace {

using telemetry::Store;

/// The session, played once for all tests of this program: the file, and what the panels showed of it live.
struct Played {
    Played() {
        ScriptedSession session(path, [this](const Store& store, uint64_t last_seq) {
            live.push_back(panel_sheet(store, last_seq));
        });
        session.play();
    }
    telemetry::testing::TemporaryFolder folder;
    std::string path = folder.path("session.db");
    std::vector<Shown> live;
};

const Played& played() {
    static const Played session;
    return session;
}

/// All that is in one of them must be in the other. The first differences are told, with how many there are.
void expect_same(const Sheet& expected, const Sheet& got, const std::string& what) {
    size_t differences = 0;
    const auto differs = [&](const std::string& key, const std::string& a, const std::string& b) {
        if (++differences <= 12)
            ADD_FAILURE() << what << ", " << key << "\n  expected: " << a << "\n  shown:    " << b;
    };
    for (const auto& [key, value] : expected) {
        const auto found = got.find(key);
        if (found == got.end())
            differs(key, value, "(nothing)");
        else if (found->second != value)
            differs(key, value, found->second);
    }
    for (const auto& [key, value] : got)
        if (!expected.contains(key)) differs(key, "(nothing)", value);
    EXPECT_EQ(differences, 0u) << what << ": of " << expected.size() << " numbers";
}

void apply_until(Store& store, telemetry::SessionReader& reader, uint64_t& seq, uint64_t last_seq) {
    while (seq < last_seq) {
        const auto events = reader.next(1);
        ASSERT_FALSE(events.empty());
        seq = events.front().seq;
        store.apply(events);
    }
}

void expect_a_full_script(SessionSql& sql) {
    const std::pair<const char*, int> wanted[] = {
        {"r", 200},
        {"r WHERE finished", 100},
        {"r WHERE reason = 3", 3},
        {"r WHERE reason = 4", 3},
        {"r WHERE reason = 5", 3},
        {"r WHERE preemptions > 0", 3},
        {"r WHERE cached > 0", 50},
        {"r WHERE paused_before_ns > 0", 1},
        {"s WHERE recompute_tokens > 0", 3},
        {"s WHERE prefill_tokens > 0 AND decode_tokens > 0", 100},
        {"eviction", 100},
        {"seen_knob WHERE origin <> 0", 14},
        {"main.speculation WHERE method = 2 AND accepted > 0", 10},
        {"main.speculation WHERE method = 3 AND accepted < drafted AND draft_ns > 0", 10},
        {"main.device WHERE draft_bytes > 0", 1},
        {"main.keyframe WHERE part = 0", 4},
    };
    for (const auto& [what, least] : wanted)
        EXPECT_GE(sql.integer(std::string("SELECT count(*) FROM ") + what), least) << what;
}

/// What FORMAT.md offers to everyone: the views say what the tables say.
void expect_sound_views(SessionSql& sql) {
    EXPECT_EQ(sql.integer(
                  "SELECT count(*) FROM main.v_request v JOIN r USING (request_id) WHERE "
                  "(v.ttft_ns, v.e2e_ns, v.prompt_tokens, v.cached_tokens, v.output_tokens, v.scheduled_ns, "
                  "v.preemptions) IS NOT (r.ttft_ns, r.e2e_ns, r.prompt, r.cached, r.output, r.scheduled_ns, "
                  "r.preemptions) OR v.tpot_ns IS NOT r.tpot_ns"),
              0);
    EXPECT_EQ(sql.integer("SELECT count(*) FROM main.v_request"), sql.integer("SELECT count(*) FROM r"));
    EXPECT_EQ(sql.integer("SELECT count(*) FROM main.v_step"), sql.integer("SELECT count(*) FROM s"));
}

/// The store as it was after each look, read from the file.
void expect_same_read_back(const Played& session) {
    auto reader = telemetry::SessionReader::open(session.path);
    ASSERT_TRUE(reader.ok()) << reader.error().text();
    Store store;
    uint64_t seq = 0;
    for (const Shown& shown : session.live) {
        apply_until(store, *reader.value(), seq, shown.last_seq);
        expect_same(shown.sheet, panel_sheet(store, seq).sheet, "after event " + std::to_string(seq));
    }
}

void expect_same_played_back(const Played& session_of_file) {
    auto opened = app::open_replay_session(session_of_file.path);
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    app::Session& session = *opened.value();
    const auto reader = session.add_reader(telemetry::Overflow::kDrop, 1 << 16);
    Store store;
    uint64_t events = 0;
    session.start();
    session.replay()->play(1000);
    std::vector<telemetry::Event> batch;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
        const bool over = session.now_ns() >= session.replay()->end_ns();
        while (reader->drain(batch, 1 << 14) > 0) {
            store.apply(batch);
            events += batch.size();
            batch.clear();
        }
        if (over) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    session.stop();
    EXPECT_GT(events, 10'000u);
    expect_same(session_of_file.live.back().sheet,
                panel_sheet(store, session_of_file.live.back().last_seq).sheet, "replayed");
}

}  // namespace

TEST(PanelsAndSql, WhatThePanelsShowLiveIsInTheFile) {
    SessionSql whole(played().path, UINT64_MAX >> 1);
    expect_a_full_script(whole);
    expect_sound_views(whole);
    ASSERT_EQ(played().live.size(), 6u);
    for (const Shown& shown : played().live)
        expect_same(sql_sheet(played().path, shown.frame, shown.last_seq), shown.sheet,
                    "after event " + std::to_string(shown.last_seq));
}

TEST(PanelsAndSql, OfTheFileThePanelsShowTheSame) {
    expect_same_read_back(played());
    expect_same_played_back(played());
}

}  // namespace pitwall::testing
