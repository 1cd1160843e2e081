// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kv/block_pool.h"
#include "tests/storm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace pitwall::engine {
namespace {

TEST(BlockPool, GivesLowIdsFirstAndEachOnce) {
    BlockPool pool(3);
    EXPECT_EQ(raw(pool.take_free()), 0u);
    EXPECT_EQ(raw(pool.take_free()), 1u);
    EXPECT_EQ(raw(pool.take_free()), 2u);
    EXPECT_EQ(pool.free_count(), 0u);
    EXPECT_EQ(pool.held_count(), 3u);
}

TEST(BlockPool, OldestCachedIsTheOneUnusedLongest) {
    BlockPool pool(3);
    for (int i = 0; i < 3; ++i) (void)pool.take_free();
    for (const uint32_t id : {1u, 2u, 0u}) pool.drop_reference(BlockId{id}, true);
    EXPECT_EQ(raw(pool.oldest_cached()), 1u);
    pool.add_reference(BlockId{1});
    EXPECT_EQ(raw(pool.oldest_cached()), 2u);
    pool.drop_reference(BlockId{1}, true);
    pool.free_cached(BlockId{2});
    EXPECT_EQ(raw(pool.oldest_cached()), 0u);
    EXPECT_TRUE(pool.check_integrity().ok());
}

TEST(BlockPool, ShrinksWhenTheEndIsEmpty) {
    BlockPool pool(6);
    for (int i = 0; i < 6; ++i) (void)pool.take_free();
    for (const uint32_t id : {0u, 1u, 4u}) pool.drop_reference(BlockId{id}, false);
    pool.retire_from(4);
    const BlockId target = pool.take_free();
    EXPECT_LT(raw(target), 4u);
    pool[BlockId{5}].filled_tokens = 7;
    pool.move(BlockId{5}, target);
    EXPECT_EQ(pool[target].filled_tokens, 7);
    pool.drop_retired();
    EXPECT_EQ(pool.size(), 4u);
    EXPECT_EQ(pool.free_count(), 1u);
    EXPECT_TRUE(pool.check_integrity().ok());
    pool.grow(8);
    EXPECT_EQ(pool.free_count(), 5u);
    EXPECT_TRUE(pool.check_integrity().ok());
}

TEST(BlockPool, IntegrityCheckSeesDamage) {
    BlockPool pool(4);
    const BlockId id = pool.take_free();
    pool[id].references = 0;
    EXPECT_FALSE(pool.check_integrity().ok());
    pool[id].references = 1;
    pool[BlockId{3}].state = BlockState::kCached;
    EXPECT_FALSE(pool.check_integrity().ok());
}

/// Against a slow model: a state for each block and a list in order of use.
TEST(BlockPool, RandomOperationsAgreeWithAModel) {
    for (const uint32_t seed : StormSeeds()) {
        std::mt19937 random(seed);
        BlockPool pool(40);
        std::vector<uint32_t> references(40), cached;
        for (int step = 0; step < 20000; ++step) {
            const uint32_t id = static_cast<uint32_t>(random() % 40);
            const bool is_cached = std::find(cached.begin(), cached.end(), id) != cached.end();
            if (random() % 3 == 0 && pool.free_count() > 0) {
                const uint32_t taken = raw(pool.take_free());
                ASSERT_EQ(references[taken], 0u);
                ASSERT_EQ(std::count(cached.begin(), cached.end(), taken), 0);
                references[taken] = 1;
            } else if (references[id] > 0 && random() % 2) {
                const bool keep = random() % 2;
                pool.drop_reference(BlockId{id}, keep);
                if (--references[id] == 0 && keep) cached.push_back(id);
            } else if (references[id] > 0 || (is_cached && random() % 2)) {
                pool.add_reference(BlockId{id});
                std::erase(cached, id);
                ++references[id];
            } else if (is_cached) {
                pool.free_cached(BlockId{id});
                std::erase(cached, id);
            }
            ASSERT_EQ(pool.oldest_cached(), cached.empty() ? kNoBlock : BlockId{cached.front()});
            ASSERT_EQ(pool.cached_count(), cached.size());
            ASSERT_EQ(pool.held_count(), 40 - std::count(references.begin(), references.end(), 0u));
            const Status status = pool.check_integrity();
            ASSERT_TRUE(status.ok()) << status.error().text();
        }
    }
}

}  // namespace
}  // namespace pitwall::engine
