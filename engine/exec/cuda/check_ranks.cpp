// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/check_ranks.h"

#include <fmt/format.h>

#include <string>

namespace pitwall::engine {
namespace {

constexpr uint32_t kGroupValues = 32;  ///< codes with a scale of their own, as the device has them

bool has_codes(TensorType type) { return block_values(type) > 1; }

/// "" where it can be.
std::string why_not(const ModelConfig& config, uint32_t ranks) {
    const auto divided = [&](uint32_t number, const char* what) {
        return number % ranks == 0 ? ""
                                   : fmt::format("its {} {} cannot be divided by {}", number, what, ranks);
    };
    if (config.num_kv_heads < ranks) return fmt::format("it has {} KV heads", config.num_kv_heads);
    if (std::string why = divided(config.num_heads, "heads"); !why.empty()) return why;
    if (std::string why = divided(config.num_kv_heads, "KV heads"); !why.empty()) return why;
    if (std::string why = divided(config.intermediate_size, "neurons of a layer"); !why.empty()) return why;
    const uint32_t each = (config.vocab_size + ranks - 1) / ranks;
    return each * (ranks - 1) < config.vocab_size ? "" : fmt::format("it has {} tokens", config.vocab_size);
}

std::string why_not(const TensorView& tensor, const char* name, uint32_t ranks) {
    const uint32_t each = tensor.columns / ranks;
    if (!has_codes(tensor.type) || each % kGroupValues == 0) return "";
    return fmt::format("a share of {} columns of {} cuts a group of {} codes in two", each, name,
                       kGroupValues);
}

std::string why_not(const Model& model, uint32_t ranks) {
    std::string why = why_not(model.config(), ranks);
    for (uint32_t i = 0; i < model.config().num_layers && why.empty(); ++i) {
        const LayerWeights& layer = model.layer(i);
        why = why_not(layer.attn_output, "attn_output", ranks);
        if (why.empty()) why = why_not(layer.down, "ffn_down", ranks);
    }
    return why;
}

}  // namespace

Status check_ranks(const Model& model, uint32_t ranks) {
    if (ranks == 1) return {};
    const std::string why = why_not(model, ranks);
    if (why.empty()) return {};
    uint32_t most = ranks - 1;
    while (most > 1 && !why_not(model, most).empty()) --most;
    return Error{fmt::format("the model cannot be shared by {} GPUs: {}", ranks, why),
                 most > 1 ? fmt::format("use {}", most) : "use one"};
}

}  // namespace pitwall::engine
