// SPDX-License-Identifier: GPL-3.0-or-later
//
// A request's tokens depend on the request alone. The simulated device checks every KV slot that is read.
#include <gtest/gtest.h>

#include <random>

#include "tests/engine/core/rig.h"
#include "tests/engine/spec/draft_device.h"
#include "tests/storm.h"

namespace pitwall::engine::test {
namespace {

struct Asked {
    std::vector<TokenId> prompt;
    uint32_t max_tokens;
};

std::vector<Asked> mixed_requests(uint32_t count, uint32_t seed) {
    std::mt19937 random(seed);
    const std::vector<TokenId> shared = prompt_of(96, 7);
    const uint32_t lengths[] = {1, 5, 15, 16, 17, 33, 48, 64, 150, 300}, answers[] = {1, 8, 24, 48};
    std::vector<Asked> asked;
    for (uint32_t i = 0; i < count; ++i) {
        std::vector<TokenId> prompt;
        if (i % 3 == 0) prompt.assign(shared.begin(), shared.begin() + (i % 2 ? 96 : 90));
        const auto own = prompt_of(lengths[random() % 10], i % 5 == 4 ? 99 : i);  // some prompts are alike
        prompt.insert(prompt.end(), own.begin(), own.end());
        asked.push_back({std::move(prompt), answers[random() % 4]});
    }
    return asked;
}

using Answers = std::vector<std::vector<TokenId>>;

/// All at once through one engine; `before_step` may turn knobs.
Answers answer_all(const std::vector<Asked>& asked, RigOptions options,
                   const std::function<void(Rig&, uint64_t)>& before_step = {},
                   KeyframeCounters* counters = nullptr) {
    Rig rig(options);
    for (const Asked& a : asked) rig.submit(a.prompt, a.max_tokens);
    for (uint64_t step = 0; rig.engine->has_work(); ++step) {
        if (before_step) before_step(rig, step);
        EXPECT_TRUE(rig.engine->step() || !rig.engine->has_work());  // a knob may have drained the last plan
        const Status status = rig.engine->check_integrity();
        EXPECT_TRUE(status.ok()) << status.error().text();
        if (!status.ok() || step > 200000) {
            ADD_FAILURE() << "gave up at step " << step;
            break;
        }
        rig.collect();
    }
    Answers ids;
    for (const auto& answer : rig.answers) {
        EXPECT_TRUE(answer->reason == FinishReason::kLength) << answer->error;
        EXPECT_EQ(answer->ends, 1);
        ids.push_back(answer->ids);
    }
    rig.engine->publish_keyframe();
    rig.collect();
    rig.audit.expect_all_ended();
    if (counters) *counters = rig.audit.counters();
    return ids;
}

Answers answer_alone(const std::vector<Asked>& asked) {
    Answers ids;
    for (const Asked& a : asked)
        ids.push_back(
            answer_all({a}, {.knobs = {{KnobId::kMaxNumSeqs, 1}, {KnobId::kEnablePrefixCaching, 0}}})
                .front());
    return ids;
}

class Invariants : public testing::TestWithParam<uint32_t> {
  protected:
    static void SetUpTestSuite() {
        asked_ = mixed_requests(32, 1);
        alone_ = answer_alone(asked_);
    }
    RigOptions options(std::map<KnobId, double> knobs) const {
        knobs.emplace(KnobId::kMaxNumSeqs, 32);
        RigOptions options;
        options.knobs = std::move(knobs);
        options.depth = GetParam();
        options.timed_drafters = drafters_of({.agreement_percent = 80, .blocks = 60});
        return options;
    }
    static std::vector<Asked> asked_;
    static Answers alone_;
};
std::vector<Asked> Invariants::asked_;
Answers Invariants::alone_;

TEST_P(Invariants, AnyChunkSize) {
    for (const double chunk : {1, 7, 64, 0}) {
        const auto knobs = options({{KnobId::kLongPrefillTokenThreshold, chunk},
                                    {KnobId::kMaxNumBatchedTokens, chunk == 0 ? 8192 : 128}});
        EXPECT_EQ(answer_all(asked_, knobs), alone_) << "chunk " << chunk;
    }
}

TEST_P(Invariants, PrefixCacheOnAndOff) {
    KeyframeCounters counters{};
    EXPECT_EQ(answer_all(asked_, options({{KnobId::kEnablePrefixCaching, 0}}), {}, &counters), alone_);
    EXPECT_EQ(counters.cached_tokens, 0u);
    EXPECT_EQ(answer_all(asked_, options({{KnobId::kEnablePrefixCaching, 1}, {KnobId::kMaxNumSeqs, 4}}), {},
                         &counters),
              alone_);
    EXPECT_GT(counters.cached_tokens, 0u) << "nothing was shared, so nothing was tried";
}

TEST_P(Invariants, PoolSoSmallThatItPreempts) {
    EXPECT_EQ(answer_all(asked_, options({{KnobId::kNumKvBlocks, 29}})), alone_);
    std::vector<Asked> growing;  // short prompts, long answers: admission cannot foresee them
    for (uint32_t i = 0; i < 24; ++i) growing.push_back({prompt_of(3 + 5 * (i % 6), i % 9), 100 + i});
    const Answers alone = answer_alone(growing);
    for (const double caching : {0, 1})
        for (const double batching : {0, 1}) {
            KeyframeCounters counters{};
            const auto knobs = options({{KnobId::kNumKvBlocks, 24},
                                        {KnobId::kEnablePrefixCaching, caching},
                                        {KnobId::kBatching, batching}});
            EXPECT_EQ(answer_all(growing, knobs, {}, &counters), alone);
            EXPECT_GT(counters.preemptions, 10u) << "hardly anything was preempted, so nothing was tried";
        }
}

TEST_P(Invariants, StaticBatching) {
    EXPECT_EQ(answer_all(asked_, options({{KnobId::kBatching, 1}, {KnobId::kMaxNumSeqs, 5}})), alone_);
    EXPECT_EQ(answer_all(asked_, options({{KnobId::kBatching, 1}, {KnobId::kNumKvBlocks, 48}})), alone_);
}

TEST_P(Invariants, WithoutChunking) {
    EXPECT_EQ(
        answer_all(asked_, options({{KnobId::kEnableChunkedPrefill, 0}, {KnobId::kMaxNumBatchedTokens, 40}})),
        alone_);
    EXPECT_EQ(answer_all(asked_, options({{KnobId::kEnableChunkedPrefill, 0},
                                          {KnobId::kMaxNumBatchedTokens, 8},
                                          {KnobId::kNumKvBlocks, 48}})),
              alone_);
}

TEST_P(Invariants, FewerTokensThanSequences) {
    EXPECT_EQ(answer_all(asked_, options({{KnobId::kMaxNumBatchedTokens, 5}})), alone_);
}

TEST_P(Invariants, AnyPolicy) {
    for (const double policy : {0, 1, 2, 3})
        EXPECT_EQ(
            answer_all(asked_, options({{KnobId::kSchedulingPolicy, policy}, {KnobId::kMaxNumSeqs, 3}})),
            alone_)
            << policy;
}

/// Knobs of effect `schedule`, and `numerics`, for a simulated device knows no rounding; but for those under which answers
/// cannot be repeated; taken from the table, so that a
/// new one joins by itself.
std::vector<KnobId> harmless_knobs() {
    std::vector<KnobId> knobs;
    for (const presets::KnobSpec& knob : presets::knob_table())
        if (knob.live && knob.repeatable &&
            (knob.effect == presets::KnobEffect::kSchedule || knob.effect == presets::KnobEffect::kNumerics))
            knobs.push_back(knob.id);
    return knobs;
}

double random_value(const presets::KnobSpec& knob, std::mt19937& random) {
    const double low = knob.minimum, high = std::min(knob.maximum, 600.0);
    return std::floor(low + std::uniform_real_distribution<double>(0, 1)(random) * (high - low + 1));
}

TEST_P(Invariants, KnobStorm) {
    for (const uint32_t seed : StormSeeds(storm_size(12))) {
        std::mt19937 random(seed);
        const auto storm = [&](Rig& rig, uint64_t step) {
            if (step % 3 != 0) return;
            const auto knobs = harmless_knobs();
            const KnobId id = knobs[random() % knobs.size()];
            const Answer answer =
                rig.engine->set_knob(id, random_value(presets::spec(id), random), KnobOrigin::kScript);
            EXPECT_NE(answer.verdict, Verdict::kRefused) << answer.reason;
            if (random() % 8 == 0) rig.engine->flush_prefix_cache();
        };
        EXPECT_EQ(answer_all(asked_, options({{KnobId::kMaxNumSeqs, 8}}), storm), alone_);
    }
}

TEST_P(Invariants, SeededSamplingToo) {
    const auto run = [&](double seqs) {
        Rig rig(options({{KnobId::kMaxNumSeqs, seqs}, {KnobId::kNumKvBlocks, 64}}));
        for (size_t i = 0; i < asked_.size(); ++i) {
            GenerationRequest request;
            request.prompt = asked_[i].prompt;
            request.max_tokens = asked_[i].max_tokens;
            request.sampling.temperature = 1;
            request.sampling.seed = i % 2;
            rig.submit(std::move(request));
        }
        rig.finish();
        Answers ids;
        for (const auto& answer : rig.answers) ids.push_back(answer->ids);
        return ids;
    };
    const Answers one = run(1);
    EXPECT_EQ(one, run(16));
    EXPECT_NE(one, alone_);
}

INSTANTIATE_TEST_SUITE_P(Depth, Invariants, testing::Values(1u, 2u),
                         [](const auto& depth) { return "Depth" + std::to_string(depth.param); });

}  // namespace
}  // namespace pitwall::engine::test
