// SPDX-License-Identifier: GPL-3.0-or-later
//
// Attention of llama-3.1-8b (32 query heads, 8 KV heads of 128) over a paged cache, and the conversion of a pool.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "bench/gpu/measure.h"
#include "engine/exec/cuda/executor/attention_plan.h"
#include "engine/kv/kv_format.h"
#include "telemetry/names.h"

namespace pitwall::cuda::bench {
namespace {

using engine::KvDtype;

constexpr uint32_t kHeads = 32, kKvHeads = 8, kHeadDim = 128, kGroup = kHeads / kKvHeads;
constexpr KvDtype kFormats[] = {KvDtype::kBf16, KvDtype::kF16,  KvDtype::kFp8,
                                KvDtype::kInt8, KvDtype::kK8V4, KvDtype::kInt4};

uint64_t block_bytes(KvDtype dtype) {
    return uint64_t{engine::kv_head_layout(dtype, kHeadDim).bytes} * kKvHeads;
}

KvPool pool_of(const DeviceMemory& memory, KvDtype dtype) {
    return {memory.data(), block_bytes(dtype), 1, kKvHeads, engine::kv_head_layout(dtype, kHeadDim)};
}

/// Sequences in one step, their blocks scattered over the pool.
struct Batch {
    std::vector<std::vector<uint32_t>> tables;
    std::vector<StepSequence> sequences;
    uint32_t rows = 0, blocks = 0;
    double positions_read = 0;

    void add(uint32_t first_position, uint32_t tokens) {
        const uint32_t count = (first_position + tokens + kBlockTokens - 1) / kBlockTokens;
        tables.emplace_back(count);
        std::iota(tables.back().begin(), tables.back().end(), blocks);
        blocks += count;
        sequences.push_back({rows, tokens, first_position, {}});
        rows += tokens;
        positions_read += first_position + tokens;
    }
    void scatter() {
        std::vector<uint32_t> order(blocks);
        std::iota(order.begin(), order.end(), 0u);
        std::shuffle(order.begin(), order.end(), std::mt19937(7));
        for (size_t i = 0; i < sequences.size(); ++i) {
            for (uint32_t& block : tables[i]) block = order[block];
            sequences[i].blocks = tables[i];
        }
    }
};

Device::Time run_batch(Device& device, const Batch& batch, KvDtype dtype) {
    const AttentionPlan plan = plan_attention(batch.sequences, batch.rows, kGroup);
    const DeviceMemory memory = device.random_numbers(batch.blocks * block_bytes(dtype));
    const DeviceMemory sequences = device.upload(plan.sequences), tables = device.upload(plan.tables),
                       decode = device.upload(plan.decode_items), prefill = device.upload(plan.prefill_items),
                       row_parts = device.upload(plan.row_parts),
                       parts = device.allocate(uint64_t{plan.parts} * part_floats(kHeads, kHeadDim) *
                                               sizeof(float)),
                       q = device.random_numbers(uint64_t{batch.rows} * kHeads * kHeadDim * 2),
                       out = device.allocate(uint64_t{batch.rows} * kHeads * kHeadDim * 2),
                       scales = device.allocate(batch.rows * sizeof(float));
    AttendArgs args{};
    args.pool = pool_of(memory, dtype);
    args.heads = kHeads;
    args.q = q.as<uint16_t>();
    args.sequences = sequences.as<SequenceRows>();
    args.tables = tables.as<uint32_t>();
    args.decode_items = decode.as<AttendItem>();
    args.prefill_items = prefill.as<AttendItem>();
    args.num_decode_items = static_cast<uint32_t>(plan.decode_items.size());
    args.num_prefill_items = static_cast<uint32_t>(plan.prefill_items.size());
    args.row_parts = row_parts.as<uint32_t>();
    args.most_parts = plan.most_parts;
    args.parts = parts.as<float>();
    args.tokens = batch.rows;
    args.out = {out.as<uint16_t>(), scales.as<float>(), kHeads * kHeadDim, kHeads * kHeadDim,
                dtype == KvDtype::kBf16 ? OperandNumber::kBfloat : OperandNumber::kHalf};
    return device.measure([&](uint32_t) { attend(device.stream(), args); }, 8);
}

void bench_decode(Device& device, const char* name, const Batch& batch, KvDtype dtype) {
    const double bytes = batch.positions_read * static_cast<double>(block_bytes(dtype)) / kBlockTokens;
    report({{"what", "decode attention"},
            {"lengths", name},
            {"kv_cache_dtype", std::string(telemetry::name(dtype))},
            {"sequences", batch.sequences.size()},
            {"positions", batch.positions_read}},
           run_batch(device, batch, dtype), bytes, 4.0 * batch.positions_read * kHeads * kHeadDim);
}

/// 32 lengths from 128 to 16k whose frequency falls with their size; every `step`-th of them.
Batch zipf_batch(uint32_t step) {
    Batch batch;
    for (uint32_t i = 0; i < 32; i += step) {
        const double u = (i + 0.5) / 32;
        batch.add(static_cast<uint32_t>(128 * std::pow(128.0, u * u)) - 1, 1);
    }
    batch.scatter();
    return batch;
}

Batch even_batch(uint32_t sequences, uint32_t context, uint32_t tokens) {
    Batch batch;
    for (uint32_t i = 0; i < sequences; ++i) batch.add(context - tokens, tokens);
    batch.scatter();
    return batch;
}

}  // namespace

void bench_attention(Device& device) {
    const bool tiny = device.tiny();
    const Batch even = tiny ? even_batch(1, 128, 1) : even_batch(32, 4096, 1),
                ragged = zipf_batch(tiny ? 32 : 1), one = even_batch(1, tiny ? 17 : 1024, 1);
    for (const KvDtype dtype : kFormats) {
        bench_decode(device, "32 x 4096", even, dtype);
        bench_decode(device, "zipf 128 to 16384", ragged, dtype);
        bench_decode(device, "1 x 1024", one, dtype);
    }
    for (const uint32_t tokens : tiny ? std::vector{24u} : std::vector{1024u, 4096u}) {
        const Batch prompt = even_batch(1, tokens, tokens);
        const double flops = 4.0 * kHeads * kHeadDim * (0.5 * tokens * (tokens + 1.0));
        report({{"what", "prefill attention"}, {"tokens", tokens}, {"kv_cache_dtype", "bf16"}},
               run_batch(device, prompt, KvDtype::kBf16), 0, flops);
    }
}

void bench_conversion(Device& device) {
    const uint32_t blocks = device.tiny() ? 2 : 32768;
    std::vector<uint32_t> ids(blocks);
    std::iota(ids.begin(), ids.end(), 0u);
    const DeviceMemory device_ids = device.upload(ids);
    for (const KvDtype to : {KvDtype::kInt8, KvDtype::kFp8, KvDtype::kInt4}) {
        const DeviceMemory source = device.random_numbers(blocks * block_bytes(KvDtype::kBf16)),
                           target = device.allocate(blocks * block_bytes(to));
        const double bytes =
            double(blocks) * static_cast<double>(block_bytes(KvDtype::kBf16) + block_bytes(to));
        const auto run = [&](uint32_t) {
            convert_blocks(device.stream(),
                           {pool_of(source, KvDtype::kBf16), pool_of(target, to), device_ids.as<uint32_t>(),
                            device_ids.as<uint32_t>()},
                           blocks);
        };
        report({{"what", "KV conversion"}, {"from", "bf16"}, {"to", std::string(telemetry::name(to))}},
               device.measure(run, 2), bytes, 0);
    }
}

}  // namespace pitwall::cuda::bench
