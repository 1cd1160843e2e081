// SPDX-License-Identifier: GPL-3.0-or-later
//
// Thousands of sequences and a million blocks, in seconds.
#include <gtest/gtest.h>

#include <ctime>

#include "tests/engine/core/rig.h"

namespace pitwall::engine::test {
namespace {

TEST(Scale, ThousandsOfSequencesOverAMillionBlocks) {
    VirtualClock clock;
    SimOptions sim;
    sim.clock = &clock;
    sim.capacity_blocks = 1'000'000;
    auto executor = make_sim_executor(tiny_config(32000), "h200", sim);
    ASSERT_TRUE(executor.ok());
    KnobValues knobs;
    knobs.set(KnobId::kMaxNumSeqs, 4096);
    knobs.set(KnobId::kNumKvBlocks, 1'000'000);
    knobs.set(KnobId::kMaxNumBatchedTokens, 65536);
    knobs.set(KnobId::kKeyframeIntervalSteps, 1'000'000);
    Bus bus;
    const auto producer = bus.add_producer();
    Engine engine(std::move(executor).value(), nullptr, knobs, clock, *producer, 4096);
    std::vector<std::unique_ptr<Answered>> answers;
    for (uint32_t i = 0; i < 12000; ++i) {
        GenerationRequest request;
        request.prompt = prompt_of(200 + i % 1500, i % 6000, 32000);
        request.max_tokens = 8 + i % 24;
        answers.push_back(std::make_unique<Answered>());
        engine.submit(std::move(request), answers.back().get());
    }
    while (engine.has_work()) ASSERT_TRUE(engine.step());
    for (uint32_t i = 0; i < answers.size(); ++i) {
        ASSERT_EQ(answers[i]->ids.size(), 8 + i % 24);
        // The second 6,000 ask what the first asked; what is alike must be answered alike.
        if (i < 6000) continue;
        const auto& first = answers[i - 6000]->ids;
        const size_t both = std::min(first.size(), answers[i]->ids.size());
        ASSERT_TRUE(
            std::equal(first.begin(), first.begin() + static_cast<ptrdiff_t>(both), answers[i]->ids.begin()))
            << i;
    }
    const Status status = engine.check_integrity();
    EXPECT_TRUE(status.ok()) << status.error().text();
}

/// Thread CPU time of stepping through a queue; the machine's other work does not count.
double cost_of_queue(uint32_t waiting, double policy) {
    RigOptions options;
    options.knobs = {{KnobId::kMaxNumSeqs, 8},
                     {KnobId::kSchedulingPolicy, policy},
                     {KnobId::kKeyframeIntervalSteps, 1'000'000}};
    options.verify_kv = false;
    Rig rig(options);
    for (uint32_t i = 0; i < waiting + 8; ++i) rig.submit(prompt_of(20, i), 400);
    rig.engine->step();
    const std::clock_t begin = std::clock();
    for (int i = 0; i < 300; ++i) rig.engine->step();
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

TEST(Scale, ALongQueueCostsAStepNothing) {
    for (const double policy : {0.0, 3.0}) {
        const double few = cost_of_queue(100, policy), many = cost_of_queue(30000, policy);
        // 300 times the queue; quadratic work would cost 90,000 times as much, linear work 300 times.
        EXPECT_LT(many, 12 * few + 0.02) << "policy " << policy;
    }
}

}  // namespace
}  // namespace pitwall::engine::test
