// SPDX-License-Identifier: GPL-3.0-or-later
//
// kv_cache_dtype while it runs: what becomes of the pool, of those in flight and of the prefix cache, and what is told.
#include <gmock/gmock.h>

#include <limits>

#include "engine/kv/kv_format.h"
#include "telemetry/names.h"
#include "tests/engine/core/rig.h"

namespace pitwall::engine::test {
namespace {

using testing::HasSubstr;

Answer turn_to(Rig& rig, KvDtype dtype) {
    return rig.engine->set_knob(KnobId::kKvCacheDtype, kv_dtype_choice(dtype), KnobOrigin::kUser);
}
double blocks_of(Rig& rig) { return rig.engine->effective_knobs().get(KnobId::kNumKvBlocks); }
uint64_t bytes_of(KvDtype dtype) { return kv_bytes_per_block(dtype, tiny_config(997)); }

TEST(KvPrecision, ThePoolKeepsItsBytes) {
    Rig rig(with({{KnobId::kNumKvBlocks, 1000}}));
    const uint64_t bytes = 1000 * bytes_of(KvDtype::kF16);
    for (const KvDtype dtype :
         {KvDtype::kInt8, KvDtype::kInt4, KvDtype::kF32, KvDtype::kK8V4, KvDtype::kFp8, KvDtype::kF16}) {
        EXPECT_EQ(turn_to(rig, dtype).verdict, Verdict::kAccepted) << name(dtype);
        EXPECT_EQ(blocks_of(rig), bytes / bytes_of(dtype)) << name(dtype);
        EXPECT_TRUE(rig.engine->check_integrity().ok());
    }
    EXPECT_EQ(blocks_of(rig), 1000) << "nothing is lost by rounding on the way";
}

TEST(KvPrecision, TheKeyframeAndTheKnobEventsTell) {
    Rig rig(with({{KnobId::kNumKvBlocks, 100}}));
    rig.submit(prompt_of(100, 1), 8);
    rig.engine->step();
    rig.collect();
    rig.events.clear();
    turn_to(rig, KvDtype::kInt8);
    const auto knobs = rig.of(EventKind::kKnob);
    ASSERT_EQ(knobs.size(), 2u);
    EXPECT_EQ(knobs[0].knob.knob, static_cast<uint16_t>(KnobId::kNumKvBlocks));
    EXPECT_EQ(knobs[0].knob.origin, KnobOrigin::kEngine);
    EXPECT_EQ(knobs[0].knob.old_value, 100);
    EXPECT_EQ(knobs[0].knob.effective_value, blocks_of(rig));
    EXPECT_EQ(knobs[1].knob.knob, static_cast<uint16_t>(KnobId::kKvCacheDtype));
    EXPECT_EQ(knobs[1].knob.pause_ns, 7 * 500) << "seven blocks hold tokens; one takes 500 ns on this device";
    uint32_t told = 0;
    for (const Event& e : rig.of(EventKind::kKeyframe)) {
        if (e.keyframe.part == KeyframePart::kBegin) {
            EXPECT_EQ(e.keyframe.begin.num_blocks, blocks_of(rig));
            EXPECT_EQ(e.keyframe.begin.bytes_per_block, bytes_of(KvDtype::kInt8));
        }
        if (e.keyframe.part == KeyframePart::kKnob &&
            e.keyframe.knob.knob == static_cast<uint16_t>(KnobId::kKvCacheDtype)) {
            EXPECT_EQ(e.keyframe.knob.effective_value, kv_dtype_choice(KvDtype::kInt8));
        }
        if (e.keyframe.part != KeyframePart::kBlocks) continue;
        for (uint32_t i = 0; i < e.keyframe.blocks.used; ++i) {
            EXPECT_EQ(e.keyframe.blocks.runs[i].dtype, KvDtype::kInt8);
            told += e.keyframe.blocks.runs[i].count;
        }
    }
    EXPECT_EQ(told, blocks_of(rig));
    rig.finish();
    rig.audit.expect_all_ended();
}

/// Who runs pays for the conversion, and only that long.
TEST(KvPrecision, TheTimeIsBookedAsKvMove) {
    for (const uint32_t depth : {1u, 2u}) {
        RigOptions options = with({});
        options.depth = depth;
        Rig rig(options);
        rig.submit(prompt_of(64, 1), 8);
        for (int i = 0; i < 3; ++i) rig.engine->step();
        turn_to(rig, KvDtype::kInt4);
        rig.finish();
        int64_t moved = 0;
        for (const Event& e : rig.of(EventKind::kCause))
            if (e.cause.cause == Cause::kKvMove) moved += e.cause.duration_ns;
        EXPECT_EQ(moved, 5 * 500) << "depth " << depth;
        rig.audit.expect_all_ended();
    }
}

TEST(KvPrecision, AWiderFormatEvictsThenPreempts) {
    Rig rig(with({{KnobId::kNumKvBlocks, 40}}));
    rig.submit(prompt_of(160, 9), 1);  // ten blocks that stay cached
    rig.finish();
    for (uint32_t i = 0; i < 3; ++i) rig.submit(prompt_of(120, i), 40);
    for (int i = 0; i < 6; ++i) rig.engine->step();
    EXPECT_EQ(turn_to(rig, KvDtype::kF32).verdict, Verdict::kAccepted);
    EXPECT_EQ(blocks_of(rig), 20);
    EXPECT_TRUE(rig.engine->check_integrity().ok()) << rig.engine->check_integrity().error().text();
    rig.finish();
    EXPECT_GT(rig.audit.counters().preemptions, 0u);
    EXPECT_GT(rig.audit.counters().evictions, 0u);
    for (const auto& answer : rig.answers) EXPECT_EQ(answer->reason, FinishReason::kLength) << answer->error;
    rig.audit.expect_all_ended();
}

/// The arena has room for more than the pool's bytes: the largest request keeps its blocks until it has ended.
TEST(KvPrecision, TheLargestInFlightStillFits) {
    RigOptions options = with({{KnobId::kNumKvBlocks, 30}});
    options.capacity_blocks = 60;
    Rig rig(options);
    rig.submit(prompt_of(300, 1), 20);  // 20 blocks in all
    rig.engine->step();
    EXPECT_EQ(turn_to(rig, KvDtype::kF32).verdict, Verdict::kAccepted);
    EXPECT_EQ(blocks_of(rig), 20) << "30 blocks of f16 are 15 of f32";
    rig.finish();
    EXPECT_EQ(blocks_of(rig), 15);
    EXPECT_EQ(turn_to(rig, KvDtype::kF16).verdict, Verdict::kAccepted);
    EXPECT_EQ(blocks_of(rig), 30);
}

TEST(KvPrecision, WhatDoesNotFitIsRefusedAndNothingChanges) {
    RigOptions options = with({{KnobId::kNumKvBlocks, 30}});
    options.capacity_blocks = 30;
    Rig rig(options);
    rig.submit(prompt_of(300, 1), 20);
    rig.engine->step();
    const Answer answer = turn_to(rig, KvDtype::kF32);
    EXPECT_NE(answer.verdict, Verdict::kAccepted);
    EXPECT_THAT(answer.reason, HasSubstr("needs 20 blocks, as f32 the KV memory holds 15"));
    EXPECT_EQ(answer.effective_value, kv_dtype_choice(KvDtype::kF16));
    EXPECT_EQ(blocks_of(rig), 30);
    rig.finish();
    EXPECT_EQ(rig.answers[0]->reason, FinishReason::kLength);
    EXPECT_EQ(turn_to(rig, KvDtype::kF32).verdict, Verdict::kAccepted) << "now it does";
}

TEST(KvPrecision, ConvertedPrefixesAreHit) {
    Rig rig(with({}));
    rig.submit(prompt_of(64, 1), 4);
    rig.finish();
    turn_to(rig, KvDtype::kInt8);
    rig.submit(prompt_of(64, 1), 4);
    rig.finish();
    EXPECT_EQ(rig.audit.counters().cached_tokens, 0u) << "counters come with a keyframe";
    rig.engine->publish_keyframe();
    rig.collect();
    EXPECT_EQ(rig.audit.counters().cached_tokens, 63u);
    EXPECT_EQ(rig.answers[0]->ids, rig.answers[1]->ids);
    EXPECT_EQ(rig.answers[1]->history, (NumericHistory{{0,
                                                        {{0, {KvDtype::kF16, ActivationDtype::kI8}},
                                                         {63, {KvDtype::kInt8, ActivationDtype::kI8}}}}}));
}

TEST(KvPrecision, APausedEngineConvertsInPausedTime) {
    Rig rig(with({}));
    rig.submit(prompt_of(64, 1), 8);
    rig.engine->step();
    rig.engine->pause();
    turn_to(rig, KvDtype::kInt8);
    rig.engine->resume();
    rig.finish();
    for (const Event& e : rig.of(EventKind::kCause)) EXPECT_NE(e.cause.cause, Cause::kKvMove);
    rig.audit.expect_all_ended();
}

/// Replayed alone, with the same conversions and the same loss of its KV, at one plan in flight and at two.
TEST(KvPrecision, AReplayHasTheSameHistory) {
    const NumericHistory histories[] = {
        {{0, {{0, KvDtype::kInt8}}}},
        {{0, {{0, KvDtype::kF16}, {7, KvDtype::kInt8}, {7, KvDtype::kInt4}, {70, KvDtype::kBf16}}}},
        {{66, {{0, KvDtype::kF32}, {40, KvDtype::kInt8}}}, {0, {{0, KvDtype::kInt4}, {65, KvDtype::kF16}}}},
    };
    for (const uint32_t depth : {1u, 2u}) {
        for (const NumericHistory& history : histories) {
            RigOptions options = with({{KnobId::kMaxNumBatchedTokens, 24}});
            options.depth = depth;
            Rig rig(options);
            rig.submit(prompt_of(60, 1), 20);  // leaves its blocks in the cache
            rig.finish();
            GenerationRequest request = ask(prompt_of(60, 1), 20);
            request.numeric_history = history;
            rig.submit(std::move(request));
            rig.finish();
            EXPECT_EQ(rig.answers[1]->history, history) << "depth " << depth;
            EXPECT_EQ(rig.answers[1]->ids, rig.answers[0]->ids);
            rig.audit.expect_all_ended();
        }
    }
}

TEST(KvPrecision, AHistoryThatCannotBeReplayedFailsOneRequest) {
    RigOptions options = with({{KnobId::kNumKvBlocks, 8}});
    options.capacity_blocks = 8;
    Rig rig(options);
    GenerationRequest request = ask(prompt_of(60, 1), 20);
    request.numeric_history = {{0, {{0, KvDtype::kF16}, {30, KvDtype::kF32}}}};
    rig.submit(std::move(request));
    rig.finish();
    EXPECT_EQ(rig.answers[0]->reason, FinishReason::kFailed);
    EXPECT_THAT(rig.answers[0]->error, HasSubstr("cannot be replayed: a request in flight needs 5 blocks"));
    rig.submit(prompt_of(60, 1), 20);
    rig.finish();
    EXPECT_EQ(rig.answers[1]->reason, FinishReason::kLength);
}

TEST(ActivationPrecision, IsTurnedBetweenStepsAndPartOfTheHistory) {
    Rig rig(with({{KnobId::kActivationDtype, 0}}));
    rig.submit(prompt_of(40, 1), 20);
    for (int i = 0; i < 6; ++i) rig.engine->step();
    EXPECT_EQ(rig.engine->set_knob(KnobId::kActivationDtype, 2, KnobOrigin::kUser).verdict,
              Verdict::kAccepted);
    rig.finish();
    const NumericHistory history = rig.answers[0]->history;
    ASSERT_EQ(history.size(), 1u);
    ASSERT_EQ(history[0].formats.size(), 2u);
    EXPECT_EQ(history[0].formats[0], (FormatChange{0, {KvDtype::kF16, ActivationDtype::kF32}}));
    EXPECT_EQ(history[0].formats[1].format, (NumericFormat{KvDtype::kF16, ActivationDtype::kI8}));
    EXPECT_GT(history[0].formats[1].position, 40u);
    // What was computed before is found as before.
    rig.submit(prompt_of(40, 1), 2);
    rig.finish();
    EXPECT_EQ(rig.answers[1]->history[0].formats[0].format.activation, ActivationDtype::kF32);
}

}  // namespace
}  // namespace pitwall::engine::test
