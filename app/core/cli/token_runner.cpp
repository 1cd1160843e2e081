// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/cli/token_runner.h"

#include <utility>

#include "app/core/cli/block_tables.h"
#include "engine/sched/sequence.h"

namespace pitwall::app {

TokenRunner::TokenRunner(engine::Executor& executor, std::vector<std::vector<BlockId>> block_tables)
    : executor_(&executor), block_tables_(std::move(block_tables)) {}

Result<TokenRunner> TokenRunner::create(engine::Executor& executor, uint32_t sequences, uint32_t max_tokens) {
    auto tables = make_block_tables(executor, sequences, max_tokens);
    if (!tables.ok()) return tables.error();
    return TokenRunner(executor, std::move(tables).value());
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
        part.block_table = std::span(block_tables_[slice.sequence]).first(engine::Sequence::blocks_for(end));
        part.samples = slice.sample;
        part.history = slice.tokens;
        part.logits_out = slice.logits_out;
        plan.slices.push_back(part);
    }
    return executor_->collect(executor_->submit(plan));
}

}  // namespace pitwall::app
