// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/count_work.h"

#include "engine/exec/executor.h"

namespace pitwall::cuda {
namespace {

double layer_bytes(const DeviceModel& model) {
    double bytes = 0;
    for (const DeviceLayer& layer : model.layers)
        for (const DeviceMatrix* m : {&layer.qkv, &layer.output, &layer.gate_up, &layer.down})
            bytes += static_cast<double>(m->bytes);
    return bytes;
}

}  // namespace

void count_work(const DeviceModel& model, const KvPool& pool, const StepBatch& batch, uint32_t head_rows,
                abi::StepResult& result) {
    using engine::KernelKind;
    const engine::ModelConfig& c = model.config;
    const auto add = [&](KernelKind kind, double flops, double bytes) {
        abi::Work& work = result.kernels[static_cast<size_t>(kind)];
        work.flops += flops;
        work.bytes += bytes;
    };
    const double token_bytes = static_cast<double>(pool.block_bytes) / kBlockTokens;
    double tokens = 0, positions = 0, read = 0;
    for (const StepSequence& s : batch.sequences) {
        tokens += s.tokens;
        for (uint32_t i = 0; i < s.tokens; ++i) positions += s.first_position + i + 1;
        read += (s.first_position + s.tokens) * token_bytes;
    }
    add(KernelKind::kProduct, 2.0 * static_cast<double>(c.layer_macs()) * tokens, layer_bytes(model));
    add(KernelKind::kAttention, 4.0 * c.num_layers * c.num_heads * c.head_dim * positions, read);
    add(KernelKind::kRowwise, 0, tokens * token_bytes);
    const uint32_t readings = (batch.num_heads + head_rows - 1) / head_rows;
    const double head_macs = static_cast<double>(model.head.rows) * model.head.columns;
    add(KernelKind::kHead, 2.0 * head_macs * batch.num_heads,
        readings * static_cast<double>(model.head.bytes));
}

}  // namespace pitwall::cuda
