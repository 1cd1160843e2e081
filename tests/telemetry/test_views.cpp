// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <thread>

#include "telemetry/bus/bus.h"
#include "telemetry/bus/producer.h"
#include "telemetry/names.h"
#include "telemetry/record/session_query.h"
#include "telemetry/store/store.h"
#include "tests/storm.h"
#include "tests/telemetry/event_storm.h"
#include "tests/telemetry/recorded_ranges.h"
#include "tests/telemetry/session_helpers.h"
#include "tests/telemetry/slow_reference.h"

namespace pitwall::telemetry {
namespace {

using namespace testing;

struct Recorded {
    explicit Recorded(uint64_t seed) : events(make(seed)), slow(slow_session(events)) {
        EXPECT_TRUE(record(events, folder.path("s.db")).ok());
        database = std::make_unique<SQLite::Database>(folder.path("s.db"));
    }
    static std::vector<Event> make(uint64_t seed) {
        StormOptions options;
        options.seed = seed;
        return storm_session(options, 250);
    }
    TemporaryFolder folder;
    std::vector<Event> events;
    SlowSession slow;
    std::unique_ptr<SQLite::Database> database;
};

int64_t or_none(const SQLite::Column& column) { return column.isNull() ? -1 : column.getInt64(); }

TEST(Views, HaveTheColumnsThatScriptsCountOn) {
    const Recorded r(1);
    const std::pair<const char*, const char*> views[] = {
        {"v_request",
         "request_id, class, arrival_ns, admitted_ns, first_token_ns, end_ns, prompt_tokens, cached_tokens, "
         "output_tokens, ttft_ns, tpot_ns, e2e_ns, finish_reason"},
        {"v_cause", "request_id, cause, start_ns, duration_ns"},
        {"v_step",
         "step_id, start_ns, duration_ns, prefill_tokens, recompute_tokens, decode_tokens, draft_tokens, "
         "cached_tokens, blocks_held, blocks_cached, blocks_free"},
        {"v_step_member", "step_id, request_id, kind, tokens"},
        {"v_speculation", "step_id, request_id, method, drafted, accepted"},
        {"v_acceptance", "method, position, drafted, accepted, rate"},
        {"v_knob", "t_ns, name, old_value, new_value"},
        {"v_session", "key, value"}};
    for (const auto& [view, columns] : views)
        EXPECT_NO_THROW(r.database->execAndGet(std::string("SELECT count(*) FROM (SELECT ") + columns +
                                               " FROM " + view + ")"));
}

TEST(Views, AreSound) {
    for (const uint32_t seed : StormSeeds(4)) {
        const Recorded r(seed);
        expect_sound_views(*r.database);
    }
}

TEST(Views, RequestsEqualASlowReference) {
    const Recorded r(2);
    SQLite::Statement rows(
        *r.database,
        "SELECT request_id, class, arrival_ns, admitted_ns, first_token_ns, end_ns, "
        "prompt_tokens, cached_tokens, output_tokens, tpot_ns, finish_reason, "
        "scheduled_ns, last_token_ns, preemptions, error FROM v_request ORDER BY request_id");
    size_t count = 0;
    for (; rows.executeStep(); ++count) {
        const SlowRequest& slow = r.slow.requests.at(rows.getColumn(0).getUInt());
        EXPECT_EQ(rows.getColumn(1).getString(), slow.request_class == 0 ? "chat" : "document");
        EXPECT_EQ(or_none(rows.getColumn(2)), slow.arrival_ns);
        EXPECT_EQ(or_none(rows.getColumn(3)), slow.admitted_ns);
        EXPECT_EQ(or_none(rows.getColumn(4)), slow.first_token_ns);
        EXPECT_EQ(or_none(rows.getColumn(5)), slow.end_ns);
        EXPECT_EQ(rows.getColumn(6).getUInt(), slow.prompt_tokens);
        EXPECT_EQ(rows.getColumn(7).getUInt(), slow.cached_tokens);
        EXPECT_EQ(rows.getColumn(8).getUInt(), slow.output_tokens);
        if (slow.output_tokens < 2) {
            EXPECT_TRUE(rows.getColumn(9).isNull());
        } else {
            EXPECT_DOUBLE_EQ(rows.getColumn(9).getDouble(),
                             static_cast<double>(slow.tokens.back().second - slow.tokens.front().second) /
                                 (slow.output_tokens - 1));
        }
        EXPECT_EQ(rows.getColumn(10).getString(), name(slow.reason));
        EXPECT_EQ(or_none(rows.getColumn(11)), slow.scheduled_ns);
        EXPECT_EQ(or_none(rows.getColumn(12)), slow.tokens.empty() ? -1 : slow.tokens.back().second);
        EXPECT_EQ(rows.getColumn(13).getUInt(), slow.preemptions);
        const bool has_error =
            slow.reason == FinishReason::kRejected || slow.reason == FinishReason::kTimeout;
        EXPECT_EQ(rows.getColumn(14).isNull(), !has_error);
    }
    EXPECT_EQ(count, r.slow.requests.size());
}

TEST(Views, KnobsAreSpelledAsTheCommandLineSpellsThem) {
    const Recorded r(3);
    std::map<std::string, std::string> start;
    SQLite::Statement rows(*r.database, "SELECT name, old_value, new_value FROM v_knob");
    std::map<std::string, std::string> now;
    while (rows.executeStep()) {
        const std::string knob = rows.getColumn(0).getString(), value = rows.getColumn(2).getString();
        if (rows.getColumn(1).isNull()) {
            EXPECT_TRUE(start.emplace(knob, value).second) << "one row a knob at the start";
        } else {
            EXPECT_EQ(rows.getColumn(1).getString(), now[knob]);
            EXPECT_NE(value, now[knob]) << "one row a change";
        }
        now[knob] = value;
    }
    EXPECT_EQ(start, (std::map<std::string, std::string>{{"max_num_seqs", "6"},
                                                         {"enable_prefix_caching", "true"},
                                                         {"scheduling_policy", "fcfs"},
                                                         {"ttft_slo_ms", "120.5"},
                                                         {"tpot_slo_ms", "12"}}));
    EXPECT_TRUE(now["scheduling_policy"] == "fcfs" || now["scheduling_policy"] == "priority");
}

TEST(Views, AcceptanceByPositionEqualsASlowCount) {
    std::mt19937 random(5);
    std::vector<Event> events;
    uint64_t drafted[9] = {}, accepted[9] = {}, reached[9] = {};
    for (uint64_t seq = 1; seq <= 400; ++seq) {
        Event& e = events.emplace_back();
        e.seq = seq, e.t_ns = static_cast<int64_t>(seq), e.kind = EventKind::kDraft;
        e.draft = {};
        e.draft.method = random() % 4 ? DraftMethod::kNgram : DraftMethod::kSuffix;
        e.draft.drafted = 1 + random() % 8;
        e.draft.accepted = random() % (e.draft.drafted + 1);
        if (e.draft.method != DraftMethod::kNgram) continue;
        for (uint32_t at = 1; at <= e.draft.drafted; ++at) {
            ++drafted[at];
            accepted[at] += e.draft.accepted >= at;
            reached[at] += e.draft.accepted + 1 >= at;
        }
    }
    TemporaryFolder folder;
    ASSERT_TRUE(record(events, folder.path("s.db")).ok());
    SQLite::Database database(folder.path("s.db"));
    SQLite::Statement rows(
        database,
        "SELECT position, drafted, accepted, rate, rate_after_the_one_before FROM v_acceptance "
        "WHERE method = 'ngram' ORDER BY position");
    int at = 0;
    while (rows.executeStep()) {
        ASSERT_EQ(rows.getColumn(0).getInt(), ++at);
        const auto of = [&](const uint64_t* counts) { return static_cast<double>(counts[at]); };
        EXPECT_EQ(rows.getColumn(1).getDouble(), of(drafted));
        EXPECT_EQ(rows.getColumn(2).getDouble(), of(accepted));
        EXPECT_DOUBLE_EQ(rows.getColumn(3).getDouble(), of(accepted) / of(drafted));
        EXPECT_DOUBLE_EQ(rows.getColumn(4).getDouble(), of(accepted) / of(reached));
    }
    EXPECT_EQ(at, 8);
}

TEST(Views, SessionHoldsFactsAndTheRecordingsOwn) {
    const Recorded r(4);
    EXPECT_EQ(one(*r.database, "SELECT value FROM v_session WHERE key = 'model'").getString(), "storm");
    EXPECT_EQ(one(*r.database, "SELECT value FROM v_session WHERE key = 'note'").getString(),
              std::string(200, 'x') + "=with an equals sign");
    EXPECT_EQ(one(*r.database, "SELECT value FROM v_session WHERE key = 'recording_format'").getInt(), 4);
    EXPECT_EQ(one(*r.database, "SELECT value FROM v_session WHERE key = 'recording_end'").getString(),
              "session end");
    EXPECT_EQ(one(*r.database, "PRAGMA user_version").getInt(), 4);
}

TEST(Views, CanBeReadWhileTheyAreWritten) {
    TemporaryFolder folder;
    const std::string path = folder.path("s.db");
    Bus bus;
    const auto producer = bus.add_producer();
    const auto reader = bus.add_reader(Overflow::kWait, 1 << 14);
    Recorder recorder(reader);
    ASSERT_TRUE(recorder.start(path).ok());
    std::vector<Event> events;
    EventStorm engine({}, [&](Event& event) {
        producer->publish(event);
        events.push_back(event);
    });
    engine.start();
    {
        SQLite::Database database(path);
        int64_t last = 0;
        for (int round = 0; round < 5; ++round) {
            for (int i = 0; i < 60; ++i) engine.step();
            const uint64_t wanted = bus.last_seq();
            while (recorder.events_written() < wanted)
                std::this_thread::sleep_for(std::chrono::milliseconds(2));
            const int64_t steps = one(database, "SELECT count(*) FROM v_step").getInt64();
            EXPECT_GT(steps, last);
            last = steps;
            expect_sound_views(database);
        }
        Store store;
        store.apply(events);
        const auto query = SessionQuery::open_own(path);
        ASSERT_TRUE(query.ok()) << query.error().text();
        size_t recalled = 0;
        for (const auto& [id, row] : store.requests())
            recalled += row.ended() && row.output_tokens > 0 && recall_request(query, row).has_value();
        EXPECT_GT(recalled, 0u);
    }
    engine.end();
    ASSERT_TRUE(recorder.stop().ok());
    EXPECT_THAT(folder.names(), ::testing::ElementsAre("s.db"));
}

// What a panel shows of a range is what the file says of it, to the last bit.
TEST(Views, RangesEqualTheStores) {
    for (const uint32_t seed : StormSeeds(4)) {
        const Recorded r(seed);
        Store store;
        store.apply(r.events);
        std::mt19937_64 random(seed);
        for (int round = 0; round < 12; ++round) {
            const auto at = [&] {
                return static_cast<int64_t>(random() % static_cast<uint64_t>(r.slow.last_ns + 2));
            };
            TimeRange range{at(), at()};
            if (range.begin_ns > range.end_ns) std::swap(range.begin_ns, range.end_ns);
            if (round == 0) range = {0, r.slow.last_ns + 1};
            const RangeStats a = range_stats(store, range);
            const RangeStats b = recorded_range_stats(*r.database, range, slo_of(store));
            const auto same = [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); };
            EXPECT_TRUE(same(a.ttft_ns.p99, b.ttft_ns.p99) && same(a.tpot_ns.p95, b.tpot_ns.p95) &&
                        same(a.e2e_ns.p50, b.e2e_ns.p50));
            EXPECT_EQ(a.ttft_ns.n, b.ttft_ns.n);
            EXPECT_EQ(a.output_tokens, b.output_tokens);
            EXPECT_EQ(a.finished, b.finished);
            EXPECT_EQ(a.good, b.good);
            EXPECT_EQ(a.arrived, b.arrived);
            EXPECT_EQ(a.evicted_blocks, b.evicted_blocks);
            EXPECT_EQ(a.steps.steps, b.steps.steps);
            EXPECT_TRUE(same(a.hit_rate(), b.hit_rate()));
            EXPECT_TRUE(same(a.steps.mean(a.steps.occupancy), b.steps.mean(b.steps.occupancy)));
            EXPECT_TRUE(same(a.steps.mean_slot_fill(), b.steps.mean_slot_fill()));
        }
    }
}

TEST(SessionQuery, FindsAPromptOnceThoughItWasToldTwice) {
    StormOptions options;
    options.seed = 3;
    std::vector<Event> events = storm_session(options, 300);
    std::vector<Event> again;
    for (const Event& event : events)
        if (event.kind == EventKind::kDictionary && event.dictionary.dictionary == DictionaryKind::kPrompt)
            again.push_back(event);
    ASSERT_GT(again.size(), 10u);
    events.insert(events.end(), again.begin(), again.end());
    const TemporaryFolder folder;
    ASSERT_TRUE(record(events, folder.path("s.db")).ok());
    Store store;
    store.apply(events);
    const auto query = SessionQuery::open(folder.path("s.db"));
    ASSERT_TRUE(query.ok()) << query.error().text();
    for (const auto& [id, row] : store.requests()) {
        const auto found = recall_request(query, row);
        if (!found) continue;
        EXPECT_EQ(found->prompt, store.text(DictionaryKind::kPrompt, raw(id)));
    }
}

TEST(SessionQuery, FindsWhatAStoreHasFolded) {
    StormOptions options;
    options.seed = 7;
    const std::vector<Event> events = storm_session(options, 4000);
    ASSERT_GT(events.size(), 100'000u) << "so many that a request is searched, not just met";
    const TemporaryFolder folder;
    ASSERT_TRUE(record(events, folder.path("s.db")).ok());
    Store store;
    store.apply(events);
    auto query = SessionQuery::open(folder.path("s.db"));
    ASSERT_TRUE(query.ok()) << query.error().text();
    size_t seen = 0, some_tokens = 0;
    for (const auto& [id, row] : store.requests()) {
        if (!row.ended() || ++seen % 10 != 0) continue;
        const auto found = query.value()->request(row);
        ASSERT_TRUE(found.ok()) << found.error().text();
        EXPECT_EQ(found.value().prompt, store.text(DictionaryKind::kPrompt, raw(id)));
        ASSERT_EQ(found.value().tokens.size(), row.tokens.size()) << raw(id);
        for (size_t i = 0; i < row.tokens.size(); ++i) {
            EXPECT_EQ(found.value().tokens[i].id, row.tokens[i].id);
            EXPECT_EQ(found.value().tokens[i].t_ns, row.tokens[i].t_ns);
        }
        some_tokens += row.tokens.size();
    }
    EXPECT_GT(some_tokens, 500u);
}

}  // namespace
}  // namespace pitwall::telemetry
