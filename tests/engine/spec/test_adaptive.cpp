// SPDX-License-Identifier: GPL-3.0-or-later
//
// Adaptive lengths in the engine, in the simulated device's virtual time: never much slower than off or the best fixed length.
#include <gtest/gtest.h>

#include "tests/engine/core/rig.h"
#include "tests/engine/spec/draft_device.h"
#include "tests/engine/spec/drafter_double.h"

namespace pitwall::engine::test {
namespace {

constexpr uint32_t kTokens = 1000;

/// The virtual time in which so many streams have their answers.
int64_t session_ns(uint32_t streams, const Truth& truth, const std::map<KnobId, double>& knobs,
                   uint32_t right_percent) {
    RigOptions options = with(knobs);
    options.knobs[KnobId::kMaxNumSeqs] = streams;
    options.knobs[KnobId::kMaxNumBatchedTokens] = 1024;
    options.knobs[KnobId::kNumKvBlocks] = 1 << 14;
    options.drafters = double_of(truth, 997, {.right_percent = right_percent, .sure = true});
    options.keep_events = options.verify_kv = false;
    Rig rig(options);
    for (uint32_t i = 0; i < streams; ++i) rig.submit(prompt_of(8, i), kTokens);
    while (rig.engine->step()) rig.collect();
    for (uint32_t i = 0; i < streams; ++i)
        EXPECT_TRUE(
            std::equal(rig.answers[i]->ids.begin(), rig.answers[i]->ids.end(), truth.at(i + 1).begin() + 8));
    return rig.clock.now_ns();
}

Truth truth_of(uint32_t streams) {
    Rig rig(with({{KnobId::kNumKvBlocks, 1 << 14}}));
    Truth truth;
    for (uint32_t i = 0; i < streams; ++i) rig.submit(prompt_of(8, i), kTokens);
    rig.finish();
    for (uint32_t i = 0; i < streams; ++i) {
        truth[i + 1] = prompt_of(8, i);
        truth[i + 1].insert(truth[i + 1].end(), rig.answers[i]->ids.begin(), rig.answers[i]->ids.end());
    }
    return truth;
}

class Adaptive : public testing::TestWithParam<uint32_t> {};

TEST_P(Adaptive, IsNeverMuchSlowerThanTheBest) {
    const Truth truth = truth_of(GetParam());
    const auto took = [&](double method, double k, double adaptive, uint32_t right) {
        return session_ns(GetParam(), truth,
                          {{KnobId::kSpeculativeMethod, method},
                           {KnobId::kNumSpeculativeTokens, k},
                           {KnobId::kSpeculativeAdaptive, adaptive}},
                          right);
    };
    for (const uint32_t right : {0u, 50u, 80u, 97u}) {
        int64_t best = took(0, 1, 0, right);
        double best_k = 0;
        for (const double k : {1, 2, 4, 8})
            if (const int64_t now = took(1, k, 0, right); now < best) best = now, best_k = k;
        EXPECT_LT(static_cast<double>(took(1, 8, 1, right)), 1.05 * static_cast<double>(best))
            << right << " % right; best is " << best_k;
    }
}

/// As the sizes of llama-3.1-8b and llama-3.2-1b, but for a vocabulary of the tests'.
ModelConfig large_config() {
    ModelConfig c = tiny_config(997);
    c.num_layers = 32, c.hidden_size = 4096, c.num_heads = 32, c.num_kv_heads = 8, c.head_dim = 128,
    c.intermediate_size = 14336;
    return c;
}
ModelConfig small_config() {
    ModelConfig c = tiny_config(997);
    c.num_layers = 16, c.hidden_size = 2048, c.num_heads = 32, c.num_kv_heads = 8, c.head_dim = 64,
    c.intermediate_size = 8192;
    return c;
}

/// Drafts of a model cost passes over it. `k` 0: no drafts. Long enough that what learning takes is not most of it.
int64_t model_session_ns(uint32_t streams, uint32_t prompt_tokens, const DraftDevice& draft, uint32_t k,
                         bool adaptive, uint32_t output_tokens = kTokens, uint32_t requests = 0) {
    RigOptions options = with({{KnobId::kMaxNumSeqs, streams},
                               {KnobId::kMaxNumBatchedTokens, 1024},
                               {KnobId::kNumSpeculativeTokens, std::max(k, 1u)},
                               {KnobId::kSpeculativeAdaptive, adaptive}});
    options.timed_drafters = drafters_of(draft);
    options.keep_events = options.verify_kv = false;
    options.config = large_config();
    options.profile = "h100";
    options.capacity_blocks = 1 << 13;
    Rig rig(options);
    if (k > 0) turn_to(rig, DraftMethod::kDraft);
    for (uint32_t i = 0; i < std::max(streams, requests); ++i)
        rig.submit(prompt_of(prompt_tokens, i), output_tokens);
    while (rig.engine->step()) rig.collect();
    return rig.clock.now_ns();
}

void expect_near_best(uint32_t streams, uint32_t prompt_tokens) {
    for (const uint32_t agreement : {5u, 60u, 90u}) {
        const DraftDevice draft{.agreement_percent = agreement, .config = small_config(), .profile = "h100"};
        int64_t best = model_session_ns(streams, prompt_tokens, draft, 0, false);
        uint32_t best_k = 0;
        for (const uint32_t k : {1u, 2u, 4u, 8u})
            if (const int64_t now = model_session_ns(streams, prompt_tokens, draft, k, false); now < best)
                best = now, best_k = k;
        EXPECT_LT(static_cast<double>(model_session_ns(streams, prompt_tokens, draft, 8, true)),
                  1.05 * static_cast<double>(best))
            << agreement << " % agreement, prompts of " << prompt_tokens << "; best is " << best_k;
    }
}

TEST_P(Adaptive, KnowsWhatADraftModelCosts) { expect_near_best(GetParam(), 8); }
TEST_P(Adaptive, KnowsWhatReadingPromptsCosts) { expect_near_best(GetParam(), 200); }

/// Right as it may be, it can only lose.
TEST_P(Adaptive, DoesNotTryADraftModelAsLargeAsTheModelItself) {
    const DraftDevice draft{.agreement_percent = 100, .config = large_config(), .profile = "h100"};
    EXPECT_EQ(model_session_ns(GetParam(), 200, draft, 8, true, 60),
              model_session_ns(GetParam(), 200, draft, 0, false, 60));
    EXPECT_GT(model_session_ns(GetParam(), 200, draft, 8, false, 60),
              model_session_ns(GetParam(), 200, draft, 0, false, 60))
        << "always the most drafts: what is to be avoided";
}

/// Prompts that take several steps to read, and answers that end soon: what a draft model is worth has to be found out all
/// the same, and who is read for is not to wait until its answer is over.
TEST_P(Adaptive, LearnsFromShortAnswersToLongPrompts) {
    const uint32_t streams = GetParam(), requests = 20 * std::max(4u, streams);
    for (const uint32_t agreement : {75u, 95u}) {
        const DraftDevice draft{.agreement_percent = agreement, .config = small_config(), .profile = "h100"};
        const auto took = [&](uint32_t k, bool adaptive) {
            return static_cast<double>(model_session_ns(streams, 600, draft, k, adaptive, 100, requests));
        };
        const double best = std::min({took(0, false), took(1, false), took(2, false), took(4, false)});
        // Learning is much of so short a session: 5.0 % at 95 %, 32 streams.
        EXPECT_LT(took(8, true), 1.06 * best) << agreement << " % agreement";
    }
}

INSTANTIATE_TEST_SUITE_P(Streams, Adaptive, testing::Values(1u, 4u, 16u, 32u),
                         [](const auto& streams) { return "Streams" + std::to_string(streams.param); });

}  // namespace
}  // namespace pitwall::engine::test
