// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/weights.h"

#include <fmt/format.h>

#include <algorithm>

namespace pitwall::engine {

std::vector<LayerSlot> layer_slots(const ModelConfig& c) {
    const uint32_t q = c.num_heads * c.head_dim, kv = c.num_kv_heads * c.head_dim;
    const uint32_t d = c.hidden_size, ffn = c.intermediate_size;
    return {
        {&LayerWeights::attn_norm, "attn_norm", 1, d},
        {&LayerWeights::q, "attn_q", q, d},
        {&LayerWeights::k, "attn_k", kv, d},
        {&LayerWeights::v, "attn_v", kv, d},
        {&LayerWeights::attn_output, "attn_output", d, q},
        {&LayerWeights::ffn_norm, "ffn_norm", 1, d},
        {&LayerWeights::gate, "ffn_gate", ffn, d},
        {&LayerWeights::up, "ffn_up", ffn, d},
        {&LayerWeights::down, "ffn_down", d, ffn},
    };
}

std::map<TensorType, uint64_t> bytes_by_type(const Weights& weights, bool tied) {
    std::map<TensorType, uint64_t> bytes;
    const auto add = [&](const TensorView& t) { bytes[t.type] += t.bytes; };
    add(weights.embedding);
    if (!tied) add(weights.output_head);
    add(weights.output_norm);
    for (const LayerWeights& l : weights.layers) {
        for (const TensorView* t :
             {&l.attn_norm, &l.q, &l.k, &l.v, &l.attn_output, &l.ffn_norm, &l.gate, &l.up, &l.down}) {
            add(*t);
        }
    }
    return bytes;
}

std::string format_summary(const std::map<TensorType, uint64_t>& bytes) {
    std::vector<std::pair<uint64_t, TensorType>> sorted;
    sorted.reserve(bytes.size());
    for (const auto& [type, size] : bytes) sorted.emplace_back(size, type);
    std::sort(sorted.rbegin(), sorted.rend());
    std::string out;
    for (const auto& [size, type] : sorted) {
        const double mb = static_cast<double>(size) / 1e6;
        const std::string amount = mb < 10 ? fmt::format("{:.1f} MB", mb) : fmt::format("{:.0f} MB", mb);
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", tensor_type_name(type), amount);
    }
    return out;
}

std::string_view weight_kinds(const Model& model) {
    bool floats = false, quantized = false;
    const auto add = [&](const TensorView& t) { (block_values(t.type) == 1 ? floats : quantized) = true; };
    add(model.output_head());
    for (uint32_t i = 0; i < model.config().num_layers; ++i) {
        const LayerWeights& l = model.layer(i);
        for (const TensorView* t : {&l.q, &l.k, &l.v, &l.attn_output, &l.gate, &l.up, &l.down}) add(*t);
    }
    return floats && quantized ? "float and quantized" : floats ? "float" : "quantized";
}

namespace {

bool is_float(const TensorView* tensor) { return block_values(tensor->type) == 1; }

/// The layers' matrices that weight_dtype=fp8 makes E4M3.
std::vector<const TensorView*> float8_matrices(const Model& model) {
    std::vector<const TensorView*> found;
    for (uint32_t i = 0; i < model.config().num_layers; ++i) {
        const LayerWeights& l = model.layer(i);
        const std::vector<const TensorView*> products[] = {
            {&l.q, &l.k, &l.v}, {&l.attn_output}, {&l.gate, &l.up}, {&l.down}};
        for (const auto& product : products)
            if (std::ranges::all_of(product, is_float))
                found.insert(found.end(), product.begin(), product.end());
    }
    return found;
}

}  // namespace

bool takes_float8(const Model& model) { return !float8_matrices(model).empty(); }

uint64_t float8_weight_bytes(const Model& model) {
    uint64_t bytes = model.weight_bytes();
    for (const TensorView* t : float8_matrices(model))
        bytes -= t->bytes - uint64_t{t->rows} * (t->columns + sizeof(float));
    return bytes;
}

uint64_t total_bytes(const std::map<TensorType, uint64_t>& bytes) {
    uint64_t sum = 0;
    for (const auto& [type, size] : bytes) sum += size;
    return sum;
}

}  // namespace pitwall::engine
