// SPDX-License-Identifier: GPL-3.0-or-later
//
// The probe tells what anybody finds who computes the same text in both formats, and takes no more time than it may.
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <utility>

#include "engine/exec/cpu/cpu_executor.h"
#include "engine/kv/kv_format.h"
#include "engine/model/synthetic_model.h"
#include "engine/probe/logit_distance.h"
#include "engine/probe/quality_probe.h"
#include "tests/engine/core/forwarding_executor.h"
#include "tests/engine/core/rig.h"

namespace pitwall::engine::test {
namespace {

const Model& tiny_model() {
    static const auto model = make_synthetic_model("tiny", 1, true);
    EXPECT_TRUE(model.ok());
    return *model.value();
}

std::unique_ptr<Executor> cpu_executor(KvDtype dtype) {
    CpuOptions options;
    options.threads = 2;
    options.kv_cache_memory_bytes = uint64_t{16} << 20;
    options.kv_cache_dtype = dtype;
    auto executor = make_cpu_executor(tiny_model(), options);
    EXPECT_TRUE(executor.ok());
    return std::move(executor).value();
}

RigOptions rig_options(KvDtype dtype, std::map<KnobId, double> knobs = {}) {
    knobs.emplace(KnobId::kKvCacheDtype, kv_dtype_choice(dtype));
    RigOptions options = with(std::move(knobs));
    options.vocab = tiny_model().config().vocab_size;
    options.executor = [dtype] { return cpu_executor(dtype); };
    return options;
}

/// [tokens, vocab], as `score` computes them: in one piece, in the pool.
std::vector<float> logits_of(KvDtype dtype, std::span<const TokenId> tokens) {
    const auto executor = cpu_executor(dtype);
    EXPECT_TRUE(executor->resize_pool(32).ok());
    std::vector<BlockId> table;
    for (uint32_t i = 0; i < 32; ++i) table.push_back(BlockId{i});
    std::vector<float> logits(tokens.size() * executor->vocab_size());
    SequenceSlice slice;
    slice.tokens = slice.history = tokens;
    slice.block_table = table;
    slice.logits_out = logits;
    StepPlan plan;
    plan.slices.push_back(slice);
    EXPECT_TRUE(executor->collect(executor->submit(plan)).status.ok());
    return logits;
}

void expect_recomputed(const ProbeEvent& probe, std::span<const TokenId> text) {
    const auto tokens = text.subspan(probe.first_token, probe.tokens);
    const auto reference = logits_of(probe.reference, tokens), other = logits_of(probe.dtype, tokens);
    const size_t vocab = tiny_model().config().vocab_size;
    double sum = 0, worst = 0;
    uint32_t positions = 0, flips = 0;
    for (size_t i = 7; i < tokens.size(); i += 4) {
        const auto row = [&](const std::vector<float>& all) {
            return std::span(all).subspan(i * vocab, vocab);
        };
        const LogitDistance distance = distance_between(row(reference), row(other));
        sum += distance.kl, worst = std::max(worst, distance.kl);
        ++positions, flips += distance.flip;
    }
    EXPECT_EQ(probe.positions, positions);
    EXPECT_EQ(probe.flips, flips);
    EXPECT_EQ(probe.mean_kl, sum / positions);
    EXPECT_EQ(probe.worst_kl, worst);
    EXPECT_GT(probe.mean_kl, 0);
}

TEST(LogitDistance, WorkedOutByHand) {
    // Softmax of (ln 1, ln 3) is (1/4, 3/4), of (ln 1, ln 1) a half each, whatever is added to all.
    const float p[] = {5, 5 + std::log(3.0f)}, q[] = {-2, -2}, r[] = {std::log(3.0f), 0};
    EXPECT_NEAR(distance_between(p, q).kl, 0.25 * std::log(0.5) + 0.75 * std::log(1.5), 1e-7);
    EXPECT_NEAR(distance_between(p, r).kl, 0.5 * std::log(3), 1e-7);
    EXPECT_TRUE(distance_between(p, r).flip);
    EXPECT_EQ(distance_between(p, p).kl, 0);
    EXPECT_FALSE(distance_between(p, p).flip);
    const float large[] = {3e38f, -3e38f};
    EXPECT_EQ(distance_between(large, large).kl, 0);
}

TEST(QualityProbe, EqualsARecomputationOfTheSameText) {
    for (const KvDtype dtype : {KvDtype::kInt4, KvDtype::kInt8, KvDtype::kBf16}) {
        Rig rig(rig_options(dtype));
        std::vector<std::vector<TokenId>> texts;
        for (uint32_t i = 0; i < 4; ++i) {
            texts.push_back(prompt_of(20 + 100 * i, i, tiny_model().config().vocab_size));
            rig.submit(texts.back(), 30);
        }
        rig.finish();
        for (size_t i = 0; i < texts.size(); ++i)
            texts[i].insert(texts[i].end(), rig.answers[i]->ids.begin(), rig.answers[i]->ids.end());
        const size_t busy = rig.of(EventKind::kProbe).size();
        EXPECT_GE(busy, 3u);
        for (int i = 0; i < 100; ++i) rig.engine->probe_when_idle();  // on what has ended, longer pieces
        const auto probes = rig.of(EventKind::kProbe);
        EXPECT_GT(probes.size(), busy);
        for (const Event& e : probes) {
            EXPECT_EQ(e.probe.dtype, dtype);
            expect_recomputed(e.probe, texts[raw(e.probe.request) - 1]);
        }
    }
}

TEST(QualityProbe, AsksNothingWhereThereIsNothingToCompare) {
    Rig f16(rig_options(KvDtype::kF16));
    f16.submit(prompt_of(40, 1, 200), 20);
    f16.finish();
    EXPECT_FALSE(f16.engine->probe_when_idle());
    EXPECT_TRUE(f16.of(EventKind::kProbe).empty());
    Rig off(rig_options(KvDtype::kInt8, {{KnobId::kKvQualityProbe, 0}}));
    off.submit(prompt_of(40, 1, 200), 20);
    off.finish();
    EXPECT_FALSE(off.engine->probe_when_idle());
    EXPECT_TRUE(off.of(EventKind::kProbe).empty());
    Rig simulated(with({{KnobId::kKvCacheDtype, kv_dtype_choice(KvDtype::kInt8)}}));
    simulated.submit(prompt_of(40, 1), 20);
    simulated.finish();
    EXPECT_TRUE(simulated.of(EventKind::kProbe).empty()) << "a simulated device rounds nothing";
}

/// A change of format on the way: what was half done is given up, and no sample mixes formats.
TEST(QualityProbe, FollowsTheFormat) {
    Rig rig(rig_options(KvDtype::kInt8));
    const auto prompt = prompt_of(60, 3, tiny_model().config().vocab_size);
    rig.submit(prompt, 80);
    const KvDtype turns[] = {KvDtype::kInt4, KvDtype::kF16, KvDtype::kK8V4, KvDtype::kFp8};
    for (int step = 0; rig.engine->has_work(); ++step) {
        if (step % 15 == 7)
            rig.engine->set_knob(KnobId::kKvCacheDtype, kv_dtype_choice(turns[step / 15 % 4]),
                                 KnobOrigin::kUser);
        rig.engine->step();
    }
    std::vector<TokenId> text = prompt;
    text.insert(text.end(), rig.answers[0]->ids.begin(), rig.answers[0]->ids.end());
    std::set<KvDtype> seen;
    for (const Event& e : rig.of(EventKind::kProbe)) {
        seen.insert(e.probe.dtype);
        expect_recomputed(e.probe, text);
    }
    EXPECT_GE(seen.size(), 3u);
    EXPECT_FALSE(seen.contains(KvDtype::kF16));
}

/// Steps of 1 ms and pieces of 3 ms, on the clock that it is given.
class Timed final : public ForwardingExecutor {
  public:
    using ForwardingExecutor::ForwardingExecutor;
    Status score_beside(KvDtype dtype, std::span<const TokenId> tokens, uint32_t first,
                        std::span<float* const> logits) override {
        clock->advance(3'000'000);
        return ForwardingExecutor::score_beside(dtype, tokens, first, logits);
    }
    StepResult collect(Ticket ticket) override {
        clock->advance(1'000'000);
        StepResult result = ForwardingExecutor::collect(ticket);
        result.copy_ns = result.sample_ns = 0, result.execute_ns = 1'000'000;
        return result;
    }

