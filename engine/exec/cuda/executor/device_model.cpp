// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/device_model.h"

#include <span>

#include "engine/exec/cuda/kernels/matrix_layout.h"
#include "engine/model/model.h"

namespace pitwall::cuda {
namespace {

using engine::TensorType;
using engine::TensorView;

TensorView view_of(const abi::Tensor& t) {
    return {static_cast<TensorType>(t.type), t.rows, t.columns, static_cast<const std::byte*>(t.data),
            t.bytes};
}

engine::ModelConfig whole_config(const abi::Model& m) {
    engine::ModelConfig c;
    c.num_layers = m.num_layers;
    c.hidden_size = m.hidden_size;
    c.num_heads = m.num_heads;
    c.num_kv_heads = m.num_kv_heads;
    c.head_dim = m.head_dim;
    c.intermediate_size = m.intermediate_size;
    c.vocab_size = m.vocab_size;
    c.max_context_tokens = m.max_context_tokens;
    c.rms_epsilon = m.rms_epsilon;
    c.rope_base = m.rope_base;
    c.tied_embeddings = m.tied_embeddings != 0;
    return c;
}

/// Of all tensors that are read, each as often as that.
uint64_t stored_bytes(const abi::Model& m, const ModelShare& share) {
    uint64_t bytes = m.embedding.bytes + m.output_norm.bytes;
    if (!m.tied_embeddings) bytes += m.output_head.bytes;
    if (m.tied_embeddings && share.ranks > 1) bytes += m.embedding.bytes;
    for (uint32_t i = 0; i < m.num_layers; ++i) {
        const abi::Layer& l = m.layers[i];
        for (const abi::Tensor* t :
             {&l.attn_norm, &l.q, &l.k, &l.v, &l.attn_output, &l.ffn_norm, &l.gate, &l.up, &l.down})
            bytes += t->bytes;
    }
    return bytes;
}

/// Lays one tensor after the other out, or what the share has of it, and brings it to the device. Remembers the first thing that
/// went wrong.
class Loader {
  public:
    Loader(DeviceModel& model, WeightDtype dtype, Stream& stream, const LoadProgress& progress,
           uint64_t total_bytes)
        : model_(model), dtype_(dtype), stream_(stream), progress_(progress), total_bytes_(total_bytes) {}

    DeviceMatrix whole(const abi::Tensor& tensor) {
        const TensorView view = view_of(tensor);
        return keep([&] { return pack_matrix({&view, 1}); }, {tensor});
    }
    DeviceMatrix by_rows(std::initializer_list<abi::Tensor> tensors) {
        std::vector<TensorView> views;
        for (const abi::Tensor& t : tensors) views.push_back(rows_of(view_of(t), model_.share));
        return keep([&] { return pack_matrix(views, dtype_); }, tensors);
    }
    DeviceMatrix by_columns(const abi::Tensor& tensor) {
        const TensorView view = view_of(tensor);
        return keep([&] { return pack_columns(view, columns_of(view, model_.share), dtype_); }, {tensor});
    }
    DeviceMatrix gate_up(const abi::Tensor& gate, const abi::Tensor& up) {
        const TensorView g = rows_of(view_of(gate), model_.share), u = rows_of(view_of(up), model_.share);
        return keep([&] { return pack_gate_up(g, u, dtype_); }, {gate, up});
    }
    DeviceMatrix head(const abi::Tensor& tensor) {
        const TensorView rows = head_rows_of(view_of(tensor), model_.share);
        return keep([&] { return pack_matrix({&rows, 1}); }, {tensor});
    }
    const float* norm(const abi::Tensor& tensor) {
        if (!status_.ok()) return nullptr;
        std::vector<float> values(tensor.columns);
        engine::dequantize(static_cast<TensorType>(tensor.type), static_cast<const std::byte*>(tensor.data),
                           values.size(), values.data());
        const std::byte* place = upload(std::as_bytes(std::span(values)));
        advance({tensor});
        return reinterpret_cast<const float*>(place);
    }

    const Status& status() const { return status_; }

  private:
    template <class Pack>
    DeviceMatrix keep(const Pack& pack, std::initializer_list<abi::Tensor> tensors) {
        if (!status_.ok()) return {};
        const HostMatrix packed = pack();
        DeviceMatrix matrix = packed.shape;
        matrix.values = upload(packed.values);
        matrix.scales = upload(packed.scales);
        if (has_row_scales(matrix.format))
            matrix.row_scales =
                reinterpret_cast<const float*>(upload(std::as_bytes(std::span(packed.row_scales))));
        advance(tensors);
        return matrix;
    }

    std::byte* upload(std::span<const std::byte> bytes) {
        auto memory = DeviceMemory::allocate(bytes.size(), "weights");
        if (!memory.ok()) {
            status_ = memory.error();
            return nullptr;
        }
        std::byte* const place = memory.value().data();
        stream_.copy_to_device(place, bytes.data(), bytes.size());
        if (Status done = stream_.synchronize(); !done.ok()) status_ = done;
        model_.bytes += bytes.size();
        model_.memory.push_back(std::move(memory).value());
        return place;
    }

    void advance(std::initializer_list<abi::Tensor> tensors) {
        for (const abi::Tensor& t : tensors) done_bytes_ += t.bytes;
        if (status_.ok() && progress_ && !progress_(done_bytes_, total_bytes_))
            status_ = Error{"cancelled", ""};
    }

    DeviceModel& model_;
    WeightDtype dtype_;  ///< of the layers
    Stream& stream_;
    const LoadProgress& progress_;
    uint64_t done_bytes_ = 0, total_bytes_;
    Status status_;
};

DeviceLayer load_layer(Loader& loader, const abi::Layer& layer) {
    DeviceLayer out{};
    out.attn_norm = loader.norm(layer.attn_norm);
    out.qkv = loader.by_rows({layer.q, layer.k, layer.v});
    out.output = loader.by_columns(layer.attn_output);
    out.ffn_norm = loader.norm(layer.ffn_norm);
    out.gate_up = loader.gate_up(layer.gate, layer.up);
    out.down = loader.by_columns(layer.down);
    return out;
}

}  // namespace

Result<DeviceModel> load_model(const abi::Model& source, const ModelShare& share, WeightDtype dtype,
                               Stream& stream, const LoadProgress& progress) {
    DeviceModel model;
    model.share = share;
    model.config = config_of(whole_config(source), share);
    Loader loader(model, dtype, stream, progress, stored_bytes(source, share));
    model.embedding = loader.whole(source.embedding);
    model.output_norm = loader.norm(source.output_norm);
    for (uint32_t i = 0; i < source.num_layers && loader.status().ok(); ++i)
        model.layers.push_back(load_layer(loader, source.layers[i]));
    const abi::Tensor& head = source.tied_embeddings ? source.embedding : source.output_head;
    model.head = source.tied_embeddings && share.ranks == 1 ? model.embedding : loader.head(head);
    if (!loader.status().ok()) return loader.status().error();
    return model;
}

}  // namespace pitwall::cuda
