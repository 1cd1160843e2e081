// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "engine/exec/cuda/executor/attention_plan.h"
#include "tests/storm.h"

namespace pitwall::cuda {
namespace {

std::vector<uint32_t> table_of(uint32_t positions, uint32_t first) {
    std::vector<uint32_t> blocks((positions + kBlockTokens - 1) / kBlockTokens);
    for (uint32_t i = 0; i < blocks.size(); ++i) blocks[i] = first + i;
    return blocks;
}

TEST(AttentionPlan, FewRowsDecodeAndManyPrefill) {
    const auto blocks = table_of(1000, 7);
    const StepSequence sequences[] = {{0, 4, 300, blocks}, {4, 5, 510, blocks}, {9, 100, 0, blocks}};
    const AttentionPlan plan = plan_attention(sequences, 110, 4);
    ASSERT_EQ(plan.sequences.size(), 3u);
    EXPECT_EQ(plan.tables[plan.sequences[1].table], 7u);
    ASSERT_EQ(plan.decode_items.size(), 2u) << "4 tokens of 4 heads fill a warp's rows, in 2 chunks";
    EXPECT_EQ(plan.decode_items[1].first_chunk, 1u);
    EXPECT_EQ(plan.prefill_items.size(), 2u + 7u) << "5 tokens in 3 chunks, cut; 100 by 16";
    EXPECT_EQ(plan.row_parts[2 * 5 + 1], 2u) << "position 511 is in the second chunk";
    EXPECT_EQ(plan.row_parts[2 * 6 + 1], 3u);
    EXPECT_EQ(plan.row_parts[2 * 109 + 1], 0u) << "a row of nobody";
    EXPECT_EQ(plan.most_parts, 3u);
}

TEST(AttentionPlan, NothingToDoIsNoItem) {
    const AttentionPlan plan = plan_attention({}, 3, 8);
    EXPECT_TRUE(plan.decode_items.empty() && plan.prefill_items.empty() && plan.tables.empty());
    EXPECT_EQ(plan.row_parts, std::vector<uint32_t>(6, 0));
    EXPECT_EQ(plan.parts, 0u);
}

/// Every row meets every chunk up to its own exactly once, and parts are one item's alone.
class Coverage {
  public:
    Coverage(const AttentionPlan& plan, uint32_t group) : plan_(plan) {
        for (const AttendItem& item : plan.decode_items) {
            EXPECT_LE(item.tokens * group, kWarpRows);
            EXPECT_EQ(item.end_chunk, item.first_chunk + 1);
            EXPECT_EQ(item.merged, 0u);
            take(item);
        }
        for (const AttendItem& item : plan.prefill_items) {
            EXPECT_LE(item.tokens * group, kPrefillRows);
            take(item);
        }
    }

    void expect_whole(const StepSequence& sequence) const {
        for (uint32_t i = 0; i < sequence.tokens; ++i) {
            const uint32_t row = sequence.first_row + i;
            const uint32_t chunks = (sequence.first_position + i) / kChunkTokens + 1;
            for (uint32_t chunk = 0; chunk < chunks; ++chunk) EXPECT_EQ(chunks_.count({row, chunk}), 1u);
        }
    }
    uint32_t parts() const { return static_cast<uint32_t>(parts_.size()); }

  private:
    void take(const AttendItem& item) {
        const SequenceRows& sequence = plan_.sequences[item.sequence];
        for (uint32_t token = item.first_token; token < item.first_token + item.tokens; ++token) {
            const uint32_t row = sequence.first_row + token, position = sequence.first_position + token;
            const uint32_t first_part = plan_.row_parts[2 * row], parts = plan_.row_parts[2 * row + 1];
            EXPECT_EQ(parts, item.merged ? 1 : position / kChunkTokens + 1);
            if (item.merged) {
                EXPECT_EQ(item.first_chunk, 0u);
                EXPECT_GT(item.end_chunk * kChunkTokens, position);
                EXPECT_TRUE(parts_.insert(first_part).second);
            }
            for (uint32_t chunk = item.first_chunk; chunk < item.end_chunk; ++chunk) {
                if (chunk * kChunkTokens > position) break;
                EXPECT_TRUE(chunks_.insert({row, chunk}).second);
                if (item.merged) continue;
                EXPECT_TRUE(parts_.insert(first_part + chunk).second);
            }
        }
    }

    const AttentionPlan& plan_;
    std::set<std::pair<uint32_t, uint32_t>> chunks_;
    std::set<uint32_t> parts_;
};

TEST(AttentionPlan, StormOfSteps) {
    for (const uint32_t seed : StormSeeds(storm_size(300))) {
        std::mt19937 random(seed);
        const auto draw = [&](uint32_t least, uint32_t most) {
            return std::uniform_int_distribution<uint32_t>(least, most)(random);
        };
        const uint32_t group = draw(1, 64), count = draw(0, 6), positions = 5000;
        const auto blocks = table_of(positions, 0);
        std::vector<StepSequence> sequences;
        uint32_t rows = draw(0, 2);
        for (uint32_t i = 0; i < count; ++i) {
            const uint32_t tokens = draw(1, draw(0, 1) ? 400 : 6);
            sequences.push_back({rows, tokens, draw(0, positions - tokens), blocks});
            rows += tokens + draw(0, 1);
        }
        const AttentionPlan plan = plan_attention(sequences, rows, group);
        const Coverage coverage(plan, group);
        for (const StepSequence& sequence : sequences) coverage.expect_whole(sequence);
        EXPECT_EQ(coverage.parts(), plan.parts);
        EXPECT_LE(plan.parts, most_attention_parts(rows, count, positions, group));
        EXPECT_EQ(plan.row_parts.size(), size_t{rows} * 2);
    }
}

}  // namespace
}  // namespace pitwall::cuda
