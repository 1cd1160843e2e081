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
    constexpr double kShareOfFree = 0.92;  // the rest is for what grows with the steps, and for others
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

Status KvArena::resize(uint32_t num_blocks) { return check_size(num_blocks, pool_.block_bytes); }

namespace {

/// Blocks that can be converted in one launch: none of them is written over one that is still to be read.
struct Batch {
    std::vector<uint32_t> ids;
    bool overlaps_itself = false;  ///< a single block, which goes by way of a scratch block
};

/// Blocks whose new places lie below the first one's old place overwrite nothing; from block to block there are more.
std::vector<Batch> downward(std::span<const uint32_t> ids, uint64_t from_bytes, uint64_t to_bytes) {
    std::vector<Batch> batches;
    while (!ids.empty()) {
        const uint64_t free_until = ids[0] * from_bytes;
        const auto end = std::partition_point(ids.begin(), ids.end(),
                                              [&](uint32_t id) { return (id + 1) * to_bytes <= free_until; });
        const auto fit = static_cast<size_t>(end - ids.begin()), count = std::max<size_t>(1, fit);
        batches.push_back({{ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count)}, fit == 0});
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
        const auto taken = ids.last(count);
        batches.push_back({{taken.begin(), taken.end()}, fit == 0});
        ids = ids.first(ids.size() - count);
    }
    return batches;
}

/// Where a pool would begin whose block at `offset` lies at `block`.
std::byte* shifted_back(std::byte* block, uint64_t offset) {
    return reinterpret_cast<std::byte*>(reinterpret_cast<uintptr_t>(block) - offset);
}

}  // namespace

Status KvArena::convert(engine::KvDtype dtype, uint32_t num_blocks, std::span<const uint32_t> holding,
                        Stream& stream) {
    auto target = pool_of(dtype);
    if (!target.ok()) return target.error();
    const KvPool& to = target.value();
    if (Status status = check_size(num_blocks, to.block_bytes); !status.ok()) return status;
    std::vector<uint32_t> ids(holding.begin(), holding.end());
    std::sort(ids.begin(), ids.end());
    auto device_ids = DeviceMemory::allocate(std::max<size_t>(1, ids.size()) * sizeof(uint32_t), "block ids");
    if (!device_ids.ok()) return device_ids.error();
    auto scratch = DeviceMemory::allocate(pool_.block_bytes, "a KV block");
    if (!scratch.ok()) return scratch.error();
    const auto batches = to.block_bytes <= pool_.block_bytes
                             ? downward(ids, pool_.block_bytes, to.block_bytes)
                             : upward(ids, pool_.block_bytes, to.block_bytes);
    uint32_t* place = device_ids.value().as<uint32_t>();
    for (const Batch& batch : batches) {
        stream.copy_to_device(place, batch.ids.data(), batch.ids.size() * sizeof(uint32_t));
        KvPool from = pool_;
        if (batch.overlaps_itself) {
            const uint64_t offset = batch.ids[0] * pool_.block_bytes;
            stream.copy_on_device(scratch.value().data(), pool_.data + offset, pool_.block_bytes);
            from.data = shifted_back(scratch.value().data(), offset);
        }
        convert_blocks(stream, from, to, place, static_cast<uint32_t>(batch.ids.size()));
        place += batch.ids.size();
    }
    if (Status status = stream.synchronize(); !status.ok()) return status;
    dtype_ = dtype;
    pool_ = to;
    return {};
}

}  // namespace pitwall::cuda
