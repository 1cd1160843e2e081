// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/engine/exec/executor_hand.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

namespace pitwall::engine {

ExecutorHand::ExecutorHand(Result<std::unique_ptr<Executor>> made, uint32_t blocks) {
    if (!made.ok()) throw std::runtime_error(made.error().text());
    executor_ = std::move(made).value();
    if (const Status status = executor_->resize_pool(blocks); !status.ok())
        throw std::runtime_error(status.error().text());
}

std::vector<float> ExecutorHand::logits(const std::vector<TokenId>& tokens, size_t chunk,
                                        const std::vector<BlockId>& table) {
    const size_t vocab = executor_->vocab_size();
    std::vector<float> out(tokens.size() * vocab);
    for (size_t begin = 0; begin < tokens.size(); begin += chunk) {
        const size_t count = std::min(chunk, tokens.size() - begin);
        SequenceSlice slice;
        slice.tokens = {tokens.data() + begin, count};
        slice.first_position = static_cast<uint32_t>(begin);
        slice.block_table = table;
        slice.history = {tokens.data(), begin + count};
        slice.logits_out = {out.data() + begin * vocab, count * vocab};
        StepPlan plan;
        plan.slices.push_back(slice);
        EXPECT_TRUE(run(plan).status.ok());
    }
    return out;
}

std::vector<BlockId> blocks_from(uint32_t first, uint32_t count) {
    std::vector<BlockId> blocks;
    for (uint32_t i = 0; i < count; ++i) blocks.push_back(BlockId{first + i});
    return blocks;
}

}  // namespace pitwall::engine
