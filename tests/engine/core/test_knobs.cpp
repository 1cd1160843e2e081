// SPDX-License-Identifier: GPL-3.0-or-later
//
// Knobs and their bounds: what is clamped, refused, held up by what is in flight.
#include <gmock/gmock.h>

#include <limits>

#include "telemetry/names.h"
#include "tests/engine/core/rig.h"

namespace pitwall::engine::test {
namespace {

using testing::HasSubstr;

/// Every name of the knob reaches the device, the events and the keyframes as the format of that name.
TEST(Knobs, TheKvFormatIsToldWithEachBlock) {
    const presets::KnobSpec& knob = presets::spec(KnobId::kKvCacheDtype);
    for (size_t i = 0; i < knob.choices.size(); ++i) {
        Rig rig(with({{KnobId::kKvCacheDtype, static_cast<double>(i)}}));
        rig.submit({1, 2, 3}, 4);
        rig.finish();
        const auto blocks = rig.of(EventKind::kBlock);
        ASSERT_FALSE(blocks.empty());
        EXPECT_EQ(name(blocks.front().block.dtype), knob.choices[i]);
        const auto keyframe = rig.of(EventKind::kKeyframe);
        bool runs = false, begun = false;
        for (const Event& e : keyframe) {
            if (e.keyframe.part == KeyframePart::kBlocks) {
                runs = true;
                EXPECT_EQ(name(e.keyframe.blocks.runs[0].dtype), knob.choices[i]);
            }
            if (e.keyframe.part == KeyframePart::kBegin) {
                begun = true;
                EXPECT_EQ(e.keyframe.begin.bytes_per_block,
                          kv_bytes_per_block(kv_dtype_of(rig.engine->effective_knobs()), tiny_config(997)));
            }
        }
        EXPECT_TRUE(runs && begun);
    }
}

TEST(Knobs, ClampedRefusedAndSaidWhy) {
    Rig rig(with({}));
    Answer answer = rig.engine->set_knob(KnobId::kMaxNumSeqs, 1e9, KnobOrigin::kUser);
    EXPECT_EQ(answer.verdict, Verdict::kClamped);
    EXPECT_EQ(answer.effective_value, presets::spec(KnobId::kMaxNumSeqs).maximum);
    EXPECT_EQ(rig.engine->set_knob(KnobId::kKvCacheMemoryBytes, 1 << 20, KnobOrigin::kUser).verdict,
              Verdict::kRefused);
    EXPECT_EQ(rig.engine->set_knob(KnobId::kSchedulingPolicy, 9, KnobOrigin::kUser).verdict,
              Verdict::kRefused);
    EXPECT_EQ(
        rig.engine->set_knob(KnobId::kMaxNumSeqs, std::numeric_limits<double>::quiet_NaN(), KnobOrigin::kUser)
            .verdict,
        Verdict::kRefused);
    const size_t before = rig.of(EventKind::kKnob).size();
    EXPECT_EQ(before, presets::kKnobCount + 1) << "start values and one change";
    rig.engine->set_knob(KnobId::kBatching, rig.engine->effective_knobs().get(KnobId::kBatching),
                         KnobOrigin::kUser);
    EXPECT_EQ(rig.of(EventKind::kKnob).size(), before) << "no change, no event";
}

TEST(Knobs, PoolStopsAtWhatIsInFlightAndGoesOnLater) {
    Rig rig(with({{KnobId::kNumKvBlocks, 100}}));
    rig.submit(prompt_of(160, 1), 33);  // 12 blocks in all
    rig.submit(prompt_of(16, 2), 2);
    rig.engine->step();
    const Answer answer = rig.engine->set_knob(KnobId::kNumKvBlocks, 3, KnobOrigin::kUser);
    EXPECT_EQ(answer.verdict, Verdict::kClamped);
    EXPECT_EQ(answer.effective_value, 12);
    EXPECT_THAT(answer.reason, HasSubstr("needs 12 blocks"));
    EXPECT_EQ(rig.submit(prompt_of(60, 3), 5).reason, FinishReason::kRejected)
        << "it would hold the shrink up";
    rig.finish();
    EXPECT_EQ(rig.answers[0]->ids.size(), 33u);
    EXPECT_EQ(rig.engine->effective_knobs().get(KnobId::kNumKvBlocks), 3);
    const auto knobs = rig.of(EventKind::kKnob);
    const KnobEvent& asked = knobs[knobs.size() - 2].knob;
    const KnobEvent& done = knobs.back().knob;
    EXPECT_EQ(
        std::tuple(asked.old_value, asked.asked_value, asked.effective_value, asked.bound, asked.origin),
        std::tuple(100.0, 3.0, 12.0, KnobBound::kInFlight, KnobOrigin::kUser));
    EXPECT_EQ(std::tuple(done.old_value, done.asked_value, done.effective_value, done.bound, done.origin),
              std::tuple(12.0, 3.0, 3.0, KnobBound::kNone, KnobOrigin::kEngine));
}

TEST(Knobs, PoolGrowsToCapacity) {
    RigOptions options = with({{KnobId::kNumKvBlocks, 500}});
    options.capacity_blocks = 40;
    Rig rig(options);
    EXPECT_EQ(rig.engine->effective_knobs().get(KnobId::kNumKvBlocks), 40);
    rig.engine->set_knob(KnobId::kNumKvBlocks, 10, KnobOrigin::kUser);
    const Answer answer = rig.engine->set_knob(KnobId::kNumKvBlocks, 60, KnobOrigin::kUser);
    EXPECT_EQ(answer.effective_value, 40);
    EXPECT_THAT(answer.reason, HasSubstr("holds 40 blocks"));
    EXPECT_EQ(rig.of(EventKind::kKnob).back().knob.bound, KnobBound::kCapacity);
}

TEST(Knobs, SeatsDrain) {
    Rig rig(with({{KnobId::kMaxNumSeqs, 4}, {KnobId::kEnablePrefixCaching, 0}}));
    for (uint32_t i = 0; i < 8; ++i) rig.submit(prompt_of(4, i), 10);
    rig.engine->step();
    EXPECT_EQ(rig.engine->set_knob(KnobId::kMaxNumSeqs, 2, KnobOrigin::kUser).verdict, Verdict::kAccepted);
    EXPECT_EQ(rig.of(EventKind::kKnob).back().knob.bound, KnobBound::kDraining);
    rig.finish();
    for (const auto& answer : rig.answers) EXPECT_EQ(answer->ids.size(), 10u);
    uint32_t most = 0;
    for (const Event& e : rig.of(EventKind::kStep))
        if (e.step.step_id > 10)
            most = std::max(most, e.step.decode_tokens + (e.step.prefill_tokens > 0 ? 1 : 0));
    EXPECT_EQ(most, 2u);
}

TEST(Knobs, FlushTellsHowManyBlocks) {
    Rig rig(with({}));
    rig.submit(prompt_of(64, 1), 1);
    rig.finish();
    EXPECT_EQ(rig.engine->flush_prefix_cache().effective_value, 4);
    rig.submit(prompt_of(64, 1), 1);
    rig.finish();
    EXPECT_EQ(rig.audit.counters().cached_tokens, 0u);
}

}  // namespace
}  // namespace pitwall::engine::test
