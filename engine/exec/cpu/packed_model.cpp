// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/packed_model.h"

#include <fmt/format.h>

#include "engine/model/check_shapes.h"

namespace pitwall::engine::cpu {
namespace {

size_t all_packed_bytes(const Model& model) {
    size_t bytes = PackedMatrix::packed_bytes(model.embedding());
    if (has_own_head(model)) bytes += PackedMatrix::packed_bytes(model.output_head());
    for (uint32_t i = 0; i < model.config().num_layers; ++i) {
        const LayerWeights& layer = model.layer(i);
        for (const TensorView* view :
             {&layer.q, &layer.k, &layer.v, &layer.attn_output, &layer.gate, &layer.up, &layer.down})
            bytes += PackedMatrix::packed_bytes(*view);
    }
    return bytes;
}

/// Repacks one tensor after the other, and remembers the first thing that went wrong.
class Packer {
  public:
    Packer(const Model& model, PageBuffer& weights, ThreadPool& pool, const LoadProgress& progress)
        : model_(model), pool_(pool), progress_(progress), place_(weights.data()) {}

    PackedMatrix matrix(const TensorView& view, const std::string& name) {
        if (!status_.ok()) return {};
        auto packed = PackedMatrix::pack(view, name.c_str(), pool_, place_);
        place_ += PackedMatrix::packed_bytes(view);
        advance(view);
        if (packed.ok()) return std::move(packed).value();
        status_ = packed.error();
        return {};
    }

    std::vector<float> norm(const TensorView& view) {
        std::vector<float> values(round_to_panel(view.columns), 0.0f);
        dequantize(view.type, view.data, view.columns, values.data());
        advance(view);
        return values;
    }

    const Status& status() const { return status_; }

  private:
    void advance(const TensorView& view) {
        done_bytes_ += view.bytes;
        model_.release_pages();
        if (progress_) progress_(std::min(done_bytes_, model_.weight_bytes()), model_.weight_bytes());
    }

    const Model& model_;
    ThreadPool& pool_;
    const LoadProgress& progress_;
    std::byte* place_;  ///< of the next matrix
    uint64_t done_bytes_ = 0;
    Status status_;
};

void pack_layer(Packer& packer, const LayerWeights& weights, const std::string& prefix, PackedLayer& layer) {
    layer.attn_norm = packer.norm(weights.attn_norm);
    layer.q = packer.matrix(weights.q, prefix + "attn_q.weight");
    layer.k = packer.matrix(weights.k, prefix + "attn_k.weight");
    layer.v = packer.matrix(weights.v, prefix + "attn_v.weight");
    layer.attn_output = packer.matrix(weights.attn_output, prefix + "attn_output.weight");
    layer.ffn_norm = packer.norm(weights.ffn_norm);
    layer.gate = packer.matrix(weights.gate, prefix + "ffn_gate.weight");
    layer.up = packer.matrix(weights.up, prefix + "ffn_up.weight");
    layer.down = packer.matrix(weights.down, prefix + "ffn_down.weight");
}

void join_products(const PackedModel& model, PackedLayer& layer) {
    layer.qkv.append(layer.q, 0);
    layer.qkv.append(layer.k, model.k_column);
    layer.qkv.append(layer.v, model.v_column);
    layer.output.append(layer.attn_output, 0);
    layer.gate_up.append_pairs(layer.gate, layer.up);
    layer.ffn_down.append(layer.down, 0);
}

uint64_t matrix_bytes(const PackedLayer& layer) {
    return layer.qkv.bytes() + layer.output.bytes() + layer.gate_up.bytes() + layer.ffn_down.bytes();
}

}  // namespace

uint64_t PackedModel::layer_bytes() const {
    uint64_t sum = 0;
    for (const auto& layer : layers) sum += matrix_bytes(layer);
    return sum;
}

uint64_t PackedModel::bytes() const {
    const uint64_t norms = (2 * layers.size() + 1) * output_norm.size() * sizeof(float);
    return layer_bytes() + embedding.bytes() + (separate_head ? separate_head->bytes() : 0) + norms;
}

Result<std::unique_ptr<PackedModel>> pack_model(const Model& model, ThreadPool& pool,
                                                const LoadProgress& progress) {
    const ModelConfig& config = model.config();
    if (Status status = check_shapes(model); !status.ok()) return status.error();
    auto packed = std::make_unique<PackedModel>();
    packed->config = config;
    packed->k_column = round_to_panel(config.num_heads * config.head_dim);
    packed->v_column = packed->k_column + round_to_panel(config.num_kv_heads * config.head_dim);
    packed->qkv_columns = packed->v_column + round_to_panel(config.num_kv_heads * config.head_dim);

    auto weights = PageBuffer::allocate(all_packed_bytes(model), "weights");
    if (!weights.ok()) return weights.error();
    packed->weights = std::move(weights).value();
    Packer packer(model, packed->weights, pool, progress);
    packed->embedding = packer.matrix(model.embedding(), "token_embd.weight");
    packed->output_norm = packer.norm(model.output_norm());
    packed->layers.resize(config.num_layers);
    for (uint32_t i = 0; i < config.num_layers && packer.status().ok(); ++i) {
        pack_layer(packer, model.layer(i), fmt::format("blk.{}.", i), packed->layers[i]);
    }
    if (has_own_head(model)) {
        packed->separate_head = packer.matrix(model.output_head(), "output.weight");
    }
    if (!packer.status().ok()) return packer.status().error();
    for (auto& layer : packed->layers) join_products(*packed, layer);
    packed->head.append(packed->separate_head ? *packed->separate_head : packed->embedding, 0);
    return packed;
}

}  // namespace pitwall::engine::cpu
