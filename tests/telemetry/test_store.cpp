// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "telemetry/base/utf8.h"
#include "telemetry/store/store.h"
#include "tests/storm.h"
#include "tests/telemetry/event_storm.h"
#include "tests/telemetry/slow_reference.h"

namespace pitwall::telemetry {
namespace {

using namespace testing;

std::vector<Event> storm(uint64_t seed, size_t steps = 200) {
    StormOptions options;
    options.seed = seed;
    return storm_session(options, steps);
}

void apply_in_pieces(Store& store, std::span<const Event> events, uint64_t seed) {
    std::mt19937_64 random(seed);
    while (!events.empty()) {
        const size_t n = std::min<size_t>(1 + random() % 50, events.size());
        store.apply(events.first(n));
        events = events.subspan(n);
    }
}

void expect_request(const RequestRow& row, const SlowRequest& slow) {
    EXPECT_EQ(row.arrival_ns, slow.arrival_ns);
    EXPECT_EQ(row.admitted_ns, slow.admitted_ns);
    EXPECT_EQ(row.scheduled_ns, slow.scheduled_ns);
    EXPECT_EQ(row.first_token_ns, slow.first_token_ns);
    EXPECT_EQ(row.end_ns, slow.end_ns);
    EXPECT_EQ(row.finish_reason, slow.reason);
    EXPECT_EQ(row.prompt_tokens, slow.prompt_tokens);
    EXPECT_EQ(row.cached_tokens, slow.cached_tokens);
    EXPECT_EQ(row.output_tokens, slow.output_tokens);
    EXPECT_EQ(row.preemptions, slow.preemptions);
    EXPECT_EQ(row.cause_ns, slow.cause_ns);
    ASSERT_EQ(row.tokens.size(), slow.tokens.size());
    for (size_t i = 0; i < row.tokens.size(); ++i) {
        EXPECT_EQ(row.tokens[i].id, slow.tokens[i].first);
        EXPECT_EQ(row.tokens[i].t_ns, slow.tokens[i].second);
    }
}

TEST(StoreStorm, EqualsASlowModel) {
    for (const uint32_t seed : StormSeeds(10)) {
        const auto events = storm(seed);
        const SlowSession slow = slow_session(events);
        Store store;
        apply_in_pieces(store, events, seed);
        EXPECT_EQ(store.events_applied(), events.size());
        EXPECT_EQ(store.now_ns(), slow.last_ns);
        EXPECT_FALSE(store.incomplete());
        ASSERT_EQ(store.requests().size(), slow.requests.size());
        for (const auto& [id, row] : slow.requests) expect_request(*store.find_request(RequestId{id}), row);
        ASSERT_EQ(store.steps().size(), slow.steps.size());
        for (size_t i = 0; i < slow.steps.size(); ++i) {
            const StepRow& row = store.steps()[i];
            EXPECT_EQ(row.step.step_id, slow.steps[i].step.step_id);
            EXPECT_EQ(row.members.size(), slow.members.at(row.step.step_id).size());
            EXPECT_EQ(store.find_step(StepId{row.step.step_id}), &row);
        }
        ASSERT_EQ(store.blocks().size(), 64u);
        for (uint32_t i = 0; i < 64; ++i) {
            const auto found = slow.blocks.find(i);
            const SlowBlock expected = found == slow.blocks.end() ? SlowBlock{} : found->second;
            EXPECT_EQ(store.blocks()[i].state, expected.state) << "block " << i;
            EXPECT_EQ(store.blocks()[i].filled_tokens, expected.filled) << "block " << i;
        }
        uint64_t evicted = 0;
        for (const EvictionRow& row : store.evictions()) evicted += row.blocks;
        EXPECT_EQ(evicted, slow.evictions.size());
        const auto changes = std::count_if(slow.knobs.begin(), slow.knobs.end(), [](const Event& e) {
            return e.knob.origin != KnobOrigin::kStart;
        });
        EXPECT_EQ(store.knob_changes().size(), static_cast<size_t>(changes));
        EXPECT_EQ(store.session("note"), std::string(200, 'x') + "=with an equals sign");
        EXPECT_EQ(store.text(DictionaryKind::kRequestClass, 1), "document");
    }
}

TEST(Store, ABlockTableIsInOrderAndGoesWithItsRequest) {
    const auto events = storm(2, 120);
    Store store;
    std::map<uint32_t, std::map<uint32_t, uint32_t>> tables;  // request -> place -> block
    for (const Event& event : events) {
        store.apply({&event, 1});
        if (event.kind != EventKind::kBlock) continue;
        const BlockEvent& e = event.block;
        if (e.phase == BlockPhase::kAllocated) tables[raw(e.request)][e.table_index] = raw(e.block);
        if (e.phase == BlockPhase::kReleased) tables[raw(e.request)].erase(e.table_index);
        std::vector<BlockId> expected;
        for (const auto& [place, block] : tables[raw(e.request)]) expected.push_back(BlockId{block});
        if (e.request == kNoRequest) continue;
        ASSERT_EQ(store.block_table(e.request), expected);
    }
    for (const auto& [id, row] : store.requests()) EXPECT_TRUE(store.block_table(id).empty());
}

TEST(Store, OutputTextHoldsBackHalfACharacter) {
    const auto events = storm(6);
    Store store;
    store.apply(events);
    size_t held_back = 0;
    for (const auto& [id, row] : store.requests()) {
        std::string text;
        for (const auto& token : row.tokens)
            text += token.id % 7 == 0 ? "\xc3" : " w" + std::to_string(token.id);
        const bool half = !text.empty() && text.back() == '\xc3';
        held_back += half;
        if (half) text.pop_back();
        EXPECT_EQ(store.output_text(id), text);
    }
    EXPECT_GT(held_back, 0u);
}

TEST(Utf8, WholeCharactersOnly) {
    EXPECT_EQ(whole_utf8_bytes("abc"), 3u);
    EXPECT_EQ(whole_utf8_bytes("a\xc3"), 1u);
    EXPECT_EQ(whole_utf8_bytes("a\xc3\xa9"), 3u);
    EXPECT_EQ(whole_utf8_bytes("a\xe2\x82"), 1u);
    EXPECT_EQ(whole_utf8_bytes("a\xf0\x9f\x98"), 1u);
    EXPECT_EQ(whole_utf8_bytes("a\xf0\x9f\x98\x80"), 5u);
    EXPECT_EQ(whole_utf8_bytes("\x80\x80\x80\x80"), 4u) << "no beginning to wait for";
    EXPECT_EQ(whole_utf8_bytes(""), 0u);
}

// A panel that attached late, or lost events: the next keyframe makes it right.
TEST(Store, AKeyframeMendsWhatWasDropped) {
    for (const uint32_t seed : StormSeeds(6)) {
        const auto events = storm(seed, 300);
        Store whole, holed;
        whole.apply(events);
        const size_t from = events.size() / 3, until = from + 400;
        holed.apply(std::span(events).first(from));
        holed.note_dropped(until - from);
        EXPECT_TRUE(holed.incomplete());
        holed.apply(std::span(events).subspan(until));
        EXPECT_FALSE(holed.incomplete()) << "a keyframe came";
        EXPECT_EQ(holed.events_dropped(), until - from);
        ASSERT_EQ(holed.blocks().size(), whole.blocks().size());
        for (size_t i = 0; i < whole.blocks().size(); ++i) {
            EXPECT_EQ(holed.blocks()[i].state, whole.blocks()[i].state);
            EXPECT_EQ(holed.blocks()[i].filled_tokens, whole.blocks()[i].filled_tokens);
        }
        for (const auto& [id, row] : holed.requests()) EXPECT_TRUE(row.ended());
        for (const auto& [id, row] : whole.requests()) {
            const RequestRow* other = holed.find_request(id);
            if (other == nullptr || other->end_ns < 0) continue;
            EXPECT_EQ(other->output_tokens, row.output_tokens);
            // Unknown where it fell into the hole and the request ended before the keyframe.
            if (other->first_token_ns >= 0) {
                EXPECT_EQ(other->first_token_ns, row.first_token_ns);
            }
        }
    }
}

TEST(Store, NobodySeesHalfAKeyframe) {
    const auto events = storm(3, 100);
    Store store;
    size_t in_keyframe = 0;
    for (const Event& event : events) {
        const size_t before = store.blocks().size();
        std::vector<BlockState> states;
        for (const BlockRow& row : store.blocks()) states.push_back(row.state);
        store.apply({&event, 1});
        if (event.kind != EventKind::kKeyframe || before == 0) continue;
        ++in_keyframe;
        ASSERT_EQ(store.blocks().size(), before);
        for (size_t i = 0; i < states.size(); ++i)
            ASSERT_EQ(store.blocks()[i].state, states[i]) << "a true keyframe changes nothing";
    }
    EXPECT_GT(in_keyframe, 50u);
}

TEST(Store, StaysWithinItsBudgetAndSaysWhatItLetGo) {
    constexpr size_t kBudget = 384 << 10;
    Store store({.memory_bytes = kBudget});
    StormOptions options;
    options.seed = 8;
    std::vector<Event> batch;
    EventStorm engine(options, [&](Event& event) { batch.push_back(event); });
    engine.start();
    size_t largest = 0;
    for (int i = 0; i < 6000; ++i) {
        engine.step();
        store.apply(batch);
        batch.clear();
        largest = std::max(largest, store.memory_bytes());
    }
    EXPECT_LE(largest, kBudget + (16 << 10));
    EXPECT_GT(store.rows_trimmed(), 1000u);
    EXPECT_GT(store.history_begin_ns(), 0);
    EXPECT_GT(store.steps().size(), 50u) << "half of the budget may hold rows of old requests";
    EXPECT_GT(store.requests().size(), engine.live()) << "some that have ended are kept";
    EXPECT_GE(store.steps().front().start_ns, 0);
    size_t live = 0;
    for (const auto& [id, row] : store.requests()) live += !row.ended();
    EXPECT_EQ(live, engine.live()) << "none in flight is let go";
}

TEST(Store, ClearWaitsForAKeyframe) {
    const auto events = storm(1);
    Store store;
    store.apply(events);
    const uint64_t version = store.blocks_version();
    store.clear();
    EXPECT_TRUE(store.requests().empty());
    EXPECT_TRUE(store.incomplete());
    EXPECT_GT(store.blocks_version(), version) << "a view that looks at the version draws again";
    store.apply(events);
    EXPECT_FALSE(store.incomplete());
}

TEST(Store, NonsenseNeitherCrashesNorFillsMemory) {
    for (const uint32_t seed : StormSeeds()) {
        std::mt19937_64 random(seed);
        Store store({.memory_bytes = 1 << 20});
        for (int i = 0; i < 3000; ++i) {
            Event event;
            auto* bytes = reinterpret_cast<unsigned char*>(&event.dictionary);
            for (size_t b = 0; b < sizeof(DictionaryEvent); ++b)
                bytes[b] = random() % 3 ? 0 : static_cast<unsigned char>(random());
            event.kind = static_cast<EventKind>(random() % static_cast<uint64_t>(EventKind::kCount));
            event.t_ns = i;
            if (event.kind == EventKind::kStep) event.step.duration_ns = 1;
            if (event.kind == EventKind::kCause) event.cause.duration_ns = 1;
            if (event.kind == EventKind::kKeyframe)
                event.keyframe.part = static_cast<KeyframePart>(random() % 6);
            store.apply({&event, 1});
        }
        EXPECT_LE(store.blocks().size(), size_t{kMaxBlocks});
    }
}

}  // namespace
}  // namespace pitwall::telemetry
