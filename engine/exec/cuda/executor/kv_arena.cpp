// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/kv_arena.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/kv/in_place_moves.h"
#include "telemetry/names.h"

namespace pitwall::cuda {

Result<KvArena> KvArena::create(const engine::ModelConfig& config, uint64_t memory_bytes,
                                engine::KvDtype dtype) {
    KvArena arena;
    arena.config_ = config;
    arena.dtype_ = dtype;
    const uint64_t block_bytes = arena.block_bytes(dtype);
    if (memory_bytes < block_bytes)
        return Error{
            fmt::format("a KV cache of {} bytes holds no KV block of {} bytes", memory_bytes, block_bytes),
            "raise kv_cache_memory_bytes"};
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
constexpr uint32_t kScratchBlocks = 64;

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
            std::clamp<size_t>(ids.size(), 1, kScratchBlocks) * from.block_bytes, "KV blocks on their way");
        if (!scratch.ok()) return scratch.error();
        stream.copy_to_device(memory.value().data(), words.data(), words.size() * sizeof(uint32_t));
        if (Status status = stream.synchronize(); !status.ok()) return status.error();
        Conversion c{from, to, std::move(memory).value(), std::move(scratch).value(), nullptr};
        c.scratch_ids = c.ids.as<uint32_t>() + ids.size();
        return c;
    }

    /// `batch_ids`: those of the batch, on the device.
    void run(const engine::MoveBatch<uint32_t>& batch, const uint32_t* batch_ids, Stream& stream) const {
        const auto all = static_cast<uint32_t>(batch.ids.size());
        if (!batch.overlaps_itself) return convert_blocks(stream, {from, to, batch_ids, batch_ids}, all);
        KvPool aside = from;
        aside.data = scratch.data();
        for (uint32_t first = 0; first < all; first += kScratchBlocks) {
            const uint32_t count = std::min(kScratchBlocks, all - first);
            for (uint32_t i = 0; i < count; ++i)
                stream.copy_on_device(aside.data + i * from.block_bytes,
                                      from.data + batch.ids[first + i] * from.block_bytes, from.block_bytes);
            convert_blocks(stream, {aside, to, scratch_ids, batch_ids + first}, count);
        }
    }
};

Result<KvArena::Conversion> KvArena::prepare(engine::KvDtype dtype, uint32_t num_blocks,
                                             std::span<const uint32_t> ids, Stream& stream) const {
    auto to = pool_of(dtype);
    if (!to.ok()) return to.error();
    if (Status status = check_size(num_blocks, to.value().block_bytes); !status.ok()) return status.error();
    return Conversion::create(pool_, to.value(), ids, stream);
}

Status KvArena::convert(engine::KvDtype dtype, uint32_t num_blocks, std::span<const uint32_t> holding,
                        Stream& stream, const std::function<Status(const Status&)>& agree) {
    std::vector<uint32_t> ids(holding.begin(), holding.end());
    std::sort(ids.begin(), ids.end());
    auto prepared = prepare(dtype, num_blocks, ids, stream);
    Status all = agree(prepared.ok() ? Status() : Status(prepared.error()));
    if (!all.ok()) return all;
    const Conversion& conversion = prepared.value();
    const uint32_t* const device_ids = conversion.ids.as<uint32_t>();
    for (const auto& batch :
         engine::in_place_moves(std::span<const uint32_t>(ids), pool_.block_bytes, conversion.to.block_bytes))
        conversion.run(batch, device_ids + (batch.ids.data() - ids.data()), stream);
    if (Status status = stream.synchronize(); !status.ok()) return status;
    dtype_ = dtype;
    pool_ = conversion.to;
    return {};
}

}  // namespace pitwall::cuda
