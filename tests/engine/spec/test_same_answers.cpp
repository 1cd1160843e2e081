// SPDX-License-Identifier: GPL-3.0-or-later
//
// With speculation every answer is what it is without: whatever is drafted, whatever else is turned, on both kinds of device.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/exec/cpu/cpu_executor.h"
#include "engine/model/synthetic_model.h"
#include "tests/engine/core/byte_tokenizer.h"
#include "tests/engine/core/rig.h"
#include "tests/engine/spec/drafter_double.h"
#include "tests/storm.h"

namespace pitwall::engine::test {
namespace {

constexpr uint32_t kVocab = 257;

/// Greedy and seeded, penalised, with end tokens held back for a while or for good, with stop strings and without.
std::vector<GenerationRequest> random_requests(uint32_t count, uint32_t vocab, std::mt19937& random) {
    const auto below = [&](uint32_t bound) { return static_cast<uint32_t>(random() % bound); };
    std::vector<GenerationRequest> requests;
    for (uint32_t i = 0; i < count; ++i) {
        GenerationRequest request =
            ask(prompt_of(1 + below(i % 4 == 0 ? 150 : 40), below(6), vocab), 1 + below(90));
        const auto own = prompt_of(below(8), random(), vocab);
        request.prompt.insert(request.prompt.end(), own.begin(), own.end());
        if (below(2)) request.sampling.temperature = 1, request.sampling.seed = below(3);
        if (below(3) == 0) request.sampling.repetition_penalty = 1.2f;
        if (below(3) == 0) request.sampling.top_p = 0.9f;
        request.ignore_eos = below(2);
        if (below(2)) request.min_tokens = below(60);
        if (below(2)) request.stop = {std::string(1, static_cast<char>('a' + below(20))), "xy"};
        requests.push_back(std::move(request));
    }
    return requests;
}

struct Device {
    uint32_t vocab = kVocab, depth = 1;
    std::function<std::unique_ptr<Executor>()> executor = {};  ///< none: simulated
};

class SameAnswers {
  public:
    SameAnswers(const Device& device, uint32_t requests, std::mt19937& random)
        : device_(device),
          requests_(random_requests(requests, std::min(device.vocab, 250u), random)),
          random_(random) {
        Rig alone(options({{KnobId::kMaxNumSeqs, 1}, {KnobId::kEnablePrefixCaching, 0}}));
        for (const GenerationRequest& request : requests_) alone.submit(request);
        alone.finish();
        for (uint32_t i = 0; i < requests; ++i) {
            truth_[i + 1] = requests_[i].prompt;
            truth_[i + 1].insert(truth_[i + 1].end(), alone.answers[i]->ids.begin(),
                                 alone.answers[i]->ids.end());
        }
        alone_ = std::move(alone.answers);
    }

    /// All at once; every third step a knob turns, where `storm` says so.
    KeyframeCounters expect(std::map<KnobId, double> knobs, DrafterDouble::Manners manners, bool storm) {
        knobs.emplace(KnobId::kSpeculativeMethod, 1);
        RigOptions with_drafts = options(std::move(knobs));
        with_drafts.drafters = double_of(truth_, device_.vocab, manners);
        Rig rig(with_drafts);
        for (const GenerationRequest& request : requests_) rig.submit(request);
        for (uint64_t step = 0; rig.engine->has_work() && !testing::Test::HasFatalFailure(); ++step) {
            if (storm && step % 3 == 0) turn(rig);
            rig.engine->step();
            check(rig, step);
        }
        rig.engine->publish_keyframe();
        rig.collect();
        rig.audit.expect_all_ended();
        for (size_t i = 0; i < alone_.size(); ++i) {
            EXPECT_EQ(rig.answers[i]->ids, alone_[i]->ids) << "request " << i + 1;
            EXPECT_EQ(rig.answers[i]->text, alone_[i]->text) << "request " << i + 1;
            EXPECT_EQ(rig.answers[i]->reason, alone_[i]->reason) << rig.answers[i]->error;
        }
        return rig.audit.counters();
    }

