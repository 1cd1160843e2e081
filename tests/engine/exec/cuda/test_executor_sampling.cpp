// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the whole executor samples, with one plan in flight and with two.
#include <gtest/gtest.h>

#include "engine/sample/sampler.h"
#include "tests/engine/exec/cuda/cuda_hand.h"
#include "tests/storm.h"

namespace pitwall::engine {
namespace {

/// Sampled, verified and scored in one step: the tokens that the host's sampler gives for the logits that come back, which are
/// the raw ones.
TEST(CudaExecutor, SamplesAsTheHostDoesFromTheSameLogits) {
    const TestModel model(small_config(), {TensorType::kQ4_0, TensorType::kQ8_0}, 33);
    const uint32_t vocab = model.config().vocab_size;
    CudaHand hand(model);
    for (const uint32_t seed : StormSeeds(storm_size(4))) {
        std::mt19937 random(seed);
        constexpr uint32_t kSlices = 5;
        std::vector<std::vector<TokenId>> tokens;
        std::vector<std::vector<BlockId>> tables;
        std::vector<std::vector<float>> logits(kSlices);
        const std::vector<TokenId> banned = {1, 4, static_cast<TokenId>(random() % vocab)};
        StepPlan plan;
        for (uint32_t i = 0; i < kSlices; ++i) {
            tokens.push_back(random_tokens(8 + random() % 8, vocab, random));
            tables.push_back(blocks_from(3 * i, 1));
        }
        for (uint32_t i = 0; i < kSlices; ++i) {
            SequenceSlice slice = scored_slice(tokens[i], 0, tables[i], logits[i], vocab);
            slice.samples = 1 + random() % 5;
            slice.sampling = {.temperature = i == 0 ? 0.0f : 0.5f * static_cast<float>(i),
                              .top_k = i == 2 ? 20 : 0,
                              .top_p = i < 3 ? 1.0f : 0.8f,
                              .min_p = i == 4 ? 0.01f : 0.0f,
                              .repetition_penalty = 1.3f,
                              .seed = seed + i};
            slice.banned = banned;
            slice.banned_before = static_cast<uint32_t>(tokens[i].size() - 1);
            plan.slices.push_back(slice);
        }
        const StepResult result = hand.run(plan);
        ASSERT_TRUE(result.status.ok());
        SamplerScratch scratch;
        std::vector<TokenId> want;
        for (uint32_t i = 0; i < kSlices; ++i) {
            const SequenceSlice& slice = plan.slices[i];
            for (size_t t = slice.first_sampled(); t < tokens[i].size(); ++t)
                want.push_back(sample_token(std::span(logits[i]).subspan(t * vocab, vocab), slice.sampling,
                                            slice.history_at(t), slice.banned_at(t), t + 1, scratch));
        }
        EXPECT_EQ(result.sampled, want);
    }
}

/// Greedy, and sampled in several ways.
std::vector<Decoding> some_sequences() {
    std::mt19937 random(8);
    std::vector<Decoding> sequences;
    for (uint32_t i = 0; i < 4; ++i) {
        Decoding d{RequestId{i + 1}, random_tokens(5 + 17 * i, 83, random), blocks_from(10 * i, 10), {}, 0};
        d.tokens.reserve(200);  // spans of them stay valid while a plan is in flight
        if (i == 1) d.sampling = {.temperature = 1, .repetition_penalty = 1.5f, .seed = 3};
        if (i == 2) d.sampling = {.temperature = 0, .repetition_penalty = 3};
        if (i == 3) d.sampling = {.temperature = 1.5f, .top_k = 30, .top_p = 0.9f, .seed = 4};
        sequences.push_back(std::move(d));
    }
    return sequences;
}

/// In an order of its own in every other step: what one sequence sampled lies where another's will.
template <class Visit>
void in_order(std::vector<Decoding>& sequences, uint32_t step, const Visit& visit) {
    for (size_t i = 0; i < sequences.size(); ++i)
        visit(sequences[step % 2 == 0 ? i : sequences.size() - 1 - i], i);
}

StepPlan plan_of(std::vector<Decoding>& sequences, uint32_t step) {
    StepPlan plan;
    in_order(sequences, step, [&](Decoding& d, size_t) { plan.slices.push_back(d.next()); });
    return plan;
}

TEST(CudaExecutor, TwoPlansInFlightGiveTheTokensOfOne) {
    const TestModel model(small_config(), {TensorType::kQ4_0, TensorType::kQ8_0}, 33);
    constexpr uint32_t kSteps = kSanitized ? 5 : 9;
    auto alone = some_sequences(), overlapped = some_sequences();
    CudaHand first(model);
    for (uint32_t step = 0; step < kSteps; ++step) {
        const StepResult result = first.run(plan_of(alone, step));
        in_order(alone, step, [&](Decoding& d, size_t i) { d.tokens.push_back(result.sampled.at(i)); });
    }
    CudaHand second(model);
    Executor& executor = second.executor();
    ASSERT_EQ(executor.depth(), 2u);
    Ticket before = executor.submit(plan_of(overlapped, 0));
    for (uint32_t step = 0; step < kSteps; ++step) {
        for (Decoding& d : overlapped) d.tokens.push_back(-1);
        const bool last = step + 1 == kSteps;
        const Ticket next = last ? before : executor.submit(plan_of(overlapped, step + 1));
        const StepResult result = executor.collect(before);
        ASSERT_TRUE(result.status.ok());
        in_order(overlapped, step, [&](Decoding& d, size_t i) { d.tokens.back() = result.sampled.at(i); });
        before = next;
    }
    for (size_t i = 0; i < alone.size(); ++i) EXPECT_EQ(overlapped[i].tokens, alone[i].tokens) << i;
}

}  // namespace
}  // namespace pitwall::engine
