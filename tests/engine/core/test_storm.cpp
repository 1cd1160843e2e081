// SPDX-License-Identifier: GPL-3.0-or-later
//
// Random steps, 100,000 of them: arrivals, cancels, time-outs, pauses and knobs at random moments, everything checked after each.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/engine/core/rig.h"
#include "tests/storm.h"

namespace pitwall::engine::test {
namespace {

class Storm {
  public:
    Storm(uint32_t seed, uint32_t depth) : random_(seed), rig_(options(depth)) {
        for (const presets::KnobSpec& knob : presets::knob_table())
            if (knob.live &&
                knob.effect != presets::KnobEffect::kView)  // a simulated device knows no rounding
                knobs_.push_back(knob.id);
    }

    void run(uint64_t steps) {
        for (uint64_t i = 0; i < steps; ++i) {
            disturb();
            rig_.engine->step();
            rig_.clock.advance(chance(20) ? below(50'000) : 0);
            const Status status = rig_.engine->check_integrity();
            ASSERT_TRUE(status.ok()) << status.error().text() << " after step " << i;
            rig_.collect();
            if (testing::Test::HasFatalFailure()) return;
        }
        finish();
    }

    void expect_nothing_lost() {
        rig_.audit.expect_all_ended();
        std::array<size_t, static_cast<size_t>(FinishReason::kCount)> ends{};
        for (const auto& answer : rig_.answers) {
            EXPECT_EQ(answer->ends, 1);
            ++ends[static_cast<size_t>(answer->reason)];
            EXPECT_NE(answer->reason, FinishReason::kFailed) << answer->error;
            EXPECT_EQ(answer->error.empty(), answer->reason == FinishReason::kLength) << answer->error;
        }
        // A storm that hardly tried something proves little about it. How often it does is the seed's affair.
        const uint64_t few = kSanitized ? 0 : 8;
        for (const FinishReason reason : {FinishReason::kLength, FinishReason::kRejected,
                                          FinishReason::kCancelled, FinishReason::kTimeout})
            EXPECT_GT(ends[static_cast<size_t>(reason)], few) << "reason " << int(reason);
        EXPECT_GT(rig_.audit.counters().preemptions, few);
        EXPECT_GT(rig_.audit.counters().evictions, few);
        EXPECT_GT(rig_.audit.counters().cached_tokens, few);
        EXPECT_GT(rig_.audit.moved_blocks(), few) << "no shrink had to move a block";
    }

    /// Those that finished answer what each answers alone.
    void expect_same_answers(size_t every) {
        RigOptions options;
        options.knobs = {{KnobId::kMaxNumSeqs, 1}, {KnobId::kEnablePrefixCaching, 0}};
        for (size_t i = 0; i < rig_.answers.size(); i += every) {
            if (rig_.answers[i]->reason != FinishReason::kLength) continue;
            Rig alone(options);
            const Answered& answer =
                alone.submit(prompts_[i], static_cast<uint32_t>(rig_.answers[i]->ids.size()));
            alone.finish();
            EXPECT_EQ(rig_.answers[i]->ids, answer.ids) << "request " << i + 1;
        }
    }

  private:
    static RigOptions options(uint32_t depth) {
        RigOptions o;
        o.knobs = {{KnobId::kNumKvBlocks, 120}, {KnobId::kKeyframeIntervalSteps, 64}};
        o.capacity_blocks = 200;
        o.depth = depth;
        o.keep_events = false;
        return o;
    }
    bool chance(uint32_t percent) { return random_() % 100 < percent; }
    uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

    void disturb() {
        if (chance(18)) arrive();
        if (chance(2) && !rig_.ids.empty())
            rig_.engine->cancel(
                rig_.ids[rig_.ids.size() - 1 -
                         below(std::min<uint32_t>(20, static_cast<uint32_t>(rig_.ids.size())))]);
        if (chance(3)) turn_knob();
        if (chance(1)) rig_.engine->pause();
        if (chance(20)) rig_.engine->resume();
        if (chance(10)) rig_.engine->allow_single_step();
        if (below(500) == 0) rig_.engine->flush_prefix_cache();
        if (below(300) == 0) rig_.engine->publish_keyframe();
        if (chance(1)) {
            const int64_t since_ns = rig_.clock.now_ns();
            rig_.clock.advance(below(9000));
            rig_.engine->book_recorder_wait(since_ns);
        }
    }

    void arrive() {
        const auto bursts = chance(3) ? 30u : 1u;
        for (uint32_t i = 0; i < bursts; ++i) {
            GenerationRequest request;
            request.prompt = prompt_of(1 + below(chance(10) ? 400 : 60), below(12));
            if (chance(40)) {
                const auto own = prompt_of(1 + below(40), random_() % 100000);
                request.prompt.insert(request.prompt.end(), own.begin(), own.end());
            }
            request.max_tokens = chance(5) ? 0 : 1 + below(60);
            request.priority = static_cast<int32_t>(below(5)) - 2;
            if (chance(10)) request.timeout_ns = 1 + below(3'000'000);
            request.arrival_ns = rig_.clock.now_ns() - below(1000);
            prompts_.push_back(request.prompt);
            rig_.submit(std::move(request));
        }
    }

    void turn_knob() {
        const presets::KnobSpec& knob = presets::spec(knobs_[below(static_cast<uint32_t>(knobs_.size()))]);
        // Mostly small values, where the bounds bite; and now and then anything at all, in range or not.
        const double reach = chance(80) ? std::min(knob.maximum, knob.minimum + 300) : knob.maximum * 1.5 + 1;
        const double value = std::floor(knob.minimum + std::uniform_real_distribution<double>(0, 1)(random_) *
                                                           (reach - knob.minimum + 1));
        const Answer answer = rig_.engine->set_knob(knob.id, value, KnobOrigin::kScript);
        const double now = rig_.engine->effective_knobs().get(knob.id);
        EXPECT_EQ(answer.effective_value, now);
        EXPECT_EQ(answer.verdict == Verdict::kAccepted, answer.reason.empty()) << answer.reason;
        if (answer.verdict == Verdict::kAccepted) {
            EXPECT_EQ(now, value);
        }
        EXPECT_GE(now, knob.minimum);
        EXPECT_LE(now, knob.maximum);
    }

    void finish() {
        rig_.engine->resume();
        for (uint64_t i = 0; rig_.engine->has_work(); ++i) {
            ASSERT_LT(i, 1'000'000u) << "it does not come to an end";
            rig_.engine->step();
            rig_.collect();
        }
        rig_.engine->publish_keyframe();
        rig_.collect();
    }

    std::mt19937 random_;
    Rig rig_;
    std::vector<KnobId> knobs_;
    std::vector<std::vector<TokenId>> prompts_;
};

void storm(uint32_t depth, uint32_t steps) {
    for (const uint32_t seed : StormSeeds()) {
        Storm storm(seed, depth);
        storm.run(storm_size(steps));
        if (testing::Test::HasFatalFailure()) return;
        storm.expect_nothing_lost();
        storm.expect_same_answers(37);
    }
}

TEST(Storm, HundredThousandSteps) { storm(1, 100'000); }
TEST(Storm, TwoPlansInFlight) { storm(2, 100'000); }

}  // namespace
}  // namespace pitwall::engine::test
