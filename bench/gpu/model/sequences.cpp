// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/gpu/model/sequences.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <utility>

#include "app/core/cli/block_tables.h"
#include "engine/sched/sequence.h"

namespace pitwall::bench {

namespace {

using engine::kBlockTokens;
using engine::Sequence;
using engine::StepPlan;

constexpr size_t kCopiesOfAStep = 4096;

double now_s() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// One plan after the other, each of copies alone.
Status run_copies(engine::Executor& executor, std::span<const engine::BlockCopy> copies) {
    for (size_t first = 0; first < copies.size(); first += kCopiesOfAStep) {
        StepPlan plan;
        const auto part = copies.subspan(first, std::min(kCopiesOfAStep, copies.size() - first));
        plan.copies.assign(part.begin(), part.end());
        if (auto result = executor.collect(executor.submit(plan)); !result.status.ok()) return result.status;
    }
    return {};
}

void add(Work& work, const engine::StepResult& result) {
    work.device_seconds += static_cast<double>(result.copy_ns + result.execute_ns + result.sample_ns) / 1e9;
    work.flops += result.flops, work.bytes += result.bytes;
    work.steps += 1;
    if (!result.status.ok()) work.status = result.status;
    const auto timed = [](const engine::KernelWork& kernel) { return kernel.ns > 0; };
    if (std::any_of(result.kernels.begin(), result.kernels.end(), timed)) work.kernels = result.kernels;
}

}  // namespace

Sequences::Sequences(engine::Executor& executor, std::vector<std::vector<BlockId>> tables,
                     uint32_t max_tokens)
    : executor_(&executor), tokens_(tables.size()), tables_(std::move(tables)) {
    std::mt19937_64 random(tables_.size());
    for (auto& tokens : tokens_)
        for (uint32_t n = 0; n < max_tokens; ++n)
            tokens.push_back(static_cast<TokenId>(random() % executor.vocab_size()));
}

Result<Sequences> Sequences::create(engine::Executor& executor, uint32_t sequences, uint32_t max_tokens) {
    auto tables = app::make_block_tables(executor, sequences, max_tokens);
    if (!tables.ok()) return tables.error();
    return Sequences(executor, std::move(tables).value(), max_tokens);
}

engine::SequenceSlice Sequences::slice(uint32_t sequence, uint32_t first_position, uint32_t count) const {
    engine::SequenceSlice part;
    part.request = RequestId{sequence + 1};
    part.work = count > 1 ? engine::WorkKind::kPrefill : engine::WorkKind::kDecode;
    part.tokens = std::span(tokens_[sequence]).subspan(first_position, count);
    part.first_position = first_position;
    part.block_table = std::span(tables_[sequence]).first(Sequence::blocks_for(first_position + count));
    part.history = std::span(tokens_[sequence]).first(first_position + count);
    part.samples = 1;
    return part;
}

Work Sequences::run(std::span<const StepPlan> plans) {
    Work work;
    std::deque<engine::Ticket> in_flight;
    const double begun = now_s();
    const auto collect = [&] {
        add(work, executor_->collect(in_flight.front()));
        in_flight.pop_front();
    };
    for (const StepPlan& plan : plans) {
        if (in_flight.size() == executor_->depth()) collect();
        in_flight.push_back(executor_->submit(plan));
    }
    while (!in_flight.empty()) collect();
    work.seconds = now_s() - begun;
    return work;
}

Work Sequences::prefill(uint32_t tokens, uint32_t step_tokens) {
    std::vector<StepPlan> plans;
    for (uint32_t done = 0; done < tokens; done += step_tokens) {
        const uint32_t count = std::min(step_tokens, tokens - done);
        StepPlan& plan = plans.emplace_back();
        plan.id = StepId{next_step_++};
        plan.slices.push_back(slice(0, done, count));
        if (done + count < tokens) plan.slices.back().samples = 0;
    }
    return run(plans);
}

Status Sequences::copy_to_all(uint32_t tokens) {
    std::vector<engine::BlockCopy> copies;
    for (size_t i = 1; i < tables_.size(); ++i)
        for (uint32_t n = 0; n < Sequence::blocks_for(tokens); ++n)
            copies.push_back({tables_[0][n], tables_[i][n], kBlockTokens});
    return run_copies(*executor_, copies);
}

Work Sequences::decode(uint32_t first_position, uint32_t steps) {
    std::vector<StepPlan> plans(steps);
    for (uint32_t i = 0; i < steps; ++i) {
        plans[i].id = StepId{next_step_++};
        for (uint32_t n = 0; n < tokens_.size(); ++n)
            plans[i].slices.push_back(slice(n, first_position + i, 1));
    }
    return run(plans);
}

Status fill_pool(engine::Executor& executor, uint32_t filled_blocks, uint32_t blocks) {
    std::vector<engine::BlockCopy> copies;
    for (uint32_t i = filled_blocks; i < blocks; ++i)
        copies.push_back({BlockId{i % filled_blocks}, BlockId{i}, kBlockTokens});
    return run_copies(executor, copies);
}

}  // namespace pitwall::bench
