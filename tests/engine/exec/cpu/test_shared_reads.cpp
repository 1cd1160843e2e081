// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/shared_reads.h"

#include <gtest/gtest.h>

#include "engine/exec/cpu/kernels/kernels.h"
#include "tests/engine/exec/cpu/support.h"

namespace pitwall::engine::cpu {
namespace {

/// Tables that share their first `shared` blocks, 16 tokens each; one token decodes behind 40 blocks.
class SharedReadsTest : public testing::Test {
  protected:
    void add(uint32_t shared, uint32_t blocks = 40, uint32_t tokens = 1) {
        auto table = blocks_from(0, shared);
        while (table.size() <= blocks) table.push_back(BlockId{next_++});
        tables_.push_back(std::move(table));
        sizes_.push_back({tokens, blocks * kBlockTokens});
    }
    const SharedReads& plan(uint32_t most_own = 5, uint32_t most = 16) {
        sequences_.clear();
        for (size_t i = 0; i < tables_.size(); ++i)
            sequences_.push_back({static_cast<uint32_t>(i), sizes_[i].first, sizes_[i].second, tables_[i]});
        shared_.plan(sequences_, most_own, most);
        return shared_;
    }

  private:
    uint32_t next_ = 1000;
    std::vector<std::vector<BlockId>> tables_;
    std::vector<std::pair<uint32_t, uint32_t>> sizes_;
    std::vector<SequenceRows> sequences_;
    SharedReads shared_;
};

TEST_F(SharedReadsTest, ReadsACommonPrefixOnce) {
    for (int i = 0; i < 3; ++i) add(22);  // a chunk of 16 blocks, a tile of 4, and two blocks
    const SharedReads& shared = plan();
    ASSERT_EQ(shared.reads().size(), 2u);
    EXPECT_EQ(shared.reads()[0].tiles, 4u);
    EXPECT_EQ(shared.reads()[1].chunk, 1u);
    EXPECT_EQ(shared.reads()[1].tiles, 1u);
    EXPECT_EQ(shared.rows(), 6u);
    EXPECT_EQ(shared.part(2, 0).first_row, 2u);
    EXPECT_EQ(shared.part(2, 1).tiles, 1u);
    EXPECT_EQ(shared.part(2, 2).tiles, 0u);
}

TEST_F(SharedReadsTest, StrangersReadForThemselves) {
    add(0), add(0), add(3), add(3);
    EXPECT_TRUE(plan().reads().empty()) << "less than a tile of 4 blocks is in common";
}

TEST_F(SharedReadsTest, NobodyIsShownWhatLiesBehindHisTokens) {
    add(16, 40), add(16, 9);  // the second has 9 blocks before its token: two whole tiles
    const SharedReads& shared = plan();
    ASSERT_EQ(shared.reads().size(), 1u);
    EXPECT_EQ(shared.reads()[0].tiles, 2u);
}

TEST_F(SharedReadsTest, ManyReadersAreDealtOut) {
    for (int i = 0; i < 37; ++i) add(16);
    const SharedReads& shared = plan();
    ASSERT_EQ(shared.reads().size(), 3u);
    EXPECT_EQ(shared.reads()[0].members, 16u);
    EXPECT_EQ(shared.reads()[2].members, 5u);
    EXPECT_EQ(shared.rows(), 37u);
}

TEST_F(SharedReadsTest, PromptsReadForThemselves) {
    add(16), add(16, 40, 6);
    EXPECT_TRUE(plan().reads().empty());
    add(16, 40, 5);
    EXPECT_EQ(plan().reads().size(), 1u);
    EXPECT_EQ(plan().rows(), 6u);
}

}  // namespace
}  // namespace pitwall::engine::cpu
