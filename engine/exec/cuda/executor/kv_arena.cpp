// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/kv_arena.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "telemetry/names.h"

namespace pitwall::cuda {

Result<KvArena> KvArena::create(const engine::ModelConfig& config, uint64_t memory_bytes,
                                engine::KvDtype dtype) {
    KvArena arena;
    arena.config_ = config;
    arena.dtype_ = dtype;
    constexpr double kShareOfFree =
        0.85;  // the rest is for a draft model, what grows with the steps, and others
    if (memory_bytes == 0)
        memory_bytes = static_cast<uint64_t>(kShareOfFree * static_cast<double>(free_device_bytes()));
    const uint64_t block_bytes = arena.block_bytes(dtype);
    if (memory_bytes < block_bytes)
        return Error{
            fmt::format("kv_cache_memory_bytes={} holds no KV block of {} bytes", memory_bytes, block_bytes),
            "raise it"};
    auto memory = DeviceMemory::allocate(memory_bytes, "the KV cache");
    if (!memory.ok()) return memory.error();
    arena.memory_ = std::move(memory).value();
    auto pool = arena.pool_of(dtype);
    if (!pool.ok()) return pool.error();
    arena.pool_ = pool.value();
    return arena;
}

Result<KvPool> KvArena::pool_of(engine::KvDtype dtype) const {
    const engine::KvHeadLayout layout = engine::kv_head_layout(dtype, config_.head_dim);
    if (!attention_supports(layout))
        return Error{fmt::format("this device has no attention over {} KV with heads of {} values",
                                 telemetry::name(dtype), config_.head_dim),
                     "use f16, bf16, fp8, int8, k8v4 or int4 with heads of 32, 64 or 128, or --device cpu"};
    return KvPool{memory_.data(), block_bytes(dtype), config_.num_layers, config_.num_kv_heads, layout};
}

Status KvArena::check_size(uint32_t num_blocks, uint64_t block_bytes) const {
    if (num_blocks <= capacity_blocks(block_bytes)) return {};
    return Error{fmt::format("{} KV blocks of {} bytes asked for, memory allows {}", num_blocks, block_bytes,
                             capacity_blocks(block_bytes)),
                 "raise kv_cache_memory_bytes and reload"};
}

Status KvArena::resize(uint32_t num_blocks) const { return check_size(num_blocks, pool_.block_bytes); }

namespace {

/// Blocks that go by way of scratch memory at a time, where they would be written over themselves.
constexpr size_t kScratchBlocks = 64;

/// Blocks that can be converted in one launch: none of them is written over one that is still to be read.
struct Batch {
    std::span<const uint32_t> ids;
    bool by_scratch = false;  ///< they overlap themselves
};

/// Blocks whose new places lie below the first one's old place overwrite nothing; from block to block there are more. Where
/// both formats are as wide each lies on itself.
std::vector<Batch> downward(std::span<const uint32_t> ids, uint64_t from_bytes, uint64_t to_bytes) {
    std::vector<Batch> batches;
    while (!ids.empty()) {
        const uint64_t free_until = ids[0] * from_bytes;
        const auto end = std::partition_point(ids.begin(), ids.end(),
                                              [&](uint32_t id) { return (id + 1) * to_bytes <= free_until; });
        const auto fit = static_cast<size_t>(end - ids.begin());
        const size_t one_by_one = from_bytes == to_bytes ? std::min(kScratchBlocks, ids.size()) : 1;
        const size_t count = fit > 0 ? fit : one_by_one;
        batches.push_back({ids.first(count), fit == 0});
        ids = ids.subspan(count);
    }
    return batches;
}

/// The same from the other end.
std::vector<Batch> upward(std::span<const uint32_t> ids, uint64_t from_bytes, uint64_t to_bytes) {
    std::vector<Batch> batches;
    while (!ids.empty()) {
        const uint64_t free_from = (ids.back() + 1) * from_bytes;
        const auto begin = std::partition_point(ids.begin(), ids.end(),
                                                [&](uint32_t id) { return id * to_bytes < free_from; });
        const auto fit = static_cast<size_t>(ids.end() - begin), count = std::max<size_t>(1, fit);
        batches.push_back({ids.last(count), fit == 0});
        ids = ids.first(ids.size() - count);
    }
    return batches;
}

}  // namespace

/// What convert() needs on the device: the ids of all blocks, then 0, 1, ... for those in the scratch memory.
struct KvArena::Conversion {
    KvPool from, to;
    DeviceMemory ids, scratch;
    uint32_t* scratch_ids;

    static Result<Conversion> create(const KvPool& from, const KvPool& to, std::span<const uint32_t> ids,
                                     Stream& stream) {
        std::vector<uint32_t> words(ids.begin(), ids.end());
        for (uint32_t i = 0; i < kScratchBlocks; ++i) words.push_back(i);
        auto memory = DeviceMemory::allocate(words.size() * sizeof(uint32_t), "block ids");
        if (!memory.ok()) return memory.error();
        auto scratch = DeviceMemory::allocate(
            std::min(kScratchBlocks, std::max<size_t>(1, ids.size())) * from.block_bytes,
            "KV blocks on their way");
        if (!scratch.ok()) return scratch.error();
        stream.copy_to_device(memory.value().data(), words.data(), words.size() * sizeof(uint32_t));
        if (Status status = stream.synchronize(); !status.ok()) return status.error();
        Conversion c{from, to, std::move(memory).value(), std::move(scratch).value(), nullptr};
        c.scratch_ids = c.ids.as<uint32_t>() + ids.size();
        return c;
    }

    void run(const Batch& batch, const uint32_t* batch_ids, Stream& stream) const {
        const auto count = static_cast<uint32_t>(batch.ids.size());
        if (!batch.by_scratch) return convert_blocks(stream, {from, to, batch_ids, batch_ids}, count);
        for (uint32_t i = 0; i < count; ++i)
            stream.copy_on_device(scratch.data() + i * from.block_bytes,
                                  from.data + batch.ids[i] * from.block_bytes, from.block_bytes);
        KvPool aside = from;
        aside.data = scratch.data();
        convert_blocks(stream, {aside, to, scratch_ids, batch_ids}, count);
    }
};

Status KvArena::convert(engine::KvDtype dtype, uint32_t num_blocks, std::span<const uint32_t> holding,
                        Stream& stream) {
    auto target = pool_of(dtype);
    if (!target.ok()) return target.error();
    const KvPool& to = target.value();
    if (Status status = check_size(num_blocks, to.block_bytes); !status.ok()) return status;
    std::vector<uint32_t> ids(holding.begin(), holding.end());
    std::sort(ids.begin(), ids.end());
    auto conversion = Conversion::create(pool_, to, ids, stream);
    if (!conversion.ok()) return conversion.error();
    const auto batches = to.block_bytes <= pool_.block_bytes
                             ? downward(ids, pool_.block_bytes, to.block_bytes)
                             : upward(ids, pool_.block_bytes, to.block_bytes);
    for (const Batch& batch : batches)
        conversion.value().run(batch, conversion.value().ids.as<uint32_t>() + (batch.ids.data() - ids.data()),
                               stream);
    if (Status status = stream.synchronize(); !status.ok()) return status;
    dtype_ = dtype;
    pool_ = to;
    return {};
}

}  // namespace pitwall::cuda
