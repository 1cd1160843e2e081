// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "tests/engine/exec/cuda/attention_bench.h"
#include "tests/storm.h"

namespace pitwall::cuda {
namespace {

constexpr KvDtype kFormats[] = {KvDtype::kF16,  KvDtype::kBf16, KvDtype::kFp8,
                                KvDtype::kInt8, KvDtype::kK8V4, KvDtype::kInt4};

/// What a format's arithmetic may be off from float64 over the same stored numbers.
double tolerance(KvDtype dtype) { return dtype == KvDtype::kBf16 ? 1e-2 : 2e-3; }

class CudaAttention : public testing::Test {
  protected:
    void SetUp() override { stream = std::move(Stream::create()).value(); }

    /// The step's rows, and that each agrees with float64.
    void expect_right(AttentionBench& bench, const std::vector<StepRows>& step, const AttentionPlan& plan) {
        const auto got = bench.run(step, plan);
        const auto bytes = bench.pool_bytes();
        uint32_t row = 0;
        for (const StepRows& some : step)
            for (uint32_t i = 0; i < some.tokens; ++i, ++row)
                EXPECT_LT(relative_error(AttentionBench::values_of(got[row]),
                                         bench.want(bytes, some.sequence, some.first_position + i)),
                          tolerance(bench.shapes().dtype))
                    << "format " << int(bench.shapes().dtype) << ", head_dim " << bench.shapes().head_dim
                    << ", sequence " << some.sequence << ", position " << some.first_position + i;
    }

    Stream stream;
};

/// Only what holds the last `rows` rows of a sequence, as decode items.
AttentionPlan by_decode(AttentionPlan plan, uint32_t group) {
    plan.decode_items.clear();
    plan.prefill_items.clear();
    plan.parts = plan.most_parts = 0;
    for (uint32_t s = 0; s < plan.sequences.size(); ++s) {
        const SequenceRows& sequence = plan.sequences[s];
        const auto chunks_of = [&](uint32_t token) {
            return (sequence.first_position + token) / kChunkTokens + 1;
        };
        for (uint32_t token = 0; token < sequence.tokens; ++token) {
            uint32_t* const row = plan.row_parts.data() + size_t{sequence.first_row + token} * 2;
            row[0] = plan.parts, row[1] = chunks_of(token);
            plan.parts += row[1];
            plan.most_parts = std::max(plan.most_parts, row[1]);
        }
        const uint32_t per_item = kWarpRows / group;
        for (uint32_t first = 0; first < sequence.tokens; first += per_item) {
            const uint32_t tokens = std::min(per_item, sequence.tokens - first);
            for (uint32_t chunk = 0; chunk < chunks_of(first + tokens - 1); ++chunk)
                plan.decode_items.push_back({s, first, tokens, chunk, chunk + 1, 0});
        }
    }
    return plan;
}

/// All rows by the prefill kernel: merged in it, or chunks of their own in items of `step` chunks.
AttentionPlan by_prefill(AttentionPlan plan, uint32_t group, bool merged, uint32_t step) {
    plan = by_decode(std::move(plan), 1);
    plan.decode_items.clear();
    for (uint32_t s = 0; s < plan.sequences.size(); ++s) {
        const SequenceRows& sequence = plan.sequences[s];
        const uint32_t per_item = kPrefillRows / group;
        for (uint32_t first = 0; first < sequence.tokens; first += per_item) {
            const uint32_t tokens = std::min(per_item, sequence.tokens - first);
            const uint32_t chunks = (sequence.first_position + first + tokens - 1) / kChunkTokens + 1;
            for (uint32_t chunk = 0; chunk < chunks; chunk += merged ? chunks : step)
                plan.prefill_items.push_back(
                    {s, first, tokens, chunk, merged ? chunks : std::min(chunk + step, chunks), merged});
        }
        for (uint32_t row = sequence.first_row; merged && row < sequence.first_row + sequence.tokens; ++row)
            plan.row_parts[2 * row + 1] = 1;
    }
    return plan;
}

TEST_F(CudaAttention, AgreesWithFloat64) {
    const AttentionShapes shapes{.head_dim = 64, .heads = 3, .kv_heads = 1};
    AttentionBench bench(stream, shapes, {40, 17}, 1);
    const std::vector<StepRows> prompt = {{0, 0, 30}, {1, 0, 16}};
    expect_right(bench, prompt, bench.plan(prompt));
    const std::vector<StepRows> next = {{0, 30, 1}, {1, 16, 1}};
    expect_right(bench, next, bench.plan(next));
}

TEST_F(CudaAttention, KernelsGiveTheSameBits) {
    const AttentionShapes shapes{.head_dim = 64, .heads = 4, .kv_heads = 2};
    AttentionBench bench(stream, shapes, {600}, 2);
    bench.run({{0, 0, 590}});
    const std::vector<StepRows> step = {{0, 590, 3}};
    const auto plan = bench.plan(step);
    const auto got = bench.run(step, plan);
    EXPECT_EQ(bench.run(step, by_decode(plan, 2)), got);
    EXPECT_EQ(bench.run(step, by_prefill(plan, 2, false, 1)), got);
    EXPECT_EQ(bench.run(step, by_prefill(plan, 2, false, 2)), got);
    EXPECT_EQ(bench.run(step, by_prefill(plan, 2, true, 0)), got);
}

}  // namespace
}  // namespace pitwall::cuda
