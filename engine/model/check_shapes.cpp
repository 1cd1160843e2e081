// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/check_shapes.h"

#include <fmt/format.h>

#include "engine/model/weights.h"

namespace pitwall::engine {
namespace {

Error damaged(std::string what) { return {std::move(what), "use another model file"}; }

Status check_config(const ModelConfig& config) {
    const bool whole = config.num_layers > 0 && config.hidden_size > 0 && config.num_heads > 0 &&
                       config.num_kv_heads > 0 && config.head_dim > 0 && config.intermediate_size > 0 &&
                       config.vocab_size > 0;
    if (!whole) return damaged("the model's shape has a size of zero");
    if (config.num_heads % config.num_kv_heads != 0) {
        return damaged(fmt::format("{} query heads cannot share {} KV heads equally", config.num_heads,
                                   config.num_kv_heads));
    }
    if (config.head_dim % 2 != 0)
        return damaged(
            fmt::format("head dimension {} is odd, rotary pairs need an even one", config.head_dim));
    return {};
}

Status check_tensor(const TensorView& view, const std::string& name, uint32_t rows, uint32_t columns) {
    const bool fits = !view.empty() && view.rows == rows && view.columns == columns &&
                      columns % block_values(view.type) == 0 &&
                      view.bytes >= rows * row_bytes(view.type, columns);
    if (fits) return {};
    return damaged(fmt::format("tensor {} is {} x {}, the model's shape needs {} x {}", name, view.rows,
                               view.columns, rows, columns));
}

Status check_layer(const Model& model, uint32_t index) {
    for (const LayerSlot& slot : layer_slots(model.config())) {
        const std::string name = fmt::format("blk.{}.{}.weight", index, slot.name);
        Status status = check_tensor(model.layer(index).*slot.place, name, slot.rows, slot.columns);
        if (!status.ok()) return status;
    }
    return {};
}

}  // namespace

Status check_shapes(const Model& model) {
    const ModelConfig& config = model.config();
    if (Status status = check_config(config); !status.ok()) return status;
    const uint32_t vocab = config.vocab_size, hidden = config.hidden_size;
    if (Status status = check_tensor(model.embedding(), "token_embd.weight", vocab, hidden); !status.ok())
        return status;
    if (Status status = check_tensor(model.output_norm(), "output_norm.weight", 1, hidden); !status.ok())
        return status;
    for (uint32_t i = 0; i < config.num_layers; ++i)
        if (Status status = check_layer(model, i); !status.ok()) return status;
    if (!has_own_head(model)) return {};
    return check_tensor(model.output_head(), "output.weight", vocab, hidden);
}

}  // namespace pitwall::engine