    VirtualClock* clock = nullptr;
};

TEST(QualityProbe, TakesTwoPercentOfTheTimeAndNoMore) {
    RigOptions options = rig_options(KvDtype::kInt8, {{KnobId::kMaxNumSeqs, 2}});
    Timed* timed = nullptr;
    options.executor = [&] {
        auto executor = std::make_unique<Timed>(cpu_executor(KvDtype::kInt8));
        timed = executor.get();
        return executor;
    };
    Rig rig(options);
    timed->clock = &rig.clock;
    for (uint32_t i = 0; i < 20; ++i) rig.submit(prompt_of(40, i, 200), 200);
    rig.finish();
    const int64_t all_ns = rig.clock.now_ns();
    int64_t cost_ns = 0;
    const auto probes = rig.of(EventKind::kProbe);
    for (const Event& e : probes) cost_ns += e.probe.cost_ns;
    EXPECT_LE(static_cast<double>(cost_ns), 0.02 * static_cast<double>(all_ns));
    EXPECT_GE(static_cast<double>(cost_ns), 0.012 * static_cast<double>(all_ns)) << "it takes what it may";
    EXPECT_GT(probes.size(), 2u);
}

/// Probes until nothing is left, and checks that no token of a request was judged twice in one format.
class Pieces {
  public:
    explicit Pieces(Rig& rig) : rig_(rig) {}
    void rest() {
        int pieces = 0;
        while (rig_.engine->probe_when_idle()) ASSERT_LT(++pieces, 100'000);
    }
    /// Samples since the last call.
    size_t take() {
        const auto probes = rig_.of(EventKind::kProbe);
        std::set<std::pair<uint32_t, uint32_t>> judged;  // request, token
        for (size_t i = taken_; i < probes.size(); ++i) {
            const ProbeEvent& probe = probes[i].probe;
            for (uint32_t token = probe.first_token; token < probe.first_token + probe.tokens; ++token)
                EXPECT_TRUE(judged.emplace(raw(probe.request), token).second)
                    << raw(probe.request) << ", token " << token;
        }
        return probes.size() - std::exchange(taken_, probes.size());
    }

  private:
    Rig& rig_;
    size_t taken_ = 0;
};

/// While requests run, when they have ended, and when the engine comes back to a format.
TEST(QualityProbe, JudgesNoPieceTwice) {
    Rig rig(rig_options(KvDtype::kInt4));
    Pieces pieces(rig);
    for (uint32_t i = 0; i < 6; ++i) rig.submit(prompt_of(20 + 70 * i, i, 200), 60);
    rig.finish();
    pieces.rest();
    EXPECT_GE(pieces.take(), 6u);
    const auto turn = [&](KnobId knob, double value) {
        rig.engine->set_knob(knob, value, KnobOrigin::kUser);
    };
    turn(KnobId::kKvCacheDtype, kv_dtype_choice(KvDtype::kInt8));
    pieces.rest();
    EXPECT_GE(pieces.take(), 6u) << "another format is another question";
    turn(KnobId::kKvCacheDtype, kv_dtype_choice(KvDtype::kInt4));
    EXPECT_FALSE(rig.engine->probe_when_idle()) << "all was judged in this one";
    rig.submit(prompt_of(60, 9, 200), 60);
    rig.finish();
    pieces.rest();
    EXPECT_GE(pieces.take(), 1u) << "a new text is new";
}

TEST(QualityProbe, OtherActivationsAreAnotherQuestion) {
    Rig rig(rig_options(KvDtype::kInt4));
    Pieces pieces(rig);
    rig.submit(prompt_of(200, 1, 200), 10);
    rig.finish();
    pieces.rest();
    const size_t first = pieces.take();
    const double before = rig.engine->effective_knobs().get(KnobId::kActivationDtype);
    for (const auto dtype : {presets::ActivationDtype::kI8, presets::ActivationDtype::kF32}) {
        rig.engine->set_knob(KnobId::kActivationDtype, static_cast<double>(dtype), KnobOrigin::kUser);
        const double now = rig.engine->effective_knobs().get(KnobId::kActivationDtype);
        ASSERT_EQ(now, static_cast<double>(dtype));
        pieces.rest();
        EXPECT_EQ(pieces.take() > 0, now != before);
    }
    EXPECT_GE(first, 1u);
}

TEST(QualityProbe, AnIdleEngineRestsAtLast) {
    Rig rig(rig_options(KvDtype::kInt4));
    for (uint32_t i = 0; i < 8; ++i) rig.submit(prompt_of(1800, i, 200), 10);
    rig.finish();
    Pieces(rig).rest();
    EXPECT_EQ(rig.of(EventKind::kProbe).size(), 64u) << "there is more, but this says enough";
    rig.engine->set_knob(KnobId::kKvCacheDtype, kv_dtype_choice(KvDtype::kInt8), KnobOrigin::kUser);
    EXPECT_TRUE(rig.engine->probe_when_idle()) << "another format is another question";
}

}  // namespace
}  // namespace pitwall::engine::test
