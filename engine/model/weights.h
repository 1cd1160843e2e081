// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/model/model.h"

namespace pitwall::engine {

/// All tensors of a model by their place in it.
struct Weights {
    TensorView embedding, output_head, output_norm;
    std::vector<LayerWeights> layers;
};

/// A tensor of a layer: where it goes, its GGUF name within the layer, and the shape that the config asks for.
struct LayerSlot {
    TensorView LayerWeights::*place;
    const char* name;
    uint32_t rows, columns;
};

/// The nine tensors of every layer, in GGUF's customary order.
std::vector<LayerSlot> layer_slots(const ModelConfig& config);

/// Stored bytes by format.
std::map<TensorType, uint64_t> bytes_by_type(const Weights& weights, bool tied);
/// "Q4_1 66 MB, Q8_0 30 MB": most bytes first.
std::string format_summary(const std::map<TensorType, uint64_t>& bytes);
/// Of the matrices that activations are multiplied with: "float", "quantized", or "float and quantized".
std::string_view weight_kinds(const Model& model);
/// Whether weight_dtype=fp8 makes anything of it: a product of a layer (q, k and v are one, gate and up another) has 8 bits where all
/// its matrices are floats.
bool takes_float8(const Model& model);
/// Of all tensors, had those 8 bits and a float32 scale a row.
uint64_t float8_weight_bytes(const Model& model);
uint64_t total_bytes(const std::map<TensorType, uint64_t>& bytes);

}  // namespace pitwall::engine
