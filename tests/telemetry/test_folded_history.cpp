// SPDX-License-Identifier: GPL-3.0-or-later
//
// A store that keeps detail for a moment only says the same as one that keeps everything.
#include <gtest/gtest.h>

#include <random>

#include "telemetry/stats/range_stats.h"
#include "telemetry/store/folded_history.h"
#include "telemetry/store/store.h"
#include "tests/storm.h"
#include "tests/telemetry/event_storm.h"

namespace pitwall::telemetry {
namespace {

using namespace testing;

constexpr int64_t kSecond = FoldedHistory::kFirstCellNs;

StepEvent some_step(uint32_t tokens) {
    StepEvent step{};
    step.decode_tokens = tokens;
    step.running = tokens;
    step.blocks_held = 1;
    step.blocks_free = 3;
    step.slots_filled = 8;
    return step;
}

void expect_near(double a, double b) { EXPECT_NEAR(a, b, 1e-9 * std::max(1.0, std::abs(b))); }

void expect_same(const StepSums& a, const StepSums& b) {
    EXPECT_EQ(a.steps, b.steps);
    EXPECT_EQ(a.prefill_tokens, b.prefill_tokens);
    EXPECT_EQ(a.recompute_tokens, b.recompute_tokens);
    EXPECT_EQ(a.decode_tokens, b.decode_tokens);
    EXPECT_EQ(a.draft_tokens, b.draft_tokens);
    EXPECT_EQ(a.cached_tokens, b.cached_tokens);
    EXPECT_EQ(a.budget_tokens, b.budget_tokens);
    EXPECT_EQ(a.duration_ns, b.duration_ns);
    EXPECT_EQ(a.execute_ns, b.execute_ns);
    EXPECT_EQ(a.plan_ns, b.plan_ns);
    EXPECT_EQ(a.sample_ns, b.sample_ns);
    EXPECT_EQ(a.commit_ns, b.commit_ns);
    EXPECT_EQ(a.steps_with_held, b.steps_with_held);
    EXPECT_EQ(a.most_running, b.most_running);
    EXPECT_EQ(a.most_waiting, b.most_waiting);
    EXPECT_EQ(a.peak_occupancy, b.peak_occupancy);
    expect_near(a.flops, b.flops);
    expect_near(a.bytes, b.bytes);
    expect_near(a.running, b.running);
    expect_near(a.waiting, b.waiting);
    expect_near(a.occupancy, b.occupancy);
    expect_near(a.cached_share, b.cached_share);
    expect_near(a.slot_fill, b.slot_fill);
}

void expect_same(const Percentiles& a, const Percentiles& b) {
    ASSERT_EQ(a.n, b.n);
    if (a.n == 0) return;
    EXPECT_EQ(a.p50, b.p50);
    EXPECT_EQ(a.p95, b.p95);
    EXPECT_EQ(a.p99, b.p99);
    EXPECT_EQ(a.mean, b.mean);
}

void expect_same(const RangeStats& a, const RangeStats& b) {
    expect_same(a.steps, b.steps);
    expect_same(a.ttft_ns, b.ttft_ns);
    expect_same(a.tpot_ns, b.tpot_ns);
    expect_same(a.e2e_ns, b.e2e_ns);
    EXPECT_EQ(a.arrived, b.arrived);
    EXPECT_EQ(a.ended, b.ended);
    EXPECT_EQ(a.finished, b.finished);
    EXPECT_EQ(a.output_tokens, b.output_tokens);
    EXPECT_EQ(a.good, b.good);
    EXPECT_EQ(a.admissions, b.admissions);
    EXPECT_EQ(a.prompt_tokens, b.prompt_tokens);
    EXPECT_EQ(a.cached_tokens, b.cached_tokens);
    EXPECT_EQ(a.evicted_blocks, b.evicted_blocks);
}

/// The same events in a store that keeps all of them and in one that keeps a second of detail.
struct Pair {
    Store whole, folding{{.detail_ns = kSecond}};
    explicit Pair(uint64_t seed, size_t steps) {
        StormOptions options;
        options.seed = seed;
        const std::vector<Event> events = storm_session(options, steps);
        for (size_t i = 0; i < events.size(); i += 64) {
            const std::span<const Event> some(&events[i], std::min<size_t>(64, events.size() - i));
            whole.apply(some);
            folding.apply(some);
        }
    }
};

TEST(FoldedHistory, CellsDoubleTheirLengthAndKeepTheirSums) {
    FoldedHistory folded;
    constexpr int64_t kSteps = 20'000;
    for (int64_t i = 0; i < kSteps; ++i) {
        folded.add_step(i * kSecond, some_step(3), 16);
        folded.add_output_tokens(i * kSecond + 5, 3);
    }
    EXPECT_EQ(folded.cell_ns(), 16 * kSecond) << "20,000 s in at most 2,048 pieces";
    EXPECT_LE(folded.memory_bytes(), 2 * FoldedHistory::kMostCells * sizeof(FoldedHistory::Cell));
    uint64_t cells = 0, steps = 0, tokens = 0;
    int64_t last_ns = -1;
    folded.for_cells({0, INT64_MAX}, [&](const FoldedHistory::Cell& cell) {
        ++cells;
        steps += cell.steps.steps;
        tokens += cell.output_tokens;
        EXPECT_GT(cell.first_ns, last_ns) << "in order, and none overlaps";
        last_ns = cell.last_ns;
        EXPECT_EQ(cell.first_ns / folded.cell_ns(), cell.last_ns / folded.cell_ns());
    });
    EXPECT_EQ(cells, kSteps / 16);
    EXPECT_EQ(steps, uint64_t{kSteps});
    EXPECT_EQ(tokens, uint64_t{3 * kSteps});
}

TEST(FoldedHistory, NoCellReachesOverASplit) {
    FoldedHistory folded;
    constexpr int64_t kChange = 1'000 * kSecond + 7;
    folded.split(kChange);
    for (int64_t i = 0; i < 20'000; ++i) folded.add_step(i * kSecond / 2, some_step(1), 16);
    EXPECT_GT(folded.cell_ns(), kSecond);
    EXPECT_TRUE(folded.exact({0, kChange}));
    EXPECT_TRUE(folded.exact({kChange, INT64_MAX}));
    EXPECT_FALSE(folded.exact({kChange + kSecond + 1, INT64_MAX})) << "which cuts the cell after it";
    uint64_t before = 0;
    folded.for_cells({0, kChange}, [&](const FoldedHistory::Cell& cell) { before += cell.steps.steps; });
    EXPECT_EQ(before, 2'001u);
}

TEST(FoldedHistory, WhatComesLateGoesWhereItBelongs) {
    FoldedHistory folded;
    for (const int64_t t : {10, 12, 14}) folded.add_step(t * kSecond, some_step(1), 16);
    folded.add_output_tokens(12 * kSecond + 9, 5);
    folded.add_output_tokens(13 * kSecond, 7);
    std::vector<uint64_t> tokens;
    folded.for_cells({0, INT64_MAX},
                     [&](const FoldedHistory::Cell& cell) { tokens.push_back(cell.output_tokens); });
    EXPECT_EQ(tokens, (std::vector<uint64_t>{0, 5, 7, 0}));
}

TEST(FoldedHistory, NoMomentIsTooFarAway) {
    FoldedHistory folded;
    std::mt19937_64 random(5);
    for (int i = 0; i < 10'000; ++i) {
        folded.add_output_tokens(static_cast<int64_t>(random()), 1);
        folded.split(static_cast<int64_t>(random()));
    }
    for (const int64_t t : {INT64_MIN, INT64_MAX - 1, int64_t{0}, int64_t{-1}})
        folded.add_output_tokens(t, 1);
    uint64_t tokens = 0;
    folded.for_cells({INT64_MIN, INT64_MAX},
                     [&](const FoldedHistory::Cell& cell) { tokens += cell.output_tokens; });
    EXPECT_EQ(tokens, 10'004u);
    const TimeRange all = folded.snapped({INT64_MIN, INT64_MAX});
    EXPECT_TRUE(folded.exact(all));
}

TEST(FoldingStore, SaysTheSameOfTheWholeSession) {
    for (const uint32_t seed : StormSeeds()) {
        SCOPED_TRACE(seed);
        const Pair pair(seed, 1500);
        ASSERT_FALSE(pair.folding.folded().empty());
        EXPECT_LT(pair.folding.steps().size(), pair.whole.steps().size() / 2);
        const TimeRange all{pair.whole.begin_ns(), pair.whole.now_ns() + 1};
        const RangeStats stats = range_stats(pair.folding, all);
        EXPECT_TRUE(stats.complete);
        expect_same(stats, range_stats(pair.whole, all));
        EXPECT_EQ(pair.folding.requests().size(), pair.whole.requests().size());
        EXPECT_EQ(pair.folding.rows_trimmed(), 0u);
    }
}

TEST(FoldingStore, SaysTheSameOfSnappedRangesAndSinceEachChange) {
    for (const uint32_t seed : StormSeeds()) {
        SCOPED_TRACE(seed);
        const Pair pair(seed, 1500);
        const int64_t end = pair.whole.now_ns() + 1;
        for (const KnobChange& change : pair.whole.knob_changes()) {
            const RangeStats stats = range_stats(pair.folding, {change.t_ns, end});
            EXPECT_TRUE(stats.complete);
            expect_same(stats, range_stats(pair.whole, {change.t_ns, end}));
        }
        std::mt19937_64 random(seed);
        size_t cut = 0;
        for (int i = 0; i < 50; ++i) {
            const auto a = static_cast<int64_t>(random() % static_cast<uint64_t>(end)),
                       b = static_cast<int64_t>(random() % static_cast<uint64_t>(end));
            const TimeRange asked{std::min(a, b), std::max(a, b)};
            const TimeRange range = pair.folding.snapped(asked);
            EXPECT_LE(range.begin_ns, asked.begin_ns);
            EXPECT_GE(range.end_ns, asked.end_ns);
            EXPECT_LT(asked.begin_ns - range.begin_ns, pair.folding.folded().cell_ns());
            const RangeStats stats = range_stats(pair.folding, range);
            EXPECT_TRUE(stats.complete);
            expect_same(stats, range_stats(pair.whole, range));
            cut += !range_stats(pair.folding, asked).complete;
        }
        EXPECT_GT(cut, 5u) << "a range that cuts a cell is said to be incomplete";
    }
}

TEST(FoldingStore, DrawsTheSameTimeAxis) {
    for (const uint32_t seed : StormSeeds()) {
        SCOPED_TRACE(seed);
        const Pair pair(seed, 1500);
        const TimeRange all{0, pair.whole.now_ns() + 1};
        const std::vector<Bucket> folded = buckets(pair.folding, all, 40, true);
        const int64_t length = folded.front().end_ns - folded.front().begin_ns;
        EXPECT_EQ(length % pair.folding.folded().cell_ns(), 0);
        const TimeRange same{folded.front().begin_ns, folded.back().end_ns};
        const std::vector<Bucket> whole = buckets(pair.whole, same, folded.size(), true);
        ASSERT_EQ(whole.size(), folded.size());
        for (size_t i = 0; i < whole.size(); ++i) {
            ASSERT_EQ(whole[i].begin_ns, folded[i].begin_ns);
            expect_same(folded[i].steps, whole[i].steps);
            EXPECT_EQ(folded[i].output_tokens, whole[i].output_tokens);
            EXPECT_EQ(folded[i].arrived, whole[i].arrived);
            EXPECT_EQ(folded[i].finished, whole[i].finished);
            EXPECT_EQ(folded[i].evicted_blocks, whole[i].evicted_blocks);
            EXPECT_EQ(folded[i].prompt_tokens, whole[i].prompt_tokens);
        }
    }
}

TEST(FoldingStore, KeepsRowsAndCausesOfRequestsButNotTheirTokens) {
    const Pair pair(3, 1500);
    size_t folded = 0;
    for (const auto& [id, row] : pair.whole.requests()) {
        const RequestRow* other = pair.folding.find_request(id);
        ASSERT_NE(other, nullptr);
        EXPECT_EQ(other->end_ns, row.end_ns);
        EXPECT_EQ(other->cause_ns, row.cause_ns);
        EXPECT_EQ(other->output_tokens, row.output_tokens);
        EXPECT_EQ(other->error, row.error);
        EXPECT_EQ(other->tokens.size(), other->folded ? 0 : row.tokens.size());
        EXPECT_EQ(other->tokens.capacity(), other->folded ? 0 : other->tokens.capacity()) << "none is held";
        if (other->folded) {
            EXPECT_TRUE(other->ended());
            EXPECT_EQ(pair.folding.text(DictionaryKind::kPrompt, raw(id)), "");
        }
        folded += other->folded;
    }
    EXPECT_GT(folded, 20u);
    EXPECT_LT(pair.folding.memory_bytes(), pair.whole.memory_bytes() / 2);
}

}  // namespace
}  // namespace pitwall::telemetry
