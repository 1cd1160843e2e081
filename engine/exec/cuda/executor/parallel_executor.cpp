// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/parallel_executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>

namespace pitwall::cuda {
namespace {

template <class Work>
Status guarded(const Work& work, uint32_t rank) {
    try {
        return work(rank);
    } catch (const std::exception& e) {
        return Error{fmt::format("the CUDA executor failed: {}", e.what()),
                     "use --device cpu, and report this"};
    }
}

Status first_failure(const std::vector<Status>& each) {
    const auto failed = std::find_if(each.begin(), each.end(), [](const Status& s) { return !s.ok(); });
    return failed == each.end() ? Status() : *failed;
}

}  // namespace

ParallelExecutor::ParallelExecutor(std::span<const uint32_t> devices)
    : devices_(devices.begin(), devices.end()), ranks_(devices.size()), threads_(count()) {}

/// What the ranks have of each other goes first.
ParallelExecutor::~ParallelExecutor() { group_.reset(); }

Result<std::unique_ptr<ParallelExecutor>> ParallelExecutor::create(const abi::Model& model,
                                                                   const abi::Options& options) {
    const std::span devices(options.devices, options.num_devices);
    std::unique_ptr<ParallelExecutor> executor(new ParallelExecutor(devices));
    if (devices.size() > 1) {
        auto group = RankGroup::connect(devices);
        if (!group.ok()) return group.error();
        executor->group_ = std::move(group).value();
    }
    if (Status status = executor->load(model, options); !status.ok()) return status.error();
    return executor;
}

/// Rank 0, on the caller's thread, tells how far all are; who wants no more stops all.
Status ParallelExecutor::load(const abi::Model& model, const abi::Options& options) {
    std::atomic<bool> unwanted = false;
    return apart([&](uint32_t rank) -> Status {
        DeviceOptions own;
        own.device = devices_[rank];
        own.kv_dtype = static_cast<engine::KvDtype>(options.kv_dtype);
        own.weight_dtype = static_cast<WeightDtype>(options.weight_dtype);
        own.kv_cache_memory_bytes = options.kv_cache_memory_bytes / count();
        own.kv_cache_share = options.kv_cache_share;
        own.kv_cache_spared_bytes = options.kv_cache_spared_bytes / count();
        own.rank = {rank, count(), group_.get()};
        own.progress = [&](uint64_t done, uint64_t total) {
            if (rank == 0 && options.progress && options.progress(options.context, done, total) != 0)
                unwanted = true;
            return !unwanted;
        };
        auto made = DeviceExecutor::create(model, own);
        if (!made.ok()) return made.error();
        ranks_[rank] = std::move(made).value();
        return {};
    });
}

template <class Work>
std::vector<Status> ParallelExecutor::on_each(const Work& work) {
    std::vector<Status> each(count());
    threads_.run([&](uint32_t rank) { each[rank] = guarded(work, rank); });
    return each;
}

Error ParallelExecutor::told_by(uint32_t rank, const Error& error) const {
    return group_ ? group_->told_by(rank, error) : error;
}

/// What no rank waits for another in: the first failure, whatever became of the others.
template <class Work>
Status ParallelExecutor::apart(const Work& work) {
    return first_failure(on_each([&](uint32_t rank) -> Status {
        Status own = guarded(work, rank);
        return own.ok() ? own : told_by(rank, own.error());
    }));
}

/// What ranks may wait for each other in. One that fails without the others' knowledge leaves them nothing to wait for.
template <class Work>
Status ParallelExecutor::together(const Work& work) {
    if (!group_) return apart(work);
    if (Status whole = group_->status(); !whole.ok()) return whole;
    group_->begin();
    const auto each = on_each([&](uint32_t rank) {
        Status own = guarded(work, rank);
        if (!own.ok() && !group_->agreed_to_fail()) group_->break_up(rank, own.error());
        return own;
    });
    if (Status whole = group_->status(); !whole.ok()) return whole;
    return first_failure(each);
}

Status ParallelExecutor::status() const {
    for (uint32_t rank = 0; rank < count(); ++rank)
        if (Status status = ranks_[rank]->status(); !status.ok()) return told_by(rank, status.error());
    return group_ ? group_->status() : Status();
}

uint64_t ParallelExecutor::weight_bytes() const {
    uint64_t bytes = 0;
    for (const auto& rank : ranks_) bytes += rank->weight_bytes();
    return bytes;
}

uint64_t ParallelExecutor::activation_bytes() const {
    uint64_t bytes = 0;
    for (const auto& rank : ranks_) bytes += rank->activation_bytes();
    return bytes;
}

uint64_t ParallelExecutor::block_bytes(engine::KvDtype dtype) const {
    return ranks_[0]->arena().supported_block_bytes(dtype) * count();
}

uint64_t ParallelExecutor::kv_memory_bytes() const {
    uint64_t smallest = ranks_[0]->arena().memory_bytes();
    for (const auto& rank : ranks_) smallest = std::min(smallest, rank->arena().memory_bytes());
    return smallest * count();
}

Status ParallelExecutor::resize_pool(uint32_t num_blocks) {
    return apart([&](uint32_t rank) { return ranks_[rank]->resize_pool(num_blocks); });
}

Status ParallelExecutor::convert_kv(engine::KvDtype dtype, uint32_t num_blocks,
                                    std::span<const uint32_t> holding) {
    return together([&](uint32_t rank) { return ranks_[rank]->convert_kv(dtype, num_blocks, holding); });
}

/// All or none: sums over the ranks are of one kind.
Status ParallelExecutor::set_batch_invariant(bool invariant) {
    Status status = apart([&](uint32_t rank) { return ranks_[rank]->set_batch_invariant(invariant); });
    if (!status.ok() && !invariant)
        (void)apart([&](uint32_t rank) { return ranks_[rank]->set_batch_invariant(true); });
    return status;
}

Result<double> ParallelExecutor::measure_bandwidth() {
    std::vector<double> rates(count());
    const Status status = apart([&](uint32_t rank) -> Status {
        auto measured = ranks_[rank]->measure_bandwidth();
        if (!measured.ok()) return measured.error();
        rates[rank] = measured.value();
        return {};
    });
    if (!status.ok()) return status.error();
    double sum = 0;
    for (const double rate : rates) sum += rate;
    return sum;
}

Status ParallelExecutor::score_beside(engine::KvDtype dtype, std::span<const int32_t> tokens,
                                      uint32_t first_position, std::span<float* const> logits) {
    return together(
        [&](uint32_t rank) { return ranks_[rank]->score_beside(dtype, tokens, first_position, logits); });
}

Status ParallelExecutor::submit(const abi::Plan& plan) {
    return together([&](uint32_t rank) { return ranks_[rank]->submit(plan); });
}

Result<abi::StepResult> ParallelExecutor::collect() {
    std::vector<abi::StepResult> results(count());
    const Status status = together([&](uint32_t rank) -> Status {
        auto collected = ranks_[rank]->collect();
        if (!collected.ok()) return collected.error();
        results[rank] = collected.value();
        return {};
    });
    if (!status.ok()) return status.error();
    abi::StepResult all = results[0];
    for (uint32_t rank = 1; rank < count(); ++rank) {
        all.flops += results[rank].flops;
        all.bytes += results[rank].bytes;
        for (size_t i = 0; i < std::size(all.kernels); ++i) {
            all.kernels[i].flops += results[rank].kernels[i].flops;
            all.kernels[i].bytes += results[rank].kernels[i].bytes;
        }
    }
    return all;
}

}  // namespace pitwall::cuda