  private:
    RigOptions options(std::map<KnobId, double> knobs) const {
        RigOptions o = with(std::move(knobs));
        o.tokenizer = &tokenizer_;
        o.vocab = device_.vocab;
        o.depth = device_.depth;
        o.executor = device_.executor;
        o.capacity_blocks = 512;
        return o;
    }
    static void check(Rig& rig, uint64_t step) {
        const Status status = rig.engine->check_integrity();
        ASSERT_TRUE(status.ok()) << status.error().text() << " after step " << step;
        ASSERT_LT(step, 100'000u) << "it does not come to an end";
        rig.collect();
    }
    void turn(Rig& rig) {
        std::vector<const presets::KnobSpec*> live;
        for (const presets::KnobSpec& knob : presets::knob_table())
            if (knob.live && knob.effect == presets::KnobEffect::kSchedule) live.push_back(&knob);
        const presets::KnobSpec& knob = *live[random_() % live.size()];
        const double reach = std::min(knob.maximum, 80.0) - knob.minimum + 1;
        rig.engine->set_knob(knob.id,
                             knob.minimum + std::floor(static_cast<double>(random_() % 1000) / 1000 * reach),
                             KnobOrigin::kScript);
        if (random_() % 8 == 0) rig.engine->flush_prefix_cache();
    }

    ByteTokenizer tokenizer_;
    Device device_;
    std::vector<GenerationRequest> requests_;
    std::mt19937& random_;
    Truth truth_;
    std::vector<std::unique_ptr<Answered>> alone_;
};

constexpr DrafterDouble::Manners kRight{}, kWrong{.right_percent = 0},
    kMixed{.right_percent = 80, .silent_percent = 20}, kTooMany{.right_percent = 95, .too_many = true},
    kNonsense{.right_percent = 95, .nonsense = true};

void every_way(const Device& device, uint32_t requests, uint32_t rounds) {
    for (const uint32_t seed : StormSeeds(rounds)) {
        std::mt19937 random(seed);
        SameAnswers same(device, requests, random);
        const std::map<KnobId, double> fixed = {{KnobId::kSpeculativeAdaptive, 0},
                                                {KnobId::kNumSpeculativeTokens, 1.0 + random() % 8}};
        const KeyframeCounters right = same.expect(fixed, kRight, false),
                               wrong = same.expect(fixed, kWrong, false);
        EXPECT_EQ(right.accepted_tokens, right.drafted_tokens);
        EXPECT_GT(right.accepted_tokens, right.output_tokens / 4);
        EXPECT_LT(wrong.accepted_tokens, wrong.drafted_tokens / 20 + 5);
        EXPECT_LT(right.steps, wrong.steps);
        for (const auto& manners : {kMixed, kTooMany, kNonsense}) {
            auto small = fixed;
            small[KnobId::kNumKvBlocks] = 24;
            same.expect(small, manners, false);
            same.expect({}, manners, true);
            same.expect({{KnobId::kNumKvBlocks, 30}}, manners, true);
        }
    }
}

TEST(SameAnswers, SimulatedDevice) { every_way({}, 24, storm_size(8)); }
TEST(SameAnswers, TwoPlansInFlight) { every_way({.depth = 2}, 24, storm_size(8)); }

TEST(SameAnswers, RealKernels) {
    auto model = make_synthetic_model("tiny", 3, true);
    ASSERT_TRUE(model.ok());
    Device device;
    device.vocab = model.value()->config().vocab_size;
    device.executor = [&] {
        CpuOptions options;
        options.threads = 2;
        options.kv_cache_memory_bytes = 16 << 20;
        auto executor = make_cpu_executor(*model.value(), options);
        EXPECT_TRUE(executor.ok());
        return std::move(executor).value();
    };
    every_way(device, 12, 1);
}

std::vector<TokenId> with_more(std::vector<TokenId> tokens, const std::vector<TokenId>& more) {
    tokens.insert(tokens.end(), more.begin(), more.end());
    return tokens;
}

/// The four likeliest next tokens, with their probabilities among themselves.
std::vector<std::pair<TokenId, double>> likeliest(Executor& executor, const std::vector<TokenId>& tokens,
                                                  uint32_t vocab) {
    std::vector<float> logits(tokens.size() * vocab);
    const std::vector<BlockId> table{BlockId{0}, BlockId{1}};
    StepPlan plan;
    SequenceSlice slice;
    slice.tokens = slice.history = tokens;
    slice.block_table = table;
    slice.logits_out = logits;
    plan.slices.push_back(slice);
    (void)executor.collect(executor.submit(plan));
    std::vector<std::pair<TokenId, double>> all;
    for (uint32_t i = 0; i < vocab; ++i)
        all.emplace_back(static_cast<TokenId>(i), logits[(tokens.size() - 1) * vocab + i]);
    std::ranges::sort(all, [](const auto& a, const auto& b) { return a.second > b.second; });
    all.resize(4);
    double sum = 0;
    for (auto& [token, value] : all) sum += value = std::exp(value);
    for (auto& [token, value] : all) value /= sum;
    return all;
}

/// Those that stand in Pitwall: over a vocabulary so small that they are right now and then.
TEST(SameAnswers, OwnDrafters) {
    for (const uint32_t seed : StormSeeds(storm_size(8))) {
        for (const double method : {1, 2}) {
            uint64_t accepted = 0;
            for (const double adaptive : {0, 1}) {
                std::vector<std::vector<std::vector<TokenId>>> answers;
                for (const double on : {0.0, method}) {
                    std::mt19937 random(seed);
                    RigOptions options = with({{KnobId::kSpeculativeMethod, on},
                                               {KnobId::kSpeculativeAdaptive, adaptive},
                                               {KnobId::kNumKvBlocks, 40}});
                    options.vocab = 3;
                    Rig rig(options);
                    for (GenerationRequest& request : random_requests(16, 3, random)) {
                        request.stop.clear();
                        rig.submit(std::move(request));
                    }
                    rig.finish();
                    rig.engine->publish_keyframe();
                    rig.collect();
                    accepted += rig.audit.counters().accepted_tokens;
                    answers.emplace_back();
                    for (const auto& answer : rig.answers) answers.back().push_back(answer->ids);
                }
                EXPECT_EQ(answers[0], answers[1]) << "method " << method;
            }
            EXPECT_GT(accepted, 20u) << "method " << method;
        }
    }
}

/// Sampled answers have the frequencies that the model's probabilities ask for, drafts or none: three tokens over the four
/// likeliest each, by Pearson's chi-square.
TEST(SameAnswers, SampledAnswersAreDistributedAsWithoutDrafts) {
    auto model = make_synthetic_model("tiny", 5, true);
    ASSERT_TRUE(model.ok());
    const auto device = [&] {
        CpuOptions options;
        options.threads = 1;
        options.kv_cache_memory_bytes = 16 << 20;
        return std::move(make_cpu_executor(*model.value(), options)).value();
    };
    const uint32_t vocab = model.value()->config().vocab_size;
    const std::vector<TokenId> prompt = prompt_of(6, 1, vocab);
    const std::unique_ptr<Executor> executor = device();
    ASSERT_TRUE(executor->resize_pool(4).ok());
    const auto next = [&](std::vector<TokenId> tokens) { return likeliest(*executor, tokens, vocab); };
    std::map<std::vector<TokenId>, double> expected;
    for (const auto& [a, pa] : next(prompt))
        for (const auto& [b, pb] : next(with_more(prompt, {a})))
            for (const auto& [c, pc] : next(with_more(prompt, {a, b}))) expected[{a, b, c}] = pa * pb * pc;

    struct Guesser final : Drafter {  // of the likeliest, any
        explicit Guesser(std::vector<TokenId> some) : some_(std::move(some)) {}
        uint32_t draft(RequestId, std::span<const TokenId>, uint32_t most,
                       std::vector<TokenId>& out) override {
            for (uint32_t i = 0; i < most; ++i) out.push_back(some_[random_() % some_.size()]);
            return 0;
        }
        void end(RequestId, std::span<const TokenId>) override {}
        std::vector<TokenId> some_;
        std::mt19937 random_{9};
    };
    std::vector<TokenId> some;
    for (const auto& [tokens, p] : expected) some.insert(some.end(), tokens.begin() + 1, tokens.end());
    RigOptions options =
        with({{KnobId::kSpeculativeMethod, 1}, {KnobId::kSpeculativeAdaptive, 0}, {KnobId::kMaxNumSeqs, 64}});
    options.executor = device;
    options.keep_events = false;
    options.drafters = [&](DraftMethod method) -> std::unique_ptr<Drafter> {
        if (method == DraftMethod::kNone) return nullptr;
        return std::make_unique<Guesser>(some);
    };
    Rig rig(options);
    const uint32_t answers = 4000;
    for (uint32_t seed = 0; seed < answers; ++seed) {
        GenerationRequest request = ask(prompt, 3);
        request.sampling = {.temperature = 1, .top_k = 4, .seed = seed};
        rig.submit(std::move(request));
    }
    rig.finish();
    rig.engine->publish_keyframe();
    rig.collect();
    EXPECT_GT(rig.audit.counters().accepted_tokens, answers / 20);
    std::map<std::vector<TokenId>, double> seen;
    for (const auto& answer : rig.answers) ++seen[answer->ids];
    double chi_square = 0, cells = 0, rest_expected = answers, rest_seen = answers;
    for (const auto& [ids, p] : expected) {
        if (p * answers < 5) continue;
        chi_square += (seen[ids] - p * answers) * (seen[ids] - p * answers) / (p * answers);
        rest_expected -= p * answers, rest_seen -= seen[ids], ++cells;
    }
    if (rest_expected > 5)
        chi_square += (rest_seen - rest_expected) * (rest_seen - rest_expected) / rest_expected;
    EXPECT_GT(cells, 20);
    // Wilson and Hilferty: beyond this once in 30,000.
    const double limit = cells * std::pow(1 - 2 / (9 * cells) + 4 * std::sqrt(2 / (9 * cells)), 3);
    EXPECT_LT(chi_square, limit);
}

}  // namespace
}  // namespace pitwall::engine::test
