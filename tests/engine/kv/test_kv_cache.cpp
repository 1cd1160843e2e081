// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kv/kv_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace pitwall::engine {
namespace {

std::vector<TokenId> tokens_of(uint32_t count, TokenId first = 0) {
    std::vector<TokenId> tokens(count);
    for (uint32_t i = 0; i < count; ++i) tokens[i] = first + static_cast<TokenId>(i);
    return tokens;
}

/// Computes all of `tokens` as request `number` and keeps the table.
std::vector<BlockId> compute(KvCache& kv, uint32_t number, const std::vector<TokenId>& tokens) {
    std::vector<BlockId> table;
    const EpochSpan epoch{0, kv.epochs().current()};
    ChainHash lineage;
    for (uint32_t i = 0; i * kBlockTokens < tokens.size(); ++i) {
        table.push_back(kv.allocate(RequestId{number}, i));
        const auto filled =
            std::min<uint32_t>(kBlockTokens, static_cast<uint32_t>(tokens.size()) - i * kBlockTokens);
        kv.fill(RequestId{number}, table.back(), filled, i);
        if (filled == kBlockTokens)
            lineage = kv.remember(table.back(), lineage,
                                  std::span(tokens).subspan(i * kBlockTokens, kBlockTokens), {&epoch, 1});
    }
    return table;
}

Status check(const KvCache& kv, const std::vector<std::vector<BlockId>>& tables) {
    std::vector<std::span<const BlockId>> spans(tables.begin(), tables.end());
    return kv.check_integrity(spans, {});
}

TEST(KvCache, HitsFullBlocksOfTheSamePrefix) {
    KvCache kv(10);
    const auto tokens = tokens_of(40);
    const auto table = compute(kv, 1, tokens);
    PrefixMatch match = kv.match(tokens, true);
    EXPECT_EQ(match.shared, std::vector<BlockId>(table.begin(), table.begin() + 2));
    EXPECT_EQ(match.tokens(), 32u);
    EXPECT_EQ(match.revived, 0u);
    kv.release(RequestId{1}, table);
    match = kv.match(tokens, true);
    EXPECT_EQ(match.revived, 2u);
    EXPECT_EQ(kv.pool().cached_count(), 2u) << "the block that was not full is free";
    auto other = tokens;
    other[3] = 99;
    EXPECT_EQ(kv.match(other, true).tokens(), 0u) << "the second block is alike, what comes before is not";
}

TEST(KvCache, TheLastTokenIsNeverTakenFromTheCache) {
    KvCache kv(10);
    const auto tokens = tokens_of(32);
    kv.release(RequestId{1}, compute(kv, 1, tokens));
    const PrefixMatch copied = kv.match(tokens, true);
    EXPECT_EQ(copied.shared.size(), 1u);
    EXPECT_EQ(copied.copy_tokens, 15u);
    EXPECT_NE(copied.copy_source, kNoBlock);
    EXPECT_EQ(copied.tokens(), 31u);
    EXPECT_EQ(copied.revived, 2u);
    const PrefixMatch again = kv.match(tokens, false);
    EXPECT_EQ(again.tokens(), 16u);
    EXPECT_EQ(again.copy_source, kNoBlock);
}

TEST(KvCache, EvictsLeavesBeforeTheirParentsAndTheOldestFirst) {
    struct Order : BlockObserver {
        std::vector<BlockId> evicted;
        void on_block(const Change& change, const Block&) override {
            if (change.phase == BlockPhase::kEvicted) evicted.push_back(change.block);
        }
    } order;
    KvCache kv(6, &order);
    const auto old_table = compute(kv, 1, tokens_of(48));
    const auto new_table = compute(kv, 2, tokens_of(48, 1000));
    kv.release(RequestId{1}, old_table);
    kv.release(RequestId{2}, new_table);
    for (uint32_t i = 0; i < 6; ++i) (void)kv.allocate(RequestId{3}, i);
    EXPECT_EQ(order.evicted, (std::vector<BlockId>{old_table[2], old_table[1], old_table[0], new_table[2],
                                                   new_table[1], new_table[0]}));
    EXPECT_EQ(kv.evictions(), 6u);
}

TEST(KvCache, SaysWhyAPrefixIsMissing) {
    KvCache kv(2);
    const auto tokens = tokens_of(32);
    EXPECT_EQ(kv.match(tokens, true).miss, MissReason::kCold);
    const auto little = tokens_of(16);
    EXPECT_EQ(kv.match(little, true).miss, MissReason::kTooShort);
    kv.release(RequestId{1}, compute(kv, 1, tokens));
    EXPECT_EQ(kv.match(tokens, true).miss, MissReason::kNone);
    kv.release(RequestId{2}, compute(kv, 2, tokens_of(32, 500)));
    EXPECT_EQ(kv.match(tokens, true).miss, MissReason::kEvicted);
}

TEST(KvCache, SharedBlocksLiveAsLongAsSomebodyHoldsThem) {
    KvCache kv(4);
    const auto tokens = tokens_of(20);
    const auto first = compute(kv, 1, tokens);
    const PrefixMatch match = kv.match(tokens, true);
    kv.share(RequestId{2}, match.shared, 0);
    EXPECT_EQ(kv.pool()[first[0]].references, 2u);
    EXPECT_TRUE(check(kv, {first, match.shared}).ok());
    kv.release(RequestId{1}, first);
    EXPECT_EQ(kv.pool()[first[0]].state, BlockState::kHeld);
    EXPECT_EQ(kv.slots_filled(), 16u);
    EXPECT_TRUE(check(kv, {match.shared}).ok());
    EXPECT_FALSE(check(kv, {}).ok()) << "the check counts references";
}

TEST(KvCache, FlushForgetsWhatIsHeldToo) {
    KvCache kv(8);
    const auto tokens = tokens_of(64);
    const auto table = compute(kv, 1, tokens);
    kv.release(RequestId{2}, compute(kv, 2, tokens_of(32, 700)));
    EXPECT_EQ(kv.flush(), 2u);
    EXPECT_EQ(kv.match(tokens, true).tokens(), 0u);
    kv.release(RequestId{1}, table);
    EXPECT_EQ(kv.pool().free_count(), 8u);
}

TEST(KvCache, ShrinkMovesWhatIsHeldAndKeepsItFindable) {
    KvCache kv(12);
    kv.release(RequestId{1}, compute(kv, 1, tokens_of(64)));  // 0..3 cached
    const auto gap = compute(kv, 2, tokens_of(64, 300));      // 4..7 held
    const auto tokens = tokens_of(56, 900);
    auto table = compute(kv, 3, tokens);  // 8..11 held
    kv.release(RequestId{2}, gap);
    const auto moves = kv.shrink(6);
    EXPECT_EQ(kv.size(), 6u);
    ASSERT_EQ(moves.size(), 4u);
    std::map<BlockId, BlockId> to;
    for (const KvCache::Move& move : moves) {
        EXPECT_LT(raw(move.target), 6u);
        to[move.source] = move.target;
    }
    EXPECT_EQ(moves.back().filled_tokens, 8u);
    for (BlockId& block : table) block = to.at(block);
    EXPECT_TRUE(check(kv, {table}).ok()) << check(kv, {table}).error().text();
    EXPECT_EQ(kv.match(tokens, true).shared.front(), table[0]);
    EXPECT_EQ(kv.pool().cached_count(), 2u) << "the cache gives way only as far as it must";
}

TEST(KvCache, ADuplicateStaysPrivate) {
    KvCache kv(6);
    const auto tokens = tokens_of(32);
    const auto first = compute(kv, 1, tokens), second = compute(kv, 2, tokens);
    kv.release(RequestId{2}, second);
    EXPECT_EQ(kv.pool()[second[0]].state, BlockState::kFree);
    kv.release(RequestId{1}, first);
    EXPECT_EQ(kv.pool()[first[0]].state, BlockState::kCached);
    EXPECT_TRUE(check(kv, {}).ok());
}

}  // namespace
}  // namespace pitwall::engine
