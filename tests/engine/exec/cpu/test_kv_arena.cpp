// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/kv_arena.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/engine/exec/cpu/support.h"

namespace pitwall::engine {
namespace {

using cpu::KvArena;

void fill(KvArena& arena, uint32_t block) {
    std::memset(arena.head(BlockId{block}, 0, 0), static_cast<int>(block * 7 + 1), arena.bytes_per_block());
}

bool holds(KvArena& arena, uint32_t block) {
    const std::vector<std::byte> want(arena.bytes_per_block(), static_cast<std::byte>(block * 7 + 1));
    return std::memcmp(arena.head(BlockId{block}, 0, 0), want.data(), want.size()) == 0;
}

TEST(KvArena, ResizingKeepsWhatLiesBelow) {
    auto made = KvArena::create(odd_config(), uint64_t{4} << 20, KvDtype::kF16);
    ASSERT_TRUE(made.ok());
    KvArena& arena = made.value();
    ASSERT_TRUE(arena.resize(30).ok());
    for (uint32_t b = 0; b < 30; ++b) fill(arena, b);
    ASSERT_TRUE(arena.resize(11).ok());
    for (uint32_t b = 0; b < 11; ++b) EXPECT_TRUE(holds(arena, b)) << b;
    ASSERT_TRUE(arena.resize(200).ok());
    for (uint32_t b = 0; b < 11; ++b) EXPECT_TRUE(holds(arena, b)) << b;
    for (uint32_t b = 11; b < 200; ++b) fill(arena, b);
    for (uint32_t b = 0; b < 200; ++b) EXPECT_TRUE(holds(arena, b)) << b;
}

TEST(KvArena, CapacityIsTheMemoryGiven) {
    auto made = KvArena::create(odd_config(), 1'000'000, KvDtype::kF16);
    ASSERT_TRUE(made.ok());
    KvArena& arena = made.value();
    EXPECT_EQ(arena.capacity_blocks(), 1'000'000 / arena.bytes_per_block());
    EXPECT_TRUE(arena.resize(arena.capacity_blocks()).ok());
    fill(arena, arena.capacity_blocks() - 1);
    EXPECT_FALSE(arena.resize(arena.capacity_blocks() + 1).ok());
    EXPECT_TRUE(holds(arena, arena.capacity_blocks() - 1)) << "a refused resize changes nothing";
}

/// Two sequences share a prefix that ends within a block; the copy lets them part ways.
TEST(KvArena, CopyOnWriteGivesEachItsOwnEnd) {
    const TestModel model(even_config(), {TensorType::kQ4_1, TensorType::kQ8_0}, 61);
    const KernelTier tier = available_kernel_tiers().back();
    std::mt19937 random(62);
    const auto prefix = random_tokens(37, model.config().vocab_size, random);
    const size_t vocab = model.config().vocab_size;
    Hand hand(model, 2, tier);
    hand.logits(prefix, prefix.size(), blocks_from(0, 3));
    const std::vector<BlockId> tables[2] = {blocks_from(0, 3), {BlockId{0}, BlockId{1}, BlockId{9}}};
    const TokenId ends[2] = {3, 4};
    std::vector<float> logits[2];
    StepPlan plan;
    plan.copies.push_back({BlockId{2}, BlockId{9}, 5});
    for (int i = 0; i < 2; ++i) {
        logits[i].resize(vocab);
        SequenceSlice slice;
        slice.tokens = {&ends[i], 1};
        slice.first_position = 37;
        slice.block_table = tables[i];
        slice.logits_out = logits[i];
        plan.slices.push_back(slice);
    }
    ASSERT_TRUE(hand.run(plan).status.ok());
    for (int i = 0; i < 2; ++i) {
        auto whole = prefix;
        whole.push_back(ends[i]);
        const auto cold = Hand(model, 1, tier).logits(whole, whole.size(), blocks_from(0, 3));
        EXPECT_EQ(std::memcmp(cold.data() + 37 * vocab, logits[i].data(), vocab * sizeof(float)), 0)
            << "sequence " << i;
    }
}

TEST(KvArena, TheExecutorGoesOnAfterAResize) {
    const TestModel model(odd_config(), {}, 63);
    std::mt19937 random(64);
    const auto tokens = random_tokens(100, model.config().vocab_size, random);
    const KernelTier tier = available_kernel_tiers().back();
    const auto table = blocks_from(0, 7);
    const auto plain = Hand(model, 1, tier).logits(tokens, 50, table);
    Hand hand(model, 1, tier, 40);
    const std::vector<TokenId> half(tokens.begin(), tokens.begin() + 50);
    hand.logits(half, 50, table);
    ASSERT_TRUE(hand.executor().resize_pool(7).ok());
    ASSERT_TRUE(hand.executor().resize_pool(hand.executor().capacity_blocks()).ok());
    const size_t vocab = model.config().vocab_size;
    std::vector<float> rest(50 * vocab);
    StepPlan plan;
    SequenceSlice slice;
    slice.tokens = std::span<const TokenId>(tokens).subspan(50);
    slice.first_position = 50;
    slice.block_table = table;
    slice.logits_out = rest;
    plan.slices.push_back(slice);
    ASSERT_TRUE(hand.run(plan).status.ok());
    EXPECT_EQ(std::memcmp(rest.data(), plain.data() + 50 * vocab, rest.size() * sizeof(float)), 0);
}

}  // namespace
}  // namespace pitwall::engine
