// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kv/prefix_index.h"
#include "tests/storm.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace pitwall::engine {
namespace {

std::vector<TokenId> block_of(TokenId first) {
    std::vector<TokenId> tokens(kBlockTokens);
    for (uint32_t i = 0; i < kBlockTokens; ++i) tokens[i] = first + static_cast<TokenId>(i);
    return tokens;
}

TEST(ChainHash, DependsOnEveryTokenAndOnTheParent) {
    const auto tokens = block_of(5);
    const ChainHash plain = chain_hash({}, tokens);
    EXPECT_NE(plain, chain_hash(plain, tokens));
    for (size_t i = 0; i < tokens.size(); ++i) {
        auto other = tokens;
        ++other[i];
        EXPECT_NE(plain, chain_hash({}, other)) << i;
    }
    auto swapped = tokens;
    std::swap(swapped[0], swapped[15]);
    EXPECT_NE(plain, chain_hash({}, swapped));
}

TEST(PrefixIndex, FindsWhatItHoldsAndForgetsWhatItIsTold) {
    PrefixIndex index;
    index.resize(8);
    const auto tokens = block_of(5);
    const ChainHash hash = chain_hash({}, tokens);
    EXPECT_EQ(index.find(hash, tokens), kNoBlock);
    EXPECT_TRUE(index.insert(hash, tokens, BlockId{3}));
    EXPECT_FALSE(index.insert(hash, tokens, BlockId{4})) << "one block a prefix";
    EXPECT_EQ(index.find(hash, tokens), BlockId{3});
    index.move(BlockId{3}, BlockId{6});
    EXPECT_EQ(index.find(hash, tokens), BlockId{6});
    EXPECT_FALSE(index.was_evicted(hash));
    index.erase(BlockId{6}, true);
    EXPECT_EQ(index.find(hash, tokens), kNoBlock);
    EXPECT_TRUE(index.was_evicted(hash));
}

TEST(PrefixIndex, ACollisionOfHashesIsNoHit) {
    PrefixIndex index;
    index.resize(2);
    const auto tokens = block_of(5), others = block_of(6);
    const ChainHash hash = chain_hash({}, tokens);
    index.insert(hash, tokens, BlockId{0});
    EXPECT_EQ(index.find(hash, others), kNoBlock);
}

/// Hashes that crowd into few slots, against std::map: probing and the closing of gaps.
TEST(PrefixIndex, RandomOperationsAgreeWithAMap) {
    for (const uint32_t seed : StormSeeds()) {
        std::mt19937_64 random(seed);
        PrefixIndex index;
        index.resize(64);
        std::map<uint32_t, uint64_t> blocks;  // block -> hash
        const auto tokens = block_of(1);
        for (int step = 0; step < 50000; ++step) {
            const auto block = static_cast<uint32_t>(random() % 64);
            const ChainHash hash{random() % 24 * 8, random() % 6};
            const uint64_t key = hash.low * 100 + hash.high;
            if (random() % 2) {
                const bool taken =
                    blocks.contains(block) ||
                    std::any_of(blocks.begin(), blocks.end(), [&](const auto& b) { return b.second == key; });
                ASSERT_EQ(index.insert(hash, tokens, BlockId{block}), !taken);
                if (!taken) blocks[block] = key;
            } else {
                index.erase(BlockId{block}, false);
                blocks.erase(block);
            }
            const auto at =
                std::find_if(blocks.begin(), blocks.end(), [&](const auto& b) { return b.second == key; });
            ASSERT_EQ(index.find(hash, tokens), at == blocks.end() ? kNoBlock : BlockId{at->first});
            ASSERT_EQ(index.size(), blocks.size());
            if (step % 5000 == 0) index.resize(64);
        }
    }
}

}  // namespace
}  // namespace pitwall::engine
