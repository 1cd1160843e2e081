// SPDX-License-Identifier: GPL-3.0-or-later
//
// Adaptive lengths in the engine, in the simulated device's virtual time: never much slower than off or the best fixed length.
#include <gtest/gtest.h>

#include "tests/engine/core/rig.h"
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

INSTANTIATE_TEST_SUITE_P(Streams, Adaptive, testing::Values(1u, 4u, 16u, 32u),
                         [](const auto& streams) { return "Streams" + std::to_string(streams.param); });

}  // namespace
}  // namespace pitwall::engine::test
