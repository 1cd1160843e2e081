// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the store keeps of drafts, of where tokens came from, of the KV cache's format and of its probe.
#include <gtest/gtest.h>

#include <cstring>

#include "telemetry/stats/range_stats.h"
#include "telemetry/store/store.h"

namespace pitwall::telemetry {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

Event event_at(EventKind kind, int64_t t_ns) {
    Event event;
    event.kind = kind;
    event.t_ns = t_ns;
    std::memset(static_cast<void*>(&event.dictionary), 0, sizeof(event.dictionary));
    return event;
}

class StoreSpeculation : public ::testing::Test {
  protected:
    void tell(const Event& event) { store.apply({&event, 1}); }
    void draft(uint64_t step, uint32_t drafted, uint32_t accepted, DraftMethod method = DraftMethod::kNgram) {
        Event event = event_at(EventKind::kDraft, int64_t(step) * kSecond);
        event.draft.step_id = step;
        event.draft.request = RequestId{1};
        event.draft.method = method;
        event.draft.drafted = drafted;
        event.draft.accepted = accepted;
        event.draft.draft_ns = 10;
        tell(event);
    }
    void step(uint64_t id, uint32_t decode, uint32_t drafts, int64_t execute_ns = 1000) {
        Event event = event_at(EventKind::kStep, int64_t(id) * kSecond);
        event.step.step_id = id;
        event.step.decode_tokens = decode;
        event.step.draft_tokens = drafts;
        event.step.execute_ns = execute_ns;
        event.step.blocks_held = 2, event.step.blocks_cached = 1, event.step.blocks_free = 1;
        tell(event);
    }
    void keyframe(int64_t t_ns, uint32_t blocks, uint32_t bytes) {
        for (const auto part : {KeyframePart::kBegin, KeyframePart::kEnd}) {
            Event event = event_at(EventKind::kKeyframe, t_ns);
            event.keyframe.part = part;
            if (part == KeyframePart::kBegin) event.keyframe.begin = {1, blocks, 16, 0, bytes};
            tell(event);
        }
    }
    StepSums sums(int64_t begin_ns, int64_t end_ns) {
        return range_stats(store, store.snapped({begin_ns, end_ns})).steps;
    }
    Store store;
};

TEST_F(StoreSpeculation, DraftsAreSummedByMethodAndPosition) {
    draft(1, 3, 1);
    draft(1, 2, 2);
    step(1, 2, 5, 700);
    draft(2, 12, 12, DraftMethod::kSuffix);
    step(2, 1, 12);
    const StepSums all = sums(0, 10 * kSecond);
    const DraftSums& ngram = all.drafts[0];
    EXPECT_EQ(ngram.sequences, 2u);
    EXPECT_EQ(ngram.draft_ns, 20);
    EXPECT_EQ(ngram.drafted[0], 2u);
    EXPECT_EQ(ngram.drafted[2], 1u);
    EXPECT_EQ(ngram.accepted[1], 1u);
    EXPECT_EQ(ngram.reached[1], 2u);  // both had their first accepted
    EXPECT_EQ(ngram.reached[2], 0u);  // the one with a third had no second
    EXPECT_EQ(all.wasted_ns, 700 * 2 / 7);
    EXPECT_EQ(all.wasted_draft_ns, 10 * 2 / 3);  // two of the first three were rejected
    EXPECT_DOUBLE_EQ(sums(0, 2 * kSecond).wasted_share(), (200.0 + 6) / (700 + 20));
    EXPECT_EQ(all.drafts[1].drafted[7], 5u);  // the eighth and what came after it
    EXPECT_EQ(all.all_drafts().drafted_tokens(), 17u);
    EXPECT_EQ(sums(0, 2 * kSecond).all_drafts().accepted_tokens(), 3u);
}

TEST_F(StoreSpeculation, DraftsOfAStepThatNeverCameAreNobodys) {
    draft(1, 3, 1);
    store.note_dropped(5);
    step(2, 1, 0);
    EXPECT_EQ(sums(0, 10 * kSecond).all_drafts().drafted_tokens(), 0u);
    draft(3, 1, 1);
    step(4, 1, 0);
    EXPECT_EQ(sums(0, 10 * kSecond).steps_with_drafts, 0u);
    EXPECT_FALSE(range_stats(store, {0, 10 * kSecond}).complete);
}

TEST_F(StoreSpeculation, FoldedDraftsSumUpToTheSame) {
    Store folding({.detail_ns = 5 * kSecond});
    std::swap(store, folding);
    keyframe(0, 4, 1000);
    for (uint64_t i = 1; i < 60; ++i) {
        draft(i, 1 + i % 5, i % 3);
        step(i, 1, 1 + i % 5);
    }
    ASSERT_LT(store.steps().size(), 10u);
    const StepSums all = sums(0, 100 * kSecond);
    uint64_t drafted = 0, accepted = 0;
    for (uint64_t i = 1; i < 60; ++i) drafted += 1 + i % 5, accepted += std::min(1 + i % 5, i % 3);
    EXPECT_EQ(all.all_drafts().drafted_tokens(), drafted);
    EXPECT_EQ(all.all_drafts().accepted_tokens(), accepted);
    EXPECT_EQ(all.steps_with_drafts, 59u);
    EXPECT_EQ(all.kv_held_bytes, 59 * 2000.0);
    EXPECT_EQ(all.kv_pool_bytes, 59 * 4000.0);
}

TEST_F(StoreSpeculation, BytesOfBlocksAreThoseOfTheFormatInForce) {
    keyframe(0, 4, 1000);
    step(1, 1, 0);
    keyframe(2 * kSecond, 4, 1000);  // told the same again
    keyframe(3 * kSecond, 8, 500);
    step(4, 1, 0);
    EXPECT_EQ(sums(0, 2 * kSecond).kv_cached_bytes, 1000);
    EXPECT_EQ(sums(4 * kSecond, 9 * kSecond).kv_cached_bytes, 500);
    ASSERT_EQ(store.pool_shapes().size(), 2u);
    EXPECT_EQ(store.pool_shapes()[1].t_ns, 3 * kSecond);
    EXPECT_EQ(store.pool_shapes()[1].num_blocks, 8u);
}

TEST_F(StoreSpeculation, ATokenKeepsItsOrigin) {
    Event event = event_at(EventKind::kRequest, 5);
    event.request.request = RequestId{1};
    event.request.phase = RequestPhase::kToken;
    event.request.token = 7;
    event.request.origin = TokenOrigin::kCorrected;
    tell(event);
    EXPECT_EQ(store.find_request(RequestId{1})->tokens.at(0).origin, TokenOrigin::kCorrected);
}

TEST_F(StoreSpeculation, ProbesAreAListOfTheNewest) {
    Event event = event_at(EventKind::kProbe, 0);
    event.probe.dtype = KvDtype::kInt4;
    for (size_t i = 0; i < Store::kMaxProbes + 3; ++i) {
        event.t_ns = int64_t(i);
        tell(event);
    }
    EXPECT_EQ(store.probes().size(), Store::kMaxProbes);
    EXPECT_EQ(store.probes().front().t_ns, 3);
    EXPECT_EQ(store.probes_begin_ns(), 3);
    event.probe.dtype = KvDtype::kCount;  // damaged
    tell(event);
    EXPECT_EQ(store.probes().back().probe.dtype, KvDtype::kInt4);
}

}  // namespace
}  // namespace pitwall::telemetry
