// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "tests/engine/exec/cuda/attention_fixture.h"
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

    /// Each `every`th of the step's rows agrees with float64, and the last one.
    void expect_right(AttentionBench& bench, const std::vector<StepRows>& step, const AttentionPlan& plan,
                      uint32_t every) {
        const auto got = bench.run(step, plan);
        const auto bytes = bench.pool_bytes();
        uint32_t row = 0;
        for (const StepRows& some : step)
            for (uint32_t i = 0; i < some.tokens; ++i, ++row)
                if (i % every == 0 || i + 1 == some.tokens) expect_row(bench, bytes, some, i, got[row]);
    }
    void expect_row(const AttentionBench& bench, const std::vector<uint8_t>& bytes, const StepRows& some,
                    uint32_t token, const OutputRow& got) {
        const uint32_t position = some.first_position + token;
        const auto want = bench.want(bytes, some.sequence, position);
        EXPECT_LT(relative_error(AttentionBench::values_of(got), want), tolerance(bench.shapes().dtype))
            << "format " << int(bench.shapes().dtype) << ", head_dim " << bench.shapes().head_dim
            << ", group " << bench.shapes().group() << ", sequence " << some.sequence << ", position "
            << position;
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

TEST_F(CudaAttention, AgreesWithFloat64InEveryFormatAndShape) {
    for (const KvDtype dtype : kFormats)
        for (const uint32_t head_dim : {32u, 64u, 128u})
            for (const uint32_t group : {1u, 3u, 4u, 8u}) {
                const uint32_t kv_heads = group == 3 ? 2 : 1;
                AttentionBench bench(stream,
                                     {.dtype = dtype,
                                      .head_dim = head_dim,
                                      .heads = group * kv_heads,
                                      .kv_heads = kv_heads,
                                      .layers = 2,
                                      .layer = group % 2},
                                     {20, 2, 66}, group);
                const std::vector<StepRows> prompt = {{0, 0, 17}, {1, 0, 1}};
                expect_right(bench, prompt, bench.plan(prompt), 4);
                bench.store_until(2, 65);
                const std::vector<StepRows> next = {{2, 65, 1}, {0, 17, 3}, {1, 1, 1}};
                expect_right(bench, next, bench.plan(next), 1);
                if (HasFailure()) return;
            }
}

/// Values of any size that binary16 holds: scales of V meet the weights before these are rounded.
TEST_F(CudaAttention, TakesLargeAndSmallValues) {
    for (const KvDtype dtype : kFormats)
        for (const float size : {3e-3f, 0.1f, 10.0f, 5000.0f}) {
            AttentionBench bench(stream, {.dtype = dtype, .heads = 2}, {40}, 3);
            for (size_t i = 0; i < bench.qkv(0).size(); ++i)
                if (i % bench.shapes().columns() >= 3 * 64) bench.qkv(0)[i] *= size;  // V alone
            const std::vector<StepRows> step = {{0, 0, 40}};
            expect_right(bench, step, bench.plan(step), 7);
        }
}

/// Contexts of several chunks, at their edges.
TEST_F(CudaAttention, AgreesWithFloat64AcrossChunks) {
    for (const KvDtype dtype : kFormats) {
        AttentionBench bench(stream, {.dtype = dtype, .heads = 2}, {520, 256, 257}, 4);
        const std::vector<StepRows> prompts = {{0, 0, 511}, {1, 0, 255}, {2, 0, 256}};
        expect_right(bench, prompts, bench.plan(prompts), 127);
        const std::vector<StepRows> next = {{0, 511, 2}, {1, 255, 1}, {2, 256, 1}};
        expect_right(bench, next, bench.plan(next), 1);
    }
}

TEST_F(CudaAttention, WritesBfloatsForMatricesOfThem) {
    AttentionBench bench(stream, {.heads = 3}, {9}, 5);
    const std::vector<StepRows> step = {{0, 0, 9}};
    const auto rows = bench.run(step, bench.plan(step), OperandNumber::kBfloat);
    const auto bytes = bench.pool_bytes();
    for (uint32_t position = 0; position < 9; ++position) {
        std::vector<double> got;
        for (const uint16_t bits : rows[position].numbers)
            got.push_back(static_cast<double>(engine::bfloat16_to_float(bits)));
        EXPECT_EQ(rows[position].scale, 1);
        EXPECT_LT(relative_error(got, bench.want(bytes, 0, position)), 4e-3);
    }
}

TEST_F(CudaAttention, RowsOfNobodyBecomeZero) {
    AttentionBench bench(stream, {.dtype = KvDtype::kInt8, .heads = 2}, {30}, 6);
    const OutputRow zero{std::vector<uint16_t>(128, 0), 1};
    const auto alone = bench.run({{0, 0, 30}});
    const auto before = with_poison(bench.pool_bytes());
    const auto padded = bench.run({{0, 0, 30}}, 3);
    ASSERT_EQ(padded.size(), 33u);
    for (uint32_t row = 0; row < 33; ++row) EXPECT_EQ(padded[row], row < 30 ? alone[row] : zero) << row;
    EXPECT_EQ(bench.run({}, 2), (std::vector<OutputRow>{zero, zero})) << "no items at all";
    EXPECT_EQ(with_poison(bench.pool_bytes()), before);
    EXPECT_TRUE(bench.run({}).empty());
}

TEST_F(CudaAttention, SaysWhatItWasMadeFor) {
    for (uint8_t dtype = 0; dtype < static_cast<uint8_t>(KvDtype::kCount); ++dtype)
        for (const uint32_t head_dim : {16u, 32u, 48u, 64u, 80u, 96u, 128u, 256u})
            EXPECT_EQ(
                attention_supports(engine::kv_head_layout(KvDtype{dtype}, head_dim)),
                KvDtype{dtype} != KvDtype::kF32 && (head_dim == 32 || head_dim == 64 || head_dim == 128));
}

// ---- the bits of a row are its own ----

/// A prompt fed at once, to compare with: what every row gives, of a fresh cache.
std::vector<OutputRow> fed_at_once(Stream& stream, const AttentionShapes& shapes, uint32_t length,
                                   uint32_t seed) {
    AttentionBench bench(stream, shapes, {length}, seed);
    return bench.run({{0, 0, length}});
}

TEST_F(CudaAttention, KernelsGiveTheSameBits) {
    for (const KvDtype dtype : kFormats)
        for (const uint32_t head_dim : {32u, 64u, 128u}) {
            const AttentionShapes shapes{.dtype = dtype, .head_dim = head_dim, .heads = 6, .kv_heads = 2};
            AttentionBench bench(stream, shapes, {530}, 7);
            bench.store_until(0, 509);
            const std::vector<StepRows> step = {{0, 509, 7}};
            const auto plan = bench.plan(step);
            const auto got = bench.run(step, plan);
            EXPECT_EQ(bench.run(step, by_decode(plan, 3)), got);
            EXPECT_EQ(bench.run(step, by_prefill(plan, 3, false, 1)), got);
            EXPECT_EQ(bench.run(step, by_prefill(plan, 3, false, 2)), got);
            EXPECT_EQ(bench.run(step, by_prefill(plan, 3, true, 0)), got);
            ASSERT_FALSE(HasFailure()) << int(dtype) << " " << head_dim;
        }
}

/// Rows that a block merges by itself, and those of which a block for each head does it first.
TEST_F(CudaAttention, ManyPartsMergeAsFewDo) {
    const AttentionShapes shapes{.dtype = KvDtype::kInt4, .head_dim = 32, .heads = 2};
    AttentionBench bench(stream, shapes, {2048}, 8);
    bench.store_until(0, 2047);
    const std::vector<StepRows> step = {{0, 2047, 1}};
    auto plan = bench.plan(step);
    ASSERT_EQ(plan.most_parts, 8u);
    const auto got = bench.run(step, plan);
    plan.most_parts = 100;
    EXPECT_EQ(bench.run(step, plan), got);
    EXPECT_EQ(bench.run(step, by_prefill(plan, 2, true, 0)), got);
}

/// A prompt in pieces of these sizes, over and over; each row has the bits that it has in `want`.
void expect_same_in_pieces(Stream& stream, const AttentionShapes& shapes, const std::vector<uint32_t>& pieces,
                           const std::vector<OutputRow>& want, uint32_t seed) {
    const auto length = static_cast<uint32_t>(want.size());
    AttentionBench bench(stream, shapes, {length}, seed);
    for (uint32_t at = 0, i = 0; at < length; ++i) {
        const uint32_t tokens = std::min(pieces[i % pieces.size()], length - at);
        const auto rows = bench.run({{0, at, tokens}});
        for (uint32_t row = 0; row < tokens; ++row)
            ASSERT_EQ(rows[row], want[at + row]) << int(shapes.dtype) << ", position " << at + row;
        at += tokens;
    }
}

TEST_F(CudaAttention, CuttingAPromptDoesNotShow) {
    const std::vector<uint32_t> cuts[] = {{1, 1, 5, 64}, {16, 17, 3}, {100, 56, 100, 1, 1, 1}, {255, 2}};
    for (const KvDtype dtype : kFormats) {
        const AttentionShapes shapes{.dtype = dtype, .heads = 4, .kv_heads = 2};
        const auto want = fed_at_once(stream, shapes, 290, 9);
        for (uint32_t i = 0; i < 4; ++i)
            if (!kSanitized || i == static_cast<uint32_t>(dtype) % 4)
                expect_same_in_pieces(stream, shapes, cuts[i], want, 9);
    }
}

TEST_F(CudaAttention, NeighboursDoNotShow) {
    for (const KvDtype dtype : kFormats) {
        const AttentionShapes shapes{.dtype = dtype, .heads = 3, .kv_heads = 1};
        const auto want = fed_at_once(stream, shapes, 80, 10);
        AttentionBench bench(stream, shapes, {80, 300, 33, 1}, 10);
        bench.store_until(1, 299);
        const auto rows = bench.run({{1, 299, 1}, {2, 0, 33}, {0, 0, 70}, {3, 0, 1}}, 3);
        for (uint32_t row = 0; row < 70; ++row) ASSERT_EQ(rows[34 + row], want[row]) << row;
        // Draft tokens and the one before them, beside one that is decoded.
        const auto verified = bench.run({{2, 32, 1}, {0, 70, 6}}, 1);
        for (uint32_t row = 0; row < 6; ++row) ASSERT_EQ(verified[1 + row], want[70 + row]) << row;
        const auto again = bench.run({{0, 73, 3}});  // the last drafts were refused
        for (uint32_t row = 0; row < 3; ++row) ASSERT_EQ(again[row], want[73 + row]) << row;
    }
}

// ---- storm ----

struct Storm {
    explicit Storm(uint32_t seed) : random(seed) {
        shapes.dtype = kFormats[draw(0, 5)];
        shapes.head_dim = 32u << draw(0, 2);
        shapes.kv_heads = draw(1, 2);
        shapes.heads = shapes.kv_heads * std::vector<uint32_t>{1, 2, 3, 4, 5, 7, 8, 16, 20}[draw(0, 8)];
        shapes.layers = draw(1, 2);
        shapes.layer = draw(0, shapes.layers - 1);
        for (uint32_t i = draw(1, 3); i > 0; --i) lengths.push_back(draw(1, draw(0, 2) == 0 ? 280 : 90));
    }
    uint32_t draw(uint32_t least, uint32_t most) {
        return std::uniform_int_distribution<uint32_t>(least, most)(random);
    }

    std::mt19937 random;
    AttentionShapes shapes;
    std::vector<uint32_t> lengths;
};

TEST_F(CudaAttention, StormOfSteps) {
    for (const uint32_t seed : StormSeeds(storm_size(12))) {
        Storm storm(seed);
        AttentionBench bench(stream, storm.shapes, storm.lengths, seed);
        std::vector<std::vector<OutputRow>> whole;
        for (uint32_t i = 0; i < storm.lengths.size(); ++i)
            whole.push_back(bench.run({{i, 0, storm.lengths[i]}}));
        const auto bytes = bench.pool_bytes();
        AttentionBench fresh(stream, storm.shapes, storm.lengths, seed);
        std::vector<uint32_t> at(storm.lengths.size(), 0);
        while (at != storm.lengths) {
            std::vector<StepRows> step;
            for (uint32_t i = 0; i < at.size(); ++i) {
                const uint32_t left = storm.lengths[i] - at[i];
                if (left > 0 && storm.draw(0, 2) > 0)
                    step.push_back({i, at[i], storm.draw(1, std::min(left, storm.draw(0, 1) ? 100u : 6u))});
            }
            std::shuffle(step.begin(), step.end(), storm.random);
            const auto rows = fresh.run(step, storm.draw(0, 2));
            uint32_t row = 0;
            for (const StepRows& some : step) {
                for (uint32_t i = 0; i < some.tokens; ++i, ++row)
                    ASSERT_EQ(rows[row], whole[some.sequence][some.first_position + i]);
                at[some.sequence] += some.tokens;
            }
        }
        EXPECT_EQ(with_poison(fresh.pool_bytes()), with_poison(bytes));
        const uint32_t s = storm.draw(0, static_cast<uint32_t>(at.size()) - 1);
        const uint32_t position = storm.draw(0, storm.lengths[s] - 1);
        EXPECT_LT(
            relative_error(AttentionBench::values_of(whole[s][position]), bench.want(bytes, s, position)),
            tolerance(storm.shapes.dtype));
    }
}

}  // namespace
}  // namespace pitwall::cuda
