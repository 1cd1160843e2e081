// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/model_share.h"

#include <algorithm>

namespace pitwall::cuda {
namespace {

using engine::TensorView;

TensorView some_rows(const TensorView& tensor, uint32_t first, uint32_t count) {
    const uint64_t row_bytes = engine::row_bytes(tensor.type, tensor.columns);
    TensorView rows = tensor;
    rows.rows = count;
    rows.data = tensor.data + first * row_bytes;
    rows.bytes = count * row_bytes;
    return rows;
}

}  // namespace

engine::ModelConfig config_of(const engine::ModelConfig& whole, const ModelShare& share) {
    engine::ModelConfig config = whole;
    config.num_heads /= share.ranks;
    config.num_kv_heads /= share.ranks;
    config.intermediate_size /= share.ranks;
    return config;
}

TensorView rows_of(const TensorView& tensor, const ModelShare& share) {
    const uint32_t each = tensor.rows / share.ranks;
    return some_rows(tensor, share.rank * each, each);
}

ColumnRange columns_of(const TensorView& tensor, const ModelShare& share) {
    const uint32_t each = tensor.columns / share.ranks;
    return {share.rank * each, each};
}

TensorView head_rows_of(const TensorView& head, const ModelShare& share) {
    const uint32_t each = logits_each(head.rows, share.ranks), first = share.rank * each;
    return some_rows(head, first, std::min(each, head.rows - first));
}

}  // namespace pitwall::cuda
