// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/token_runner.h"

#include <fmt/format.h>

namespace pitwall::app {

namespace {

uint32_t blocks_for(uint32_t tokens) { return (tokens + engine::kBlockTokens - 1) / engine::kBlockTokens; }

}  // namespace

TokenRunner::TokenRunner(engine::Executor& executor, uint32_t sequences, uint32_t max_tokens)
    : executor_(&executor), block_tables_(sequences) {
    uint32_t next = 0;
    for (auto& table : block_tables_)
        for (uint32_t i = 0; i < blocks_for(max_tokens); ++i) table.push_back(BlockId{next++});
}

Result<TokenRunner> TokenRunner::create(engine::Executor& executor, uint32_t sequences, uint32_t max_tokens) {
    const uint64_t blocks = uint64_t{sequences} * blocks_for(max_tokens);
    if (blocks > executor.capacity_blocks())
        return Error{fmt::format("{} sequences of {} tokens need {} KV blocks, the memory holds {}",
                                 sequences, max_tokens, blocks, executor.capacity_blocks()),
                     "raise kv_cache_memory_bytes"};
    if (auto resized = executor.resize_pool(static_cast<uint32_t>(blocks)); !resized.ok())
        return resized.error();
    return TokenRunner(executor, sequences, max_tokens);
}

engine::StepResult TokenRunner::run(std::span<const Slice> slices) {
    engine::StepPlan plan;
    plan.id = StepId{steps_++};
    for (const Slice& slice : slices) {
        const auto end = slice.first_position + static_cast<uint32_t>(slice.tokens.size());
        engine::SequenceSlice part;
        part.request = RequestId{slice.sequence + 1};
        part.work = slice.tokens.size() > 1 ? engine::WorkKind::kPrefill : engine::WorkKind::kDecode;
        part.tokens = slice.tokens;
        part.first_position = slice.first_position;
        part.block_table = std::span(block_tables_[slice.sequence]).first(blocks_for(end));
        part.samples = slice.sample;
        part.history = slice.tokens;
        part.logits_out = slice.logits_out;
        plan.slices.push_back(part);
    }
    return executor_->collect(executor_->submit(plan));
}

}  // namespace pitwall::app
