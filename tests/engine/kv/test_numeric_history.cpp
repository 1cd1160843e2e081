// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kv/numeric_history.h"

#include <gtest/gtest.h>

#include <numeric>

#include "engine/kv/kv_cache.h"

namespace pitwall::engine {

static std::ostream& operator<<(std::ostream& out, const EpochSpan& span) {
    return out << span.position << ":" << span.epoch;
}

namespace {

constexpr KvDtype kF16 = KvDtype::kF16, kInt8 = KvDtype::kInt8, kInt4 = KvDtype::kInt4;
using Formats = std::vector<FormatChange>;
using Spans = std::vector<EpochSpan>;

KvEpochs epochs_of(std::initializer_list<KvDtype> dtypes) {
    KvEpochs epochs({.kv = *dtypes.begin()});
    for (auto at = dtypes.begin() + 1; at != dtypes.end(); ++at) epochs.begin({.kv = *at});
    return epochs;
}

TEST(NumericHistory, SaysEachConversionWhereItHappened) {
    const KvEpochs epochs = epochs_of({kF16, kInt8, kInt4, kF16});
    SequenceNumerics numerics;
    numerics.computed(0, 0);
    numerics.computed(40, 0);  // the next chunk
    numerics.computed(64, 2);  // two conversions between
    numerics.computed(65, 3);
    EXPECT_EQ(numerics.history(50, epochs),
              (NumericHistory{{0, Formats{{0, kF16}, {64, kInt8}, {64, kInt4}, {65, kF16}}}}));
}

TEST(NumericHistory, ActivationsAreThoseThatComputed) {
    constexpr auto kI8 = ActivationDtype::kI8, kI16 = ActivationDtype::kI16;
    KvEpochs epochs({kF16, kI8});
    for (const NumericFormat& format : {NumericFormat{kF16, kI16}, NumericFormat{kInt8, kI16},
                                        NumericFormat{kInt8, kI8}, NumericFormat{kInt8, kI16}})
        epochs.begin(format);
    SequenceNumerics numerics;
    numerics.computed(0, 0);
    numerics.computed(30, 1);
    numerics.computed(50, 4);
    EXPECT_EQ(numerics.history(50, epochs),
              (NumericHistory{{0, Formats{{0, {kF16, kI8}}, {30, {kF16, kI16}}, {50, {kInt8, kI16}}}}}))
        << "of what nobody computed with, only conversions are told";
}

TEST(NumericHistory, ActivationsThatChangedBackAreNoChange) {
    constexpr auto kI8 = ActivationDtype::kI8, kI16 = ActivationDtype::kI16;
    KvEpochs epochs({kF16, kI8});
    for (const NumericFormat& format : {NumericFormat{kF16, kI16}, NumericFormat{kF16, kI8}})
        epochs.begin(format);
    SequenceNumerics numerics;
    numerics.computed(0, 0);
    numerics.computed(30, 2);
    EXPECT_EQ(numerics.history(20, epochs), (NumericHistory{{0, Formats{{0, {kF16, kI8}}}}}));
}

/// A session of bf16 activations goes from the GPU that was lost to the CPU.
TEST(NumericHistory, OtherKernelsAreAChange) {
    const NumericFormat gpu{kF16, ActivationDtype::kBf16, true, "cuda-sm90"},
        cpu{kF16, ActivationDtype::kBf16, true, "amx"};
    KvEpochs epochs(gpu);
    epochs.begin(cpu);
    SequenceNumerics numerics;
    numerics.computed(0, 0);
    numerics.computed(30, 1);
    EXPECT_EQ(numerics.history(20, epochs), (NumericHistory{{0, Formats{{0, gpu}, {30, cpu}}}}));
}

TEST(NumericHistory, AReaderOfTheCacheInheritsItsConversions) {
    const KvEpochs epochs = epochs_of({kF16, kInt8, kInt4});
    SequenceNumerics numerics;
    numerics.inherit({{0, 0}, {20, 1}});  // 32 tokens, found after the second conversion
    numerics.computed(32, 2);
    EXPECT_EQ(numerics.history(40, epochs),
              (NumericHistory{{0, Formats{{0, kF16}, {20, kInt8}, {32, kInt4}}}}));
}

TEST(NumericHistory, ARecomputeIsAStageOfItsOwnWhereItDiffers) {
    const KvEpochs epochs = epochs_of({kF16, kInt8});
    SequenceNumerics same, other, nothing;
    for (SequenceNumerics* numerics : {&same, &other}) {
        numerics->computed(0, 0);
        numerics->drop(30, 29, epochs);
    }
    same.computed(0, 0);
    same.computed(35, 1);
    EXPECT_EQ(same.history(20, epochs), (NumericHistory{{0, Formats{{0, kF16}, {35, kInt8}}}}))
        << "what was dropped came back as it was";
    other.computed(0, 1);
    EXPECT_EQ(other.history(20, epochs),
              (NumericHistory{{30, Formats{{0, kF16}}}, {0, Formats{{0, kInt8}}}}));
    nothing.computed(0, 0);
    nothing.drop(20, 16, epochs);  // before its first token
    nothing.computed(0, 1);
    EXPECT_EQ(nothing.history(20, epochs), (NumericHistory{{0, Formats{{0, kInt8}}}}));
}

/// Preempted twice, the second time while it recomputed: that stage gave nothing.
TEST(NumericHistory, AStageWithoutATokenIsLeftOut) {
    const KvEpochs epochs = epochs_of({kF16, kInt8, kInt4});
    SequenceNumerics numerics;
    numerics.computed(0, 0);
    numerics.drop(30, 29, epochs);
    numerics.computed(0, 1);
    numerics.drop(30, 16, epochs);
    numerics.computed(0, 2);
    EXPECT_EQ(numerics.history(20, epochs),
              (NumericHistory{{30, Formats{{0, kF16}}}, {0, Formats{{0, kInt4}}}}));
}

TEST(NumericHistory, SpansAreCut) {
    const Spans spans = {{0, 1}, {20, 3}, {40, 4}};
    EXPECT_EQ(spans_between(spans, 0, 64), spans);
    EXPECT_EQ(spans_between(spans, 16, 32), (Spans{{16, 1}, {20, 3}}));
    EXPECT_EQ(spans_between(spans, 20, 40), (Spans{{20, 3}}));
    EXPECT_EQ(spans_between(spans, 0, 20), (Spans{{0, 1}}));
}

TEST(NumericHistory, WhatCannotHaveHappenedIsToldApart) {
    EXPECT_EQ(reason_history_is_wrong({}), "");
    EXPECT_EQ(reason_history_is_wrong({{30, Formats{{0, kF16}}}, {0, Formats{{0, kInt8}, {7, kF16}}}}), "");
    EXPECT_NE(reason_history_is_wrong({{0, {}}}), "");
    EXPECT_NE(reason_history_is_wrong({{0, Formats{{1, kF16}}}}), "");
    EXPECT_NE(reason_history_is_wrong({{0, Formats{{0, kF16}, {9, kInt8}, {8, kF16}}}}), "");
    EXPECT_NE(reason_history_is_wrong({{0, Formats{{0, kF16}}}, {0, Formats{{0, kF16}}}}), "");
    EXPECT_NE(reason_history_is_wrong(
                  {{30, Formats{{0, kF16}}}, {20, Formats{{0, kF16}}}, {0, Formats{{0, kF16}}}}),
              "");
}

/// Computes `tokens` behind what the cache has of them, and lets them go.
PrefixMatch compute(KvCache& kv, uint32_t number, const std::vector<TokenId>& tokens) {
    const RequestId request{number};
    PrefixMatch match = kv.match(tokens, false);
    kv.share(request, match.shared, 0);
    std::vector<BlockId> table = match.shared;
    ChainHash lineage = match.lineage;
    for (uint32_t begin = match.tokens(); begin + kBlockTokens <= tokens.size(); begin += kBlockTokens) {
        table.push_back(kv.allocate(request, begin / kBlockTokens));
        kv.fill(request, table.back(), kBlockTokens, begin / kBlockTokens);
        const EpochSpan own{begin, kv.epochs().current()};
        lineage =
            kv.remember(table.back(), lineage, std::span(tokens).subspan(begin, kBlockTokens), {&own, 1});
    }
    kv.release(request, table);
    return match;
}

std::vector<TokenId> tokens_of(uint32_t count) {
    std::vector<TokenId> tokens(count);
    std::iota(tokens.begin(), tokens.end(), 1);
    return tokens;
}

TEST(NumericHistory, ConvertedPrefixesAreStillFound) {
    KvCache kv(32);
    compute(kv, 1, tokens_of(32));
    kv.begin_epoch({kInt8});
    const PrefixMatch match = compute(kv, 2, tokens_of(64));
    EXPECT_EQ(match.tokens(), 32u);
    EXPECT_EQ(match.epochs, (Spans{{0, 0}}));
    kv.begin_epoch({kInt4});
    EXPECT_EQ(kv.match(tokens_of(65), true).epochs, (Spans{{0, 0}, {32, 1}}));
    const PrefixMatch part = kv.match(tokens_of(64), true);
    EXPECT_EQ(part.tokens(), 63u);
    EXPECT_EQ(part.epochs, (Spans{{0, 0}, {32, 1}})) << "a copy of the last block but for its last token";
}

/// The same tokens computed in two epochs: each goes on in its own chain, and a reader gets one or the other.
TEST(NumericHistory, ChainsOfDifferentHistoriesNeverMix) {
    KvCache kv(32);
    compute(kv, 1, tokens_of(64));
    kv.begin_epoch({kInt8});
    // Somebody who found nothing, as under a cache that was off when he began.
    std::vector<BlockId> table;
    ChainHash lineage;
    const auto tokens = tokens_of(96);
    for (uint32_t begin = 0; begin < 96; begin += kBlockTokens) {
        table.push_back(kv.allocate(RequestId{2}, begin / kBlockTokens));
        kv.fill(RequestId{2}, table.back(), kBlockTokens, begin / kBlockTokens);
        const EpochSpan own{begin, 1};
        lineage =
            kv.remember(table.back(), lineage, std::span(tokens).subspan(begin, kBlockTokens), {&own, 1});
    }
    const PrefixMatch match = kv.match(tokens, true);
    EXPECT_EQ(match.tokens(), 64u) << "the fifth block follows one that was computed otherwise";
    EXPECT_EQ(match.epochs, (Spans{{0, 0}}));
}

TEST(NumericHistory, ABlockOfTwoEpochsTellsBoth) {
    KvCache kv(32);
    const auto tokens = tokens_of(32);
    std::vector<BlockId> table;
    kv.begin_epoch({kInt8});
    const Spans spans = {{0, 0}, {20, 1}};
    ChainHash lineage;
    for (uint32_t begin = 0; begin < 32; begin += kBlockTokens) {
        table.push_back(kv.allocate(RequestId{1}, begin / kBlockTokens));
        kv.fill(RequestId{1}, table.back(), kBlockTokens, begin / kBlockTokens);
        lineage = kv.remember(table.back(), lineage, std::span(tokens).subspan(begin, kBlockTokens),
                              spans_between(spans, begin, begin + kBlockTokens));
    }
    EXPECT_EQ(kv.match(tokens_of(33), true).epochs, spans);
    EXPECT_EQ(kv.match(tokens_of(33), true).lineage, lineage);
    const auto moves = kv.shrink(2);
    EXPECT_TRUE(moves.empty());
    EXPECT_EQ(kv.match(tokens_of(33), true).epochs, spans);
    kv.grow(8);
    const PrefixMatch next = compute(kv, 2, tokens_of(48));
    EXPECT_EQ(next.tokens(), 32u);
    EXPECT_EQ(kv.match(tokens_of(49), true).epochs, spans) << "the third block was computed like the end";
}

}  // namespace
}  // namespace pitwall::engine
